"""The published data sets that the project knows: where they are, and what they contain.

>>> sorted(CATALOGUE)
['fashion-mnist', 'mnist']
>>> CATALOGUE["mnist"].file_name
'mnist.pkl.gz'

Each was published as four IDX files (:mod:`dltutorials.datasets.idx`); the project keeps it as one
file in the tutorial's format.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.datasets.sources import FloatRows, read_blocks
from dltutorials.exceptions import DataError

import numpy


class PublishedFile(NamedTuple):
    """A file on a server: its name, length in bytes, and MD5."""

    name: str
    n_bytes: int
    md5: str


class PublishedDataset(NamedTuple):
    """A data set that can be fetched.

    Attributes
    ----------
    title : str
    file_name : str
        Name of the file in the tutorial's format.
    mirrors : tuple of str
        Folders on servers that hold `files`, tried in turn.
    files : tuple of PublishedFile
    content : dict
        For each set: the number of rows, and the SHA-256 of its images as bytes 0-255 row by row
        and of its labels as bytes, in any file format; empty if none have been published.
    """

    title: str
    file_name: str
    mirrors: tuple[str, ...]
    files: tuple[PublishedFile, ...]
    content: dict[str, tuple[int, str, str]]


CATALOGUE = {
    "mnist": PublishedDataset(
        title="MNIST",
        file_name="mnist.pkl.gz",
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ),
        files=(
            PublishedFile(
                "train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"
            ),
            PublishedFile("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
            PublishedFile(
                "t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"
            ),
            PublishedFile("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
        # data/README.md says where these come from.
        content={
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
        },
    ),
    "fashion-mnist": PublishedDataset(
        title="Fashion-MNIST",
        file_name="fashion-mnist.pkl.gz",
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        ),
        files=(
            PublishedFile(
                "train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"
            ),
            PublishedFile("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
            PublishedFile(
                "t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"
            ),
            PublishedFile("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
        content={},
    ),
}


def require_content(sets: Sequence[tuple[Any, Any]], published: PublishedDataset) -> None:
    """Refuse sets whose content is not that of a published data set.

    Parameters
    ----------
    sets : sequence of (x, y)
        Training, validation and test set.
    published : PublishedDataset

    Raises
    ------
    DataError
    """
    advice = (
        "restore the file, or give the path of your own data: "
        f"./{published.file_name} if it is in this folder"
    )
    for (split, (n_rows, x_digest, y_digest)), (x, y) in zip(published.content.items(), sets):
        if len(x) != n_rows:
            raise DataError(
                f"{split} set: got {len(x)} examples, expected the {n_rows} of "
                f"{published.title}; {advice}"
            )
        if (_digest_of_images(x), _digest_of_labels(y)) != (x_digest, y_digest):
            raise DataError(
                f"{split} set: these are not the images of {published.title} (the SHA-256 of the "
                f"content differs); {advice}"
            )


def _digest_of_images(x: Any) -> str:
    digest = hashlib.sha256()
    for block in read_blocks(FloatRows(x, "float32")):
        scaled = block * 256
        pixels = scaled.astype(numpy.uint8)
        if not numpy.array_equal(pixels, scaled):
            return "not bytes divided by 256"
        digest.update(pixels.tobytes())
    return digest.hexdigest()


def _digest_of_labels(y: numpy.ndarray) -> str:
    return hashlib.sha256(y.astype(numpy.uint8).tobytes()).hexdigest()
