r"""The kind of a file, recognized by its first bytes, for messages about unexpected files.

>>> import io
>>> print(name_kind(io.BytesIO(b"PK\x03\x04...")))
a zip archive, as .npz files and PyTorch's files are
>>> print(name_kind(io.BytesIO(b"label,pixel0,pixel1\n7,0,0\n")))
text
>>> print(name_kind(io.BytesIO(b"\x80\x05...")))
None
"""

from typing import Any

_HEAD_SIZE = 1024
_KINDS = {
    b"PK\x03\x04": "a zip archive, as .npz files and PyTorch's files are",
    b"PK\x05\x06": "an empty zip archive",
    b"\x93NUMPY": "a .npy file",
    b"\x1f\x8b": "compressed with gzip, as mnist.pkl.gz is",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF-": "a PDF document",
    b"\x7fELF": "a program",
    b"\x00\x00\x08": "an IDX file, as the original MNIST files are",
    b"{": "JSON text",
}


def name_kind(file: Any) -> str | None:
    """Return what a file is, judging by its first bytes.

    Parameters
    ----------
    file : binary file
        Read from the start; its position changes.

    Returns
    -------
    str or None
        The predicate of a sentence; None for pickles and for unknown bytes.
    """
    file.seek(0)
    head = file.read(_HEAD_SIZE)
    for signature, kind in _KINDS.items():
        if head.startswith(signature):
            return kind
    return "text" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    """Return whether this is text, not a pickle of protocol 0, whose lines have no separators."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < _HEAD_SIZE - 3:  # not just a character cut off by the head
            return False
        text = head[: error.start].decode("utf-8")
    has_separator = any(separator in text.partition("\n")[0] for separator in ",;\t ")
    return has_separator and all(c.isprintable() or c.isspace() for c in text)
