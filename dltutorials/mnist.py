"""The MNIST digits, from the file of the tutorial to three pairs of arrays.

``mnist.pkl.gz`` holds 50,000 training, 10,000 validation and 10,000 test
images of 28 x 28 grey values, each a row of 784 numbers in [0, 1) (a byte
divided by 256: 0 is black, 0.99609375 the brightest white), with labels 0-9. It
comes with the package, so that nothing has to be fetched:

>>> train_set, valid_set, test_set = load_mnist()
>>> x, y = train_set
>>> x.shape, x.dtype, y.shape
((50000, 784), dtype('float32'), (50000,))
>>> y[:8].tolist()
[5, 0, 4, 1, 9, 2, 1, 3]

A file is checked before it is used: the reader takes arrays and nothing else
(:mod:`dltutorials.safe_pickle`), the arrays must have the shapes, types and
ranges above, and the standard file must hold the standard digits.
"""

import gzip
import hashlib
import os
import zlib
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from dltutorials.errors import DataError
from dltutorials.safe_pickle import load_pickle

import numpy

FILE_NAME = "mnist.pkl.gz"
SPLITS = ("training", "validation", "test")
N_PIXELS = 784
N_LABELS = 10

PathLike = Union[str, "os.PathLike[str]"]
Split = Tuple[numpy.ndarray, numpy.ndarray]

# The standard content, whatever file holds it: rows, SHA-256 of the images as
# bytes 0-255 row by row, SHA-256 of the labels as bytes. data/README.md tells
# where they come from.
_STANDARD: Dict[str, Tuple[int, str, str]] = {
    "training": (
        50_000,
        "c80ceb24eedca80f31cfca280b8fb911cbb41b9990f998bebd40e26b1ab6d0f8",
        "6072d13d0c3b831e9e4dc3ba693426579504082fc45c186db0f74c0a3092638d",
    ),
    "validation": (
        10_000,
        "2b079632b0defaf508a5ebf8c4ac1e18ce15c8b337da087e9c3e1c84c618d244",
        "f46875b7c22368a38a50c5c7639c3842341b81fe4d628c55fa1818e21e96ab3b",
    ),
    "test": (
        10_000,
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
}
_MAX_BYTES = 1 << 30  # of the unpacked pickle; the standard file has 220 MB
_ROWS_AT_A_TIME = 2_000  # keeps temporary arrays small


def load_mnist(path: Optional[PathLike] = None) -> Tuple[Split, Split, Split]:
    """Load and check MNIST, or a data set in the same format.

    Parameters
    ----------
    path : path, optional
        A file like ``mnist.pkl.gz``. A bare file name that is not in the
        current folder, and the default ``mnist.pkl.gz``, are looked up as
        :func:`find_dataset` says.

    Returns
    -------
    ((x, y), (x, y), (x, y))
        Training, validation and test set; `x` of floats in [0, 1] and shape
        ``(n, 784)``, `y` of integers 0-9 and shape ``(n,)``, as in the file:
        float32 and int64 in the standard one.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read, or its content is wrong:
        the message names the file and what to do.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    Differs: the chapter unpickles whatever it is given, which can run any code.
    """
    file = find_dataset(path)
    try:
        sets = _check_splits(_read(file))
        if path is None or file != Path(path):
            _check_standard(sets)
    except DataError as error:
        raise type(error)(f"{file}: {error}") from None
    return sets


def find_dataset(path: Optional[PathLike] = None) -> Path:
    """Return the file to load.

    The order is: the given path; for a bare file name (by default
    ``mnist.pkl.gz``) then the folder in the environment variable
    ``DLTUTORIALS_DATA``; the ``data`` folder of the checkout or of the
    installed package; the user's cache, ``$XDG_CACHE_HOME/dltutorials``.

    Parameters
    ----------
    path : path, optional

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataError
        If none of these exists; the message lists all of them.
    """
    if path is not None and not os.fspath(path):
        raise DataError("the path of the data set is empty; give that of a file like mnist.pkl.gz")
    candidates = [] if path is None else [Path(path)]
    name = FILE_NAME if path is None else os.fspath(path)
    if name == os.path.basename(name):
        candidates += [folder / name for folder in _data_folders()]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    tried = ", ".join(map(str, candidates))
    raise DataError(
        f"no data set found; tried {tried}; give the path of {FILE_NAME}, "
        "or set DLTUTORIALS_DATA to the folder that holds it"
    )


def _data_folders() -> List[Path]:
    package = Path(__file__).resolve().parent
    folders = [package.parent / "data", package / "data"]
    if os.environ.get("DLTUTORIALS_DATA"):
        folders.insert(0, Path(os.environ["DLTUTORIALS_DATA"]))
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():  # as the XDG specification asks
        cache = Path(os.path.expanduser("~"), ".cache")
    return [*folders, cache / "dltutorials"]


def _read(file: Path) -> Any:
    advice = f"get the file again, expected a gzipped pickle like {FILE_NAME}"
    try:
        with gzip.open(file, "rb") as stream:
            content = load_pickle(stream, _MAX_BYTES)
            if stream.read(1):
                raise DataError("more data follow the pickle")
    except DataError as error:
        raise type(error)(f"{error}; {advice}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"not a sound gzip file ({error}); {advice}") from None
    except EOFError:
        raise DataError(f"the file ends early; {advice}") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from None
    return content


def _check_splits(content: Any) -> Tuple[Split, Split, Split]:
    if not isinstance(content, (tuple, list)) or len(content) != 3:
        raise DataError(
            f"got {_outline(content)}, expected a tuple of three sets, each a pair (x, y)"
        )
    for split, pair in zip(SPLITS, content):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DataError(f"{split} set: got {_outline(pair)}, expected a pair (x, y)")
        try:
            _check_images(pair[0])
            _check_labels(pair[1], len(pair[0]))
        except DataError as error:
            raise DataError(f"{split} set: {error}") from None
    train_set, valid_set, test_set = (tuple(pair) for pair in content)
    return train_set, valid_set, test_set


def _check_images(x: Any) -> None:
    expected = f"expected a float array of shape (n, {N_PIXELS}) with n at least 1"
    if not isinstance(x, numpy.ndarray) or x.ndim != 2:
        raise DataError(f"x: got {_outline(x)}, {expected}")
    if x.dtype.kind != "f" or x.shape[1] != N_PIXELS or not len(x):
        raise DataError(f"x: got {_outline(x)}, {expected}")
    low, high = x.min(), x.max()
    if not (low >= 0 and high <= 1):  # also false for nan
        raise DataError(
            f"x: got values from {low} to {high}, expected 0 to 1 without nan; "
            "divide bytes by 256 and remove what is not a number"
        )


def _check_labels(y: Any, n_examples: int) -> None:
    if not isinstance(y, numpy.ndarray) or y.dtype.kind not in "iu" or y.ndim != 1:
        raise DataError(f"y: got {_outline(y)}, expected an integer array of shape (n,)")
    if len(y) != n_examples:
        raise DataError(f"got {n_examples} images and {len(y)} labels, expected one label an image")
    low, high = y.min(), y.max()
    if low < 0 or high >= N_LABELS:
        raise DataError(f"y: got labels from {low} to {high}, expected 0 to {N_LABELS - 1}")


def _check_standard(sets: Tuple[Split, Split, Split]) -> None:
    for split, (x, y) in zip(SPLITS, sets):
        n_rows, x_digest, y_digest = _STANDARD[split]
        if len(x) != n_rows:
            raise DataError(
                f"{split} set: got {len(x)} examples, expected the {n_rows} of MNIST; "
                "restore the file, or give the path of your own data"
            )
        if (_digest_of_images(x), _digest_of_labels(y)) != (x_digest, y_digest):
            raise DataError(
                f"{split} set: these are not the digits of MNIST (the SHA-256 of the content "
                "differs); restore the file, or give the path of your own data"
            )


def _digest_of_images(x: numpy.ndarray) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(x), _ROWS_AT_A_TIME):
        scaled = x[start : start + _ROWS_AT_A_TIME] * 256
        pixels = scaled.astype(numpy.uint8)
        if not numpy.array_equal(pixels, scaled):
            return "not bytes divided by 256"
        digest.update(pixels.tobytes())
    return digest.hexdigest()


def _digest_of_labels(y: numpy.ndarray) -> str:
    return hashlib.sha256(y.astype(numpy.uint8).tobytes()).hexdigest()


def _outline(value: Any) -> str:
    """Describe what a file held, however large it is."""
    if isinstance(value, numpy.ndarray):
        return f"a {value.dtype} array of shape {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
