"""Reading pickled arrays without running anything that the pickle asks for.

A pickle is a small program: it names functions, and Python's own reader
imports and calls them. Here the same program meets a reader that knows a dozen
instructions, the six names by which NumPy 1 and 2 write a plain array, and
nothing else; behind those names stand functions of this module, which check
their arguments and build the array from its bytes. What is read cannot pick a
type, reach a module, or claim more memory than the file has bytes.

>>> import io, pickle
>>> import numpy
>>> load_pickle(io.BytesIO(pickle.dumps((numpy.arange(3, dtype="int8"), "text"))), max_bytes=1000)
(array([0, 1, 2], dtype=int8), 'text')
>>> load_pickle(io.BytesIO(pickle.dumps(print)), max_bytes=1000)
Traceback (most recent call last):
dltutorials.errors.UnsafePickleError: the pickle names builtins.print, which plain arrays do not \
need; nothing of it was run
"""

import math
import pickle
import pickletools
import re
import reprlib
import struct
from typing import Any, Callable, Dict, Protocol, Tuple

from dltutorials.errors import DataError, UnsafePickleError

import numpy

_BLOCK = 1 << 20
_MAX_INSTRUCTIONS = 10_000  # a data set takes about 100

# What pickles of arrays in tuples and lists consist of, in all protocols. Left
# out: instances (OBJ, INST, NEWOBJ, NEWOBJ_EX), references to elsewhere (PERSID,
# BINPERSID, EXT1, EXT2, EXT4, NEXT_BUFFER), and dicts and sets, whose keys can be
# made so that hashing them never ends.
_INSTRUCTIONS = """
    PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE
    INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS
    PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    GLOBAL STACK_GLOBAL REDUCE BUILD
"""
_NAME_OF_INSTRUCTION = {ord(code.code): code.name for code in pickletools.opcodes}


class _Readable(Protocol):
    """Any binary file, a gzip file among them."""

    def read(self, n: int, /) -> bytes: ...

    def readline(self, n: int, /) -> bytes: ...


class _DamagedError(Exception):
    """The bytes are no pickle of arrays; becomes a DataError."""


class _DType:
    """An element type being read: the name comes first, the byte order later."""

    def __init__(self, name: Any, *_alignment_and_copy: Any) -> None:
        name = name.decode("ascii") if isinstance(name, (bytes, bytearray)) else name
        if not isinstance(name, str) or not re.fullmatch("[biuf][0-9]{1,2}", name):
            raise UnsafePickleError(
                f"the pickle holds an array of {_short(name)}; only arrays of numbers are read"
            )
        self.dtype = numpy.dtype(name)

    def set_state(self, state: Tuple[Any, ...]) -> None:
        _version, byte_order, subdtype, names, fields = state[:5]
        if not (subdtype is None and names is None and fields is None):
            raise UnsafePickleError("the pickle holds a structured array; only plain ones are read")
        if isinstance(byte_order, (bytes, bytearray)):
            byte_order = byte_order.decode("ascii")
        dtype = self.dtype.newbyteorder(byte_order)
        self.dtype = dtype.newbyteorder("=") if dtype.isnative else dtype


class _Array:
    """An array being read: announced first, filled by :meth:`set_state`."""

    def __init__(self, array_type: Any, shape: Any, typecode: Any) -> None:
        if array_type is not _NDARRAY or shape != (0,) or typecode not in (b"b", "b"):
            raise UnsafePickleError("the pickle announces an array in an unknown way")

    def set_state(self, state: Tuple[Any, ...]) -> numpy.ndarray:
        _version, shape, dtype, is_fortran, data = state
        return _from_bytes(data, dtype, shape, "F" if is_fortran else "C")


def _from_bytes(data: Any, dtype: Any, shape: Any, order: str) -> numpy.ndarray:
    if not isinstance(dtype, _DType) or not isinstance(data, (bytes, bytearray)):
        raise UnsafePickleError("the pickle fills an array with something that is not bytes")
    if order not in ("C", "F") or not all(type(n) is int and n >= 0 for n in shape):
        raise _DamagedError(f"an array of shape {_short(shape)} in order {_short(order)}")
    expected = math.prod(shape) * dtype.dtype.itemsize
    if len(data) != expected:
        raise _DamagedError(f"an array of shape {shape} needs {expected} bytes, got {len(data)}")
    # A bytearray makes the array writable without a copy.
    buffer = data if isinstance(data, bytearray) else bytearray(data)
    array = numpy.frombuffer(buffer, dtype.dtype)
    return array.reshape(shape, order="F" if order == "F" else "C")


def _encode(text: Any, encoding: Any) -> bytearray:
    """Bytes as Python 3 writes them for Python 2."""
    if encoding != "latin1" or not isinstance(text, str):
        raise UnsafePickleError(f"the pickle encodes a text as {_short(encoding)}, expected latin1")
    return bytearray(text, "latin1")


_NDARRAY = "numpy.ndarray"  # stands for the type and cannot be called

_NAMES: Dict[Tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encode,
}
for _core in ("numpy.core", "numpy._core"):
    _NAMES[f"{_core}.multiarray", "_reconstruct"] = _Array
    _NAMES[f"{_core}.numeric", "_frombuffer"] = _from_bytes


class _BoundedFile:
    """A file that gives `max_bytes` at most, and takes memory only for what is there."""

    def __init__(self, file: _Readable, max_bytes: int) -> None:
        self.file, self.max_bytes, self.left = file, max_bytes, max_bytes

    def read(self, n: int) -> bytearray:
        self._claim(n)
        data = bytearray()
        while len(data) < n:
            block = self.file.read(min(_BLOCK, n - len(data)))
            if not block:
                raise EOFError
            data += block
        return data

    def readline(self) -> bytes:
        line = self.file.readline(self.left + 1)
        self._claim(len(line))
        return line

    def _claim(self, n: int) -> None:
        if n > self.left:
            raise DataError(f"the pickle asks for more than {self.max_bytes:,} bytes")
        self.left -= n


class _Dispatch:
    """The allowed instructions; counts them."""

    def __init__(self, table: Dict[int, Callable]) -> None:
        self.table, self.left = table, _MAX_INSTRUCTIONS

    def __getitem__(self, code: int) -> Callable:
        self.left -= 1
        if self.left < 0:
            raise DataError(f"the pickle has more than {_MAX_INSTRUCTIONS:,} instructions")
        if code not in self.table:
            name = _NAME_OF_INSTRUCTION.get(code, f"byte {code:#04x}")
            if code in _NAME_OF_INSTRUCTION:
                raise UnsafePickleError(
                    f"the pickle uses {name}, which plain arrays do not need; nothing of it was run"
                )
            raise _DamagedError(f"{name} is no instruction")
        return self.table[code]


_PythonUnpickler: Any = pickle._Unpickler


class _ArrayUnpickler(_PythonUnpickler):
    """Python's pure-Python unpickler with most of it taken out.

    The C unpickler cannot be used: it sets memory aside for a length or a memo
    number before it looks whether the file has as much.
    """

    def __init__(self, file: _BoundedFile) -> None:
        super().__init__(file, encoding="bytes")  # strings of Python 2 stay bytes
        table = _PythonUnpickler.dispatch
        codes = {name: code for code, name in _NAME_OF_INSTRUCTION.items()}
        allowed = {codes[name]: table[codes[name]] for name in _INSTRUCTIONS.split()}
        allowed[codes["BUILD"]] = _ArrayUnpickler.build
        allowed[codes["REDUCE"]] = _ArrayUnpickler.reduce
        allowed[codes["BYTEARRAY8"]] = _ArrayUnpickler.bytearray8
        self.dispatch = _Dispatch(allowed)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise UnsafePickleError(
                f"the pickle names {module[:60]}.{name[:60]}, which plain arrays do not need; "
                "nothing of it was run"
            )
        return _NAMES[module, name]

    def bytearray8(self) -> None:
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(size)))

    def reduce(self) -> None:
        arguments = self.stack.pop()
        function = self.stack[-1]
        if not any(function is known for known in _NAMES.values()) or function is _NDARRAY:
            raise UnsafePickleError(f"the pickle calls {_short(function)}; nothing of it was run")
        self.stack[-1] = function(*arguments)

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, (_Array, _DType)):
            raise UnsafePickleError(f"the pickle sets the state of {_short(target)}")
        finished = target.set_state(state)
        if finished is not None:
            self.stack[-1] = finished
            self._replace_in_memo(target, finished)

    def _replace_in_memo(self, target: Any, finished: numpy.ndarray) -> None:
        for index, value in self.memo.items():
            if value is target:
                self.memo[index] = finished


def _short(value: Any) -> str:
    return reprlib.repr(value)  # bounded, however large or nested the value is


def load_pickle(file: _Readable, max_bytes: int) -> Any:
    """Read the next pickle of `file`: plain arrays in tuples and lists.

    Parameters
    ----------
    file : binary file
        Read up to the end of the pickle; what follows is left for the caller.
    max_bytes : int
        The most that the pickle may take; memory stays within a small multiple.

    Returns
    -------
    object
        Writable arrays of integers, floats or bools; tuples, lists, numbers,
        text, bytes, True, False and None.

    Raises
    ------
    UnsafePickleError
        If the pickle needs anything else, so for every pickle that could run code.
    DataError
        If the bytes are no pickle, end early, or exceed `max_bytes`.
    """
    try:
        return _ArrayUnpickler(_BoundedFile(file, max_bytes)).load()
    except DataError:
        raise
    except EOFError:
        raise DataError("the file ends early") from None
    except _DAMAGE as error:
        reason = str(error)[:80] or type(error).__name__
        raise DataError(f"not a pickle of arrays: {reason}") from None


# What the interpreter of an arbitrary byte string can run into.
_DAMAGE = (
    _DamagedError,
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
