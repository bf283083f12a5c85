"""The tutorial's format: three sets in a gzipped pickle, as in ``mnist.pkl.gz``.

The pickle holds ``(train_set, valid_set, test_set)``, each a pair ``(x, y)`` of
arrays. Reading it never runs code (:mod:`dltutorials.io.safe_pickle`); a pickle that is not
gzipped is read as well.

>>> import gzip, pathlib, pickle, tempfile, numpy
>>> file = pathlib.Path(tempfile.mkdtemp(), "tiny.pkl.gz")
>>> pair = (numpy.eye(2), numpy.arange(2))
>>> write_pickled_sets((pair, pair, pair), file)
>>> with gzip.open(file) as stream:  # as the chapter reads it
...     train_set, valid_set, test_set = pickle.load(stream)
>>> read_pickled_sets(file)[2][1].tolist()
[0, 1]
"""

import gzip
import pickle
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.datasets.array_like import describe
from dltutorials.exceptions import DataError, within
from dltutorials.io.files import durable_writer
from dltutorials.io.safe_pickle import load_pickle
from dltutorials.types import Split

MAX_BYTES = 1 << 30  # of the unpacked pickle; MNIST's has 220 MB
GZIP_MAGIC = b"\x1f\x8b"
PICKLE_MAGIC = b"\x80"  # in all protocols but 0 and 1


def read_pickled_sets(file: Path) -> list[Split]:
    """Read a data set in the tutorial's format.

    Parameters
    ----------
    file : pathlib.Path

    Returns
    -------
    list of three (x, y)
        Training, validation and test set.

    Raises
    ------
    DataError
        If the file cannot be read, or does not hold three pairs.
    """
    content = _unpickle(file)
    if not isinstance(content, (tuple, list)) or len(content) != 3:
        raise DataError(
            f"got {describe(content)}, expected a tuple of three sets, each a pair (x, y)"
        )
    for split, pair in zip(("training", "validation", "test"), content):
        with within(f"{split} set"):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise DataError(f"got {describe(pair)}, expected a pair (x, y)")
    return [tuple(pair) for pair in content]


def write_pickled_sets(sets: Sequence[Split], path: Path) -> None:
    """Write a data set in the tutorial's format; the file appears whole or not at all.

    Parameters
    ----------
    sets : ((x, y), (x, y), (x, y))
        Training, validation and test set, as arrays.
    path : pathlib.Path

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with durable_writer(path) as file, gzip.open(file, "wb", compresslevel=4) as packed:
        pickle.dump(tuple(sets), packed, protocol=4)


def _unpickle(file: Path) -> Any:
    advice = "expected a gzipped pickle of three pairs (x, y) of arrays, like mnist.pkl.gz"
    with open(file, "rb") as stream:
        is_plain = stream.read(1) == PICKLE_MAGIC or file.suffix != ".gz"
        stream.seek(0)
        is_plain = is_plain and stream.read(len(GZIP_MAGIC)) != GZIP_MAGIC
    try:
        with open(file, "rb") if is_plain else gzip.open(file, "rb") as stream:
            content = load_pickle(stream, MAX_BYTES)
            if stream.read(1):
                raise DataError("more data follow the pickle")
    except DataError as error:
        raise type(error)(f"{error}; {advice}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"not a sound gzip file ({error}); get the file again, {advice}") from None
    except EOFError:
        raise DataError(f"the file ends early; get it again, {advice}") from None
    return content
