"""Opening image files so that none takes more time or memory than its content needs.

Only common raster formats are read, those with compiled decoders: with others, Pillow may take
minutes (FITS) or run another program (EPS).
"""

import contextlib
import errno
import os
import warnings
from collections.abc import Iterator
from typing import Any

from dltutorials.exceptions import DataError, reason_of
from dltutorials.extras import import_optional
from dltutorials.io.reading import open_file
from dltutorials.types import PathLike

MAX_PIXELS = 50_000_000
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "HEIF", "AVIF")


@contextlib.contextmanager
def open_image(path: PathLike) -> Iterator[Any]:
    """Open an image with Pillow; its pixels are not read yet.

    Parameters
    ----------
    path : path

    Raises
    ------
    DataError
        If the file is not an image in one of these formats, has more than 50 million pixels, or
        proves damaged in the block.
    OSError
        If it cannot be read.
    SetupError
        If Pillow is not installed.
    """
    pillow = import_optional("PIL.Image", "images need Pillow")
    pillow.init()
    with open_file(path) as file, _reading(pillow):
        if not os.fstat(file.fileno()).st_size:
            raise DataError("empty; give an image")
        image = pillow.open(file, formats=[name for name in FORMATS if name in pillow.OPEN])
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise DataError(
                f"has {width:,} x {height:,} pixels, expected at most {MAX_PIXELS:,} in all; "
                "make it smaller"
            )
        yield image


@contextlib.contextmanager
def _reading(pillow: Any) -> Iterator[None]:
    """Turn Pillow's errors and warnings into one line; damage raises errors of any kind."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            yield
    except (DataError, MemoryError):
        raise
    except pillow.UnidentifiedImageError:
        raise DataError("not an image in a supported format, such as PNG or JPEG") from None
    except (pillow.DecompressionBombWarning, pillow.DecompressionBombError):
        raise DataError(f"has more than {MAX_PIXELS:,} pixels; make it smaller") from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # a file that cannot be read
        raise DataError(f"a damaged image: {reason_of(error)}") from None
