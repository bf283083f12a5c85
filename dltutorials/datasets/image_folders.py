"""Images in folders that are named after their classes: ``pets/cat/1.png``, ``pets/dog/7.png``.

If the folder has the parts ``train`` and ``test``, and optionally ``valid``, each of them has a
folder per class. All images have the same size, and are read as grey values.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.datasets.npz import Content
from dltutorials.exceptions import DataError, in_file, within
from dltutorials.io.images import open_image
from dltutorials.types import Split

import numpy

_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
_PARTS = (("train", "valid", "test"), ("train", "val", "test"), ("train", "test"))


def list_images(folder: Path) -> list[Path]:
    """Return the images in the class folders of a folder, and in those of its parts."""
    return [
        file for path in (*folder.glob("*/"), *folder.glob("*/*/")) for file in _images_in(path)
    ]


def read_image_folder(folder: Path) -> Content:
    """Read a folder of images.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    Content
        Images as uint8 arrays ``(n, height, width)``; labels are the names of their folders.

    Raises
    ------
    DataError
        If an image cannot be read, or differs in size from the first.
    SetupError
        If Pillow is not installed.
    """
    names = {path.name for path in _folders_in(folder)}
    parts: Sequence[str] = next((parts for parts in _PARTS if set(parts) == names), ())
    sets: list[Split] = []
    size: Any = None
    for part in parts or ("",):
        with within(part) if part else within(folder.name):
            images, labels = [], []
            for kind in _folders_in(folder / part):
                for file in _images_in(kind):
                    images.append(_read(file, size))
                    size = images[0].shape
                    labels.append(kind.name)
            if not images:
                raise DataError("holds no folder with images, expected one for each class")
            sets.append((numpy.stack(images), numpy.array(labels)))
    return Content(sets)


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _images_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)


def _read(file: Path, size: Any) -> numpy.ndarray:
    place = f"{file.parent.name}/{file.name}"
    with in_file(place, "leave it out, or convert it"), open_image(file) as image:
        pixels = numpy.asarray(image.convert("L"))
    if size is not None and pixels.shape != size:
        raise DataError(
            f"{place}: got {pixels.shape[1]} x {pixels.shape[0]} pixels, expected the "
            f"{size[1]} x {size[0]} of the first image; bring all to one size: "
            f"PIL.Image.open(file).resize(({size[1]}, {size[0]}))"
        )
    return pixels
