"""Recognition of a data set's format, and advice for unsupported formats."""

import contextlib
import gzip
import zlib
from pathlib import Path

from dltutorials.datasets.idx import has_idx_files, read_idx_folder
from dltutorials.datasets.image_folders import list_images, read_image_folder
from dltutorials.datasets.npz import Content, read_npy_folder, read_npz
from dltutorials.datasets.pickled import GZIP_MAGIC, read_pickled_sets
from dltutorials.exceptions import DataError
from dltutorials.io.file_kinds import name_kind
from dltutorials.io.reading import open_file

_ZIP_MAGIC = b"PK"
_FORMATS = "an .npz file, a file like mnist.pkl.gz, or a folder of IDX files or of images"
# Other formats, and the lines that convert them to a data set.
_CONVERSIONS = {
    "text": 'table = numpy.loadtxt("{name}", delimiter=",", skiprows=1); '
    'numpy.savez("{stem}.npz", x=table[:, 1:], y=table[:, 0]) if the labels are in front',
    "a .npy file": 'numpy.savez("{stem}.npz", x=numpy.load("{name}"), y=labels)',
    "an HDF5 file": 'file = h5py.File("{name}"); '
    'numpy.savez("{stem}.npz", x=file["x"], y=file["y"])',
    "an IDX file": "give the folder that holds the four of them",
    "image": "give the folder that holds a folder of images for each class",
}


def read_content(file: Path, memory_map: bool = False) -> Content:
    """Read a file or a folder in any of the supported formats.

    Parameters
    ----------
    file : pathlib.Path
    memory_map : bool
        Whether to leave arrays in their file if its format allows it.

    Returns
    -------
    Content
        Not yet checked.

    Raises
    ------
    DataError
        If it is in none of the formats, or is damaged.
    OSError
        If it cannot be read.
    """
    if file.is_dir():
        return _read_folder(file, memory_map)
    with open_file(file) as stream:
        head = stream.read(len(GZIP_MAGIC))
        kind = name_kind(stream)
    if file.suffix == ".npz" or head == _ZIP_MAGIC:
        return read_npz(file, memory_map)
    if head == GZIP_MAGIC:
        with contextlib.suppress(OSError, EOFError, zlib.error), gzip.open(file) as packed:
            kind = name_kind(packed)
    if kind is not None:
        raise DataError(f"is {kind}, expected {_FORMATS}{_conversion(kind, file)}")
    return Content(read_pickled_sets(file))


def _conversion(kind: str, file: Path) -> str:
    for part, line in _CONVERSIONS.items():
        if part in kind:
            return f"; {line.format(name=file.name, stem=file.stem)}"
    return ""


def _read_folder(folder: Path, memory_map: bool) -> Content:
    if has_idx_files(folder):
        return Content(read_idx_folder(folder))
    if any(folder.glob("*.npy")):
        return read_npy_folder(folder, memory_map)
    if list_images(folder):
        return read_image_folder(folder)
    deeper = [path for path in (*folder.glob("*/"), *folder.glob("*/*/")) if has_idx_files(path)]
    if deeper:
        raise DataError(f"holds no data set itself, but {deeper[0]} does: give that path")
    names = sorted(path.name for path in folder.iterdir())
    held = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    raise DataError(
        f"train-images-idx3-ubyte is not there; the folder holds {held or 'nothing'}, expected the "
        "four IDX files of a data set, or a folder of images for each class"
    )
