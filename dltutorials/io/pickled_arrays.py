"""Rebuilding arrays from the way NumPy writes them into a pickle.

NumPy 1 and 2 write an array as a call of one of their functions with the type, the shape and the
bytes, or as an array announced first and filled later. This module replaces those functions:
:class:`ArrayBuilder` knows their names, checks their arguments, and makes the array a view of the
bytes, without a copy.

>>> builder = ArrayBuilder()
>>> dtype = builder.call(builder.find("numpy", "dtype"), ("i1", False, True))
>>> frombuffer = builder.find("numpy.core.numeric", "_frombuffer")
>>> builder.call(frombuffer, (bytearray(b"abcdef"), dtype, (2, 3), "C"))
array([[ 97,  98,  99],
       [100, 101, 102]], dtype=int8)
"""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from dltutorials.exceptions import UnsafePickleError

import numpy

_MAX_DIMENSIONS = 32  # NumPy's own limit
_PLAIN = (int, float, str, bytearray, type(None), numpy.ndarray)  # bool is an int


class DamagedError(Exception):
    """The bytes are not a pickle of arrays."""


class Name(NamedTuple):
    """The name of a function or type that an array needs."""

    module: str
    name: str


class DType:
    """An element type: its code comes first, its byte order later."""

    def __init__(self, code: Any) -> None:
        code = code.decode("latin1") if isinstance(code, bytearray) else code
        if not isinstance(code, str) or not re.fullmatch("[biuf][0-9]{1,2}", code):
            raise UnsafePickleError(
                f"the pickle holds an array of {describe(code)}; only arrays of numbers are read"
            )
        self.dtype = numpy.dtype(code)

    def set_state(self, state: tuple[Any, ...]) -> None:
        """Set the byte order; refuse a structured type."""
        _version, order, subdtype, names, fields = state[:5]
        if not (subdtype is None and names is None and fields is None):
            raise UnsafePickleError("the pickle holds a structured array; only plain ones are read")
        order = order.decode("latin1") if isinstance(order, bytearray) else order
        if not isinstance(order, str) or order not in ("<", ">", "|", "="):
            raise DamagedError(f"byte order {describe(order)}")
        dtype = self.dtype.newbyteorder(order)  # type: ignore[arg-type]
        self.dtype = dtype.newbyteorder("=") if dtype.isnative else dtype


class Announced:
    """An array whose content comes later."""


class ArrayBuilder:
    """Builds the arrays of one pickle."""

    def __init__(self) -> None:
        self._used: dict[int, Any] = {}  # the bytes and strings that became arrays

    def find(self, module: Any, name: Any) -> Name:
        """Return one of the names that arrays need; refuse all others."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise UnsafePickleError(f"the pickle names {describe(name)} of {describe(module)}")
        if (module, name) not in _FUNCTIONS:
            dotted = f"{describe(module)[1:-1]}.{describe(name)[1:-1]}"
            raise UnsafePickleError(
                f"the pickle names {dotted}, which plain arrays do not need; none of it was run"
            )
        return Name(module, name)

    def call(self, function: Any, arguments: Any) -> Any:
        """Emulate, for an array, the function of that name."""
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise UnsafePickleError(f"the pickle calls {describe(function)}; none of it was run")
        return _FUNCTIONS[function](self, *arguments)

    def set_state(self, target: Any, state: Any) -> Any:
        """Finish an element type, or fill an array; return what `target` becomes."""
        if isinstance(target, DType) and isinstance(state, tuple):
            target.set_state(state)
            return target
        if isinstance(target, Announced) and isinstance(state, tuple):
            _version, shape, dtype, is_fortran, data = state
            if type(is_fortran) not in (bool, int) or is_fortran not in (0, 1):
                raise DamagedError(f"an array whose order is {describe(is_fortran)}")
            return self._array(data, dtype, shape, "F" if is_fortran else "C")
        raise UnsafePickleError(f"the pickle sets the state of {describe(target)}")

    def _array(
        self, data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None
    ) -> numpy.ndarray:
        if not isinstance(dtype, DType) or not isinstance(data, bytearray):
            raise UnsafePickleError("the pickle fills an array with something that is not bytes")
        if not _is_tuple_of_counts(shape) or not isinstance(order, str):
            raise DamagedError("an array whose shape is not a tuple of numbers")
        if math.prod(shape) * dtype.dtype.itemsize != len(data):
            raise DamagedError(
                f"an array of {dtype.dtype} and shape {shape}, filled with {len(data)} bytes"
            )
        array = numpy.frombuffer(self._use_once(data), dtype.dtype)
        if order == "K" and _is_tuple_of_counts(axes):
            return array.reshape(shape).transpose(axes)
        if order not in ("C", "F"):
            raise DamagedError(f"an array in order {describe(order)}")
        return array.reshape(shape, order="F" if order == "F" else "C")

    def _announce(self, array_type: Any, shape: Any, _typecode: Any) -> Announced:
        is_usual = isinstance(array_type, Name) and array_type.name == "ndarray"
        if not is_usual or not _is_tuple_of_counts(shape) or len(shape) != 1 or shape[0] != 0:
            raise UnsafePickleError("the pickle announces an array in an unknown way")
        return Announced()

    def _encode(self, text: Any, encoding: Any) -> bytearray:
        """Return bytes from the form that Python 3 writes for Python 2."""
        if not isinstance(text, str) or not isinstance(encoding, str) or encoding != "latin1":
            raise UnsafePickleError(
                f"the pickle encodes a text as {describe(encoding)}, expected latin1"
            )
        return bytearray(self._use_once(text), "latin1")

    def _use_once(self, data: Any) -> Any:
        """Refuse to make a second array from the same bytes: memory would be unbounded.

        Python itself has only one empty bytes object, and one for each single byte.
        """
        if len(data) <= 1:
            return data[:]
        if id(data) in self._used:
            raise UnsafePickleError("the pickle makes two arrays of the same bytes")
        self._used[id(data)] = data
        return data

    def _ndarray(self, *_arguments: Any) -> None:
        raise UnsafePickleError("the pickle calls numpy.ndarray; none of it was run")

    def _dtype(self, code: Any, *_alignment_and_copy: Any) -> DType:
        return DType(code)

    def _no_bytes(self) -> bytearray:
        return bytearray()


_FUNCTIONS: dict[tuple[str, str], Callable] = {
    ("numpy", "ndarray"): ArrayBuilder._ndarray,  # named, never called
    ("numpy", "dtype"): ArrayBuilder._dtype,
    ("_codecs", "encode"): ArrayBuilder._encode,
    ("__builtin__", "bytes"): ArrayBuilder._no_bytes,
}
for _core in ("numpy.core", "numpy._core"):
    _FUNCTIONS[f"{_core}.multiarray", "_reconstruct"] = ArrayBuilder._announce
    _FUNCTIONS[f"{_core}.numeric", "_frombuffer"] = ArrayBuilder._array


def require_plain(value: Any) -> Any:
    """Refuse a result that contains parts of an unfinished array."""
    waiting, seen = [value], set()
    while waiting:
        part = waiting.pop()
        if type(part) in (tuple, list):
            if id(part) not in seen:
                seen.add(id(part))
                waiting.extend(part)
        elif not isinstance(part, _PLAIN):
            raise UnsafePickleError(f"the pickle holds {describe(part)} instead of an array")
    return value


def describe(value: Any) -> str:
    """Describe a value of a pickle in a few printable characters, whatever it is."""
    if isinstance(value, Name):
        return f"{value.module}.{value.name}"
    if type(value) in (int, float, bool, type(None)):
        return repr(value)
    if isinstance(value, str):
        return ascii(value[:80])
    return f"a {type(value).__name__}"


def _is_tuple_of_counts(shape: Any) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) <= _MAX_DIMENSIONS
        and all(type(n) is int and n >= 0 for n in shape)
    )
