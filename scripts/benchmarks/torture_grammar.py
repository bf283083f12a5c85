"""Files that are made up by the rules of their format, correct or nearly so.

Damaged bytes seldom get past the first check of a reader; these do. What a reader accepts is
compared with what NumPy, or Python, reads from the same file.
"""

import contextlib
import io
import json
import math
import pickle
import random
import shutil
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dltutorials.datasets import load_mnist
from dltutorials.io.npz import open_npz, read_array
from dltutorials.io.safe_pickle import load_pickle

import numpy

_GIVEN = ("train_x.npy", "train-images-idx3-ubyte")
SIZES = (0, 1, 2, 3, 4, 2**31, 2**63, 10**30, -1)
# Values that JSON can represent, or nearly; the texts are written as they are.
_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**18,
    10**400,
    1e308,
    "",
    "\ud800",
    "params_0",
    [],
    [[]],
    {},
    [None],
)
_ODD_TEXTS = ("NaN", "-Infinity", "1e999", "9" * 5000, "-0", "[" * 5000, "1.", "'a'", "\\")


def _mostly(right: Any, odd: Sequence[Any], rng: random.Random) -> Any:
    return right if rng.random() < 0.8 else rng.choice(odd)


def make_array_file(rng: random.Random) -> bytes:
    """Return the content of an .npy file."""
    size = rng.choice(SIZES)
    right = rng.choice([(4,), (4, 2), (2, 2, 2), (1, 4), (4, 1, 1), (0, 3), ()])
    odd_shapes = [(size,), (2, size), (size, 0), (1,) * 33, size, [size], (True,), "4", (4.0,)]
    dtype = numpy.dtype(rng.choice(["<f4", ">f8", "<f8", "|u1", "<i8", "|b1", "<f2", ">i2"]))
    odd = ("<U3", "|O", "|S2", "<f3", "f4", "", "a5", 3, "<U0", "|V0", "|V4", "<M8[s]", "<c8")
    fields = {
        "descr": _mostly(dtype.str, [*odd, "<f16", "=f4", "float32", [("a", "<f4")]], rng),
        "fortran_order": _mostly(rng.choice([True, False]), [0, 1, "no", None], rng),
        "shape": _mostly(right, odd_shapes, rng),
    }
    if rng.random() < 0.1:
        fields[rng.choice(["colour", "shape"])] = rng.choice([1, (4,)])
    text = repr(fields).encode() + b"\n"
    version = _mostly(1, [2, 3, 0, 255], rng)
    length = len(text).to_bytes(4 if version in (2, 3) else 2, "little")
    n_bytes = _mostly(math.prod(right) * dtype.itemsize, [0, 4, 7, 16, 64], rng)
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + rng.randbytes(n_bytes)


def make_archive(rng: random.Random) -> bytes:
    """Return an .npz file of one array."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice([0, 8, 8, 12, 14])) as archive:
        archive.writestr("x.npy", make_array_file(rng))
    return file.getvalue()


def read_archive(path: Path) -> Any:
    """Read an array from an archive."""
    with open_npz(path) as archive:
        return read_array(archive, "x", kinds="fiub")


def load_archive(path: Path) -> Any:
    """Read an array from an archive with NumPy."""
    with numpy.load(path, allow_pickle=False) as file:
        return file["x"]


def read_in(folder: Path, path: Path) -> Any:
    """Read the training examples of a data set; one file of the folder is given."""
    name = next(name for name in _GIVEN if (folder / name).exists())
    shutil.copyfile(path, folder / name)
    return load_mnist(folder)[0][0]


def load_array(path: Path) -> Any:
    """Read training examples with NumPy."""
    x = numpy.load(path, allow_pickle=False)
    if x.dtype.kind != "f":
        x = (x / 256 if x.dtype == "uint8" else x).astype("float32")
    return x.reshape(len(x), -1)


def load_idx(path: Path) -> Any:
    """Read training images as the format says; the last sixth is for validation."""
    content = path.read_bytes()
    shape = struct.unpack(">3i", content[4:16])
    x = numpy.frombuffer(content[16:], "u1").reshape(shape) / 256
    return x[: shape[0] - shape[0] // 6].reshape(-1, shape[1] * shape[2]).astype("float32")


def save_folders(folder: Path) -> tuple[Path, Path]:
    """Write data sets as .npy files and as IDX files, but for the training examples."""
    npy, idx = folder / "npy", folder / "idx"
    for path in npy, idx:
        path.mkdir(exist_ok=True)
    for part in "train", "valid", "test":
        numpy.save(npy / f"{part}_x.npy", numpy.ones((4, 2)))
        numpy.save(npy / f"{part}_y.npy", numpy.arange(4) % 2)
    labels = numpy.arange(12, dtype="u1") % 2
    for part, n in ("train", 12), ("t10k", 3):
        header = struct.pack(">4i", 0x803, n, 2, 2)
        (idx / f"{part}-images-idx3-ubyte").write_bytes(header + bytes(4 * n))
        header = struct.pack(">2i", 0x801, n)
        (idx / f"{part}-labels-idx1-ubyte").write_bytes(header + labels[:n].tobytes())
    return npy, idx


def make_idx(rng: random.Random) -> bytes:
    """Return a file of images: 12 as a rule."""
    shape = [12, 2, 2]
    if rng.random() < 0.7:
        shape[rng.randrange(3)] = rng.choice([*SIZES[:5], 6, 12, 2**31 - 1, -(2**31)])
    magic = rng.choice([0x803] * 9 + [0x801, 0x903, 0xD03, -1, 0])
    header = struct.pack(">4i", magic, *(min(n, 2**31 - 1) for n in shape))
    n_values = abs(shape[0] * shape[1] * shape[2]) % 1000
    values = rng.randbytes(max(0, n_values + rng.choice([0, 0, 0, 0, -1, 1, -n_values])))
    return header + values if rng.random() < 0.95 else header[: rng.randrange(16)]


def make_pickle(rng: random.Random) -> bytes:
    """Return a pickled array, as NumPy announces and fills it."""
    size = rng.choice(SIZES)
    right = rng.choice([(4,), (4, 2), (2, 2, 2), (1, 4), (0, 3), ()])
    shape = _mostly(right, [(size,), (2, size), (size, 0), (0, size), (1,) * 33, 4, (True,)], rng)
    right_code = rng.choice(["f4", "f8", "u1", "b1", "i8", "i2"])
    code = _mostly(right_code, ["O8", "U3", "V0", "f3", "f16", "c8", "M8", "S1", "b2"], rng)
    order = _mostly(rng.choice(["<", ">", "|", "="]), ["x", "", None, 1], rng)
    is_fortran = _mostly(rng.choice([True, False]), [0, 1, 2, None, 1.0, "F"], rng)
    n_bytes = _mostly(math.prod(right) * int(right_code[1]), [0, 1, 7, 64], rng)
    core = rng.choice(["numpy.core", "numpy._core"])
    dtype = b"cnumpy\ndtype\n" + _emit((code, False, True)) + b"R"
    if rng.random() < 0.8:
        dtype += _emit((3, order, None, None, None, -1, -1, 0)) + b"b"
    empty = _emit(_mostly((0,), [(1,), (), 0], rng)) + _emit(b"b") + b"\x87R"
    array = f"c{core}.multiarray\n_reconstruct\ncnumpy\nndarray\n".encode() + empty
    fields = [_emit(1), _emit(shape), dtype, _emit(is_fortran), _emit(rng.randbytes(n_bytes))]
    if rng.random() < 0.05:
        fields.pop(rng.randrange(5))
    return b"\x80\x04" + array + b"(" + b"".join(fields) + b"tb."


def _emit(value: Any) -> bytes:
    """Return the instructions that push a plain value."""
    return pickle.dumps(value, 2)[2:-1] if not isinstance(value, bytes) else _emit_bytes(value)


def _emit_bytes(value: bytes) -> bytes:
    return b"B" + len(value).to_bytes(4, "little") + value


def read_pickle(path: Path) -> Any:
    """Read a pickled array."""
    with open(path, "rb") as file:
        return load_pickle(file, path.stat().st_size)


def unpickle(path: Path) -> Any:
    """Read a pickled array with Python, after ours has found that it is plain."""
    return pickle.loads(path.read_bytes())


def require_same(value: Any, path: Path, read: Callable[[Path], Any]) -> None:
    """Refuse an array unless the other reader fails, or gets the same numbers."""
    other = value
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = read(path)
    types = [(each.dtype.kind, each.dtype.itemsize, each.shape) for each in (value, other)]
    if types[0] != types[1] or value.tobytes() != other.astype(value.dtype).tobytes():
        raise AssertionError(f"got {value!r}, and NumPy {other!r}")


def forge_json(text: bytes, rng: random.Random) -> bytes:
    """Change one to three values in lines of JSON, as an attacker can."""
    lines = text.splitlines()
    for _ in range(rng.randrange(1, 4)):
        number = rng.randrange(len(lines))
        with contextlib.suppress(ValueError, RecursionError):  # changed before
            value, marker = json.loads(lines[number]), '"odd text"'
            raw = rng.choice(_ODD_TEXTS) if rng.random() < 0.2 else marker
            _change(value, rng, rng.choice(_ODD) if raw == marker else "odd text")
            lines[number] = json.dumps(value).replace(marker, raw).encode()
    return b"\n".join(lines) + b"\n"


def _change(values: Any, rng: random.Random, odd: Any) -> None:
    """Replace, remove or add a value somewhere in a mapping or list."""
    keys = list(values) if isinstance(values, dict) else list(range(len(values)))
    key = rng.choice([*keys, "more"] if isinstance(values, dict) else keys)
    inner = values[key] if key != "more" else None
    if isinstance(inner, (dict, list)) and inner and rng.random() < 0.8:
        _change(inner, rng, odd)
    elif key != "more" and rng.random() < 0.15:
        del values[key]
    else:
        values[key] = odd
