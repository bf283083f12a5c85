"""Reading pickled arrays without running anything that the pickle asks for.

A pickle is a small program for a machine with a stack: its instructions make
numbers, texts and tuples, and name functions for Python to import and call. The
machine here knows the instructions that arrays in tuples and lists consist of,
the few names by which NumPy 1 and 2 write a plain array, and nothing else.
Behind those names stand functions of this module, which check their arguments
and lay the array over the bytes that were read. So what is read cannot choose a
type, reach a module, or take more memory than the file has bytes.

>>> import io, pickle
>>> import numpy
>>> load_pickle(io.BytesIO(pickle.dumps((numpy.arange(3, dtype="int8"), "text"))), max_bytes=1000)
(array([0, 1, 2], dtype=int8), 'text')
>>> load_pickle(io.BytesIO(pickle.dumps(print)), max_bytes=1000)
Traceback (most recent call last):
dltutorials.errors.UnsafePickleError: the pickle names builtins.print, which plain arrays do not \
need; nothing of it was run
"""

import codecs
import math
import pickletools
import re
import struct
from typing import Any, Callable, Dict, List, NamedTuple, Protocol, Tuple

from dltutorials.errors import DataError, UnsafePickleError

import numpy

_BLOCK = 1 << 20
_MAX_INSTRUCTIONS = 10_000  # a data set takes about 200
_MAX_NUMBER = 25  # characters
_MAX_NAME = 1_000  # characters
_MAX_DIMENSIONS = 32  # NumPy's own limit
_PLAIN = (int, float, str, bytearray, type(None), numpy.ndarray)  # bool is an int


class ReadableFile(Protocol):
    """Any binary file, a gzip file among them."""

    def read(self, n: int, /) -> bytes: ...  # noqa: D102

    def readline(self, n: int, /) -> bytes: ...  # noqa: D102


def load_pickle(file: ReadableFile, max_bytes: int) -> Any:
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
        text, bytes (as bytearray), True, False and None.

    Raises
    ------
    UnsafePickleError
        If the pickle needs anything else, so for every pickle that could run code.
    DataError
        If the bytes are no pickle, end early, or exceed `max_bytes`.
    """
    try:
        return _Machine(_Source(file, max_bytes)).run()
    except DataError:
        raise
    except EOFError:
        raise DataError("the file ends early") from None
    except _DAMAGE as error:
        reason = _show(str(error))[1:-1] or type(error).__name__
        raise DataError(f"not a pickle of arrays: {reason}") from None


class _DamagedError(Exception):
    """The bytes are no pickle of arrays; becomes a DataError."""


# What the interpretation of arbitrary bytes can run into.
_DAMAGE = (_DamagedError, LookupError, MemoryError, OverflowError, TypeError, ValueError)


class _Source:
    """The file: gives `max_bytes` at most, and takes memory only for what is there."""

    def __init__(self, file: ReadableFile, max_bytes: int) -> None:
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

    def unpack(self, form: str) -> Any:
        return struct.unpack(form, self.read(struct.calcsize(form)))[0]

    def line(self, limit: float = math.inf) -> bytes:
        line = self.file.readline(int(min(limit, self.left)) + 1)
        self._claim(len(line))
        if line.endswith(b"\n"):
            return line[:-1]
        if len(line) > limit:
            raise _DamagedError(f"a line of more than {limit} bytes")
        raise EOFError

    def _claim(self, n: int) -> None:
        if not 0 <= n <= self.left:
            raise DataError(f"the pickle asks for more than {self.max_bytes:,} bytes")
        self.left -= n


class _Name(NamedTuple):
    """The name of a function or type that an array needs."""

    module: str
    name: str


class _DType:
    """An element type: its code comes first, its byte order later."""

    def __init__(self, code: Any) -> None:
        code = code.decode("latin1") if isinstance(code, bytearray) else code
        if not isinstance(code, str) or not re.fullmatch("[biuf][0-9]{1,2}", code):
            raise UnsafePickleError(
                f"the pickle holds an array of {_show(code)}; only arrays of numbers are read"
            )
        self.dtype = numpy.dtype(code)

    def set_state(self, state: Any) -> None:
        _version, order, subdtype, names, fields = state[:5]
        if (subdtype, names, fields) != (None, None, None):
            raise UnsafePickleError("the pickle holds a structured array; only plain ones are read")
        order = order.decode("latin1") if isinstance(order, bytearray) else order
        if order not in ("<", ">", "|", "="):
            raise _DamagedError(f"byte order {_show(order)}")
        dtype = self.dtype.newbyteorder(order)  # type: ignore[arg-type]
        self.dtype = dtype.newbyteorder("=") if dtype.isnative else dtype


class _Announced:
    """An array whose content comes later."""


class _Machine:
    """Runs the program of a pickle."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.stack: List[Any] = []
        self.marks: List[int] = []
        self.memo: Dict[int, Any] = {}
        self.used: Dict[int, Any] = {}  # bytes and texts that an array was made of

    def run(self) -> Any:
        for _ in range(_MAX_INSTRUCTIONS):
            code = self.source.read(1)[0]
            name = _NAME_OF_CODE.get(code)
            if name is None:
                raise _DamagedError(f"byte {code:#04x} is no instruction")
            if name == "STOP":
                return _require_plain(self.stack.pop())
            if name not in _INSTRUCTIONS:
                raise UnsafePickleError(
                    f"the pickle uses {name}, which plain arrays do not need; nothing of it was run"
                )
            _INSTRUCTIONS[name](self)
        raise DataError(f"the pickle has more than {_MAX_INSTRUCTIONS:,} instructions")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def take(self, n: int) -> List[Any]:
        """Pop the last `n` values."""
        if n > len(self.stack):
            raise _DamagedError("the stack is too short")
        first = len(self.stack) - n
        values = self.stack[first:]
        del self.stack[first:]
        return values

    def take_marked(self) -> List[Any]:
        return self.take(len(self.stack) - self.marks.pop())

    def extend_list(self, items: List[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise _DamagedError("an item for something that is no list")
        self.stack[-1].extend(items)

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise UnsafePickleError(f"the pickle names {_show(name)} of {_show(module)}")
        if (module, name) not in _FUNCTIONS:
            dotted = f"{_show(module)[1:-1]}.{_show(name)[1:-1]}"
            raise UnsafePickleError(
                f"the pickle names {dotted}, which plain arrays do not need; nothing of it was run"
            )
        self.push(_Name(module, name))

    def call(self) -> None:
        function, arguments = self.take(2)
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise UnsafePickleError(f"the pickle calls {_show(function)}; nothing of it was run")
        self.push(_FUNCTIONS[function](self, *arguments))

    def build(self) -> None:
        target, state = self.take(2)
        if isinstance(target, _DType) and isinstance(state, tuple):
            target.set_state(state)
            self.push(target)
        elif isinstance(target, _Announced) and isinstance(state, tuple):
            _version, shape, dtype, is_fortran, data = state
            array = self.array(data, dtype, shape, "F" if is_fortran is True else "C")
            self.push(array)
            self.memo = {k: array if v is target else v for k, v in self.memo.items()}
        else:
            raise UnsafePickleError(f"the pickle sets the state of {_show(target)}")

    def array(
        self, data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None
    ) -> numpy.ndarray:
        """Lay an array over bytes, as NumPy's ``_frombuffer`` does."""
        data = bytearray(data, "latin1") if isinstance(data, str) else data  # from Python 2
        if not isinstance(dtype, _DType) or not isinstance(data, bytearray):
            raise UnsafePickleError("the pickle fills an array with something that is not bytes")
        if not _is_tuple_of_counts(shape) or not isinstance(order, str):
            raise _DamagedError("an array whose shape is no tuple of numbers")
        if math.prod(shape) * dtype.dtype.itemsize != len(data):
            raise _DamagedError(
                f"an array of {dtype.dtype} and shape {shape}, filled with {len(data)} bytes"
            )
        array = numpy.frombuffer(self.use_once(data), dtype.dtype)
        if order == "K" and _is_tuple_of_counts(axes):
            return array.reshape(shape).transpose(axes)
        if order not in ("C", "F"):
            raise _DamagedError(f"an array in order {_show(order)}")
        return array.reshape(shape, order="F" if order == "F" else "C")

    def announce(self, array_type: Any, shape: Any, _typecode: Any) -> _Announced:
        is_usual = isinstance(array_type, _Name) and array_type.name == "ndarray"
        if not is_usual or not _is_tuple_of_counts(shape) or len(shape) != 1 or shape[0] != 0:
            raise UnsafePickleError("the pickle announces an array in an unknown way")
        return _Announced()

    def encode(self, text: Any, encoding: Any) -> bytearray:
        """Make bytes as Python 3 writes them for Python 2."""
        if not isinstance(text, str) or not isinstance(encoding, str) or encoding != "latin1":
            raise UnsafePickleError(
                f"the pickle encodes a text as {_show(encoding)}, expected latin1"
            )
        return bytearray(self.use_once(text), "latin1")

    def use_once(self, data: Any) -> Any:
        """Refuse to make a second array of the same bytes: memory would have no bound.

        Python itself has but one value of no byte, and of each single one.
        """
        if len(data) <= 1:
            return data[:]
        if id(data) in self.used:
            raise UnsafePickleError("the pickle makes two arrays of the same bytes")
        self.used[id(data)] = data
        return data

    def no_call(self, *_arguments: Any) -> None:
        raise UnsafePickleError("the pickle calls numpy.ndarray; nothing of it was run")

    def no_bytes(self) -> bytearray:
        return bytearray()


_FUNCTIONS: Dict[Tuple[str, str], Callable] = {
    ("numpy", "ndarray"): _Machine.no_call,  # only ever announced
    ("numpy", "dtype"): lambda machine, code, *_alignment_and_copy: _DType(code),
    ("_codecs", "encode"): _Machine.encode,
    ("__builtin__", "bytes"): _Machine.no_bytes,
}
for _core in ("numpy.core", "numpy._core"):
    _FUNCTIONS[f"{_core}.multiarray", "_reconstruct"] = _Machine.announce
    _FUNCTIONS[f"{_core}.numeric", "_frombuffer"] = _Machine.array


def _number(machine: _Machine) -> int:
    line = machine.source.line(_MAX_NUMBER)
    return int(line[:-1] if line.endswith(b"L") else line)


def _number_or_bool(machine: _Machine) -> int:
    line = machine.source.line(_MAX_NUMBER)
    return line == b"01" if line in (b"00", b"01") else int(line)


def _long(machine: _Machine) -> int:
    size = machine.source.unpack("B")
    if size > 16:
        raise _DamagedError(f"a number of {size} bytes")
    return int.from_bytes(machine.source.read(size), "little", signed=True)


def _string(machine: _Machine) -> bytearray:
    line = machine.source.line().strip()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[:1] != line[-1:]:
        raise _DamagedError("a string without quotes")
    return bytearray(codecs.escape_decode(line[1:-1])[0])


def _bytes(machine: _Machine, form: str) -> bytearray:
    return machine.source.read(machine.source.unpack(form))


def _text(machine: _Machine, form: str) -> str:
    return _bytes(machine, form).decode("utf-8", "surrogatepass")


def _put(machine: _Machine, index: int) -> None:
    machine.memo[index] = machine.stack[-1]


def _global(machine: _Machine) -> None:
    module, name = (machine.source.line(_MAX_NAME).decode("utf-8") for _ in range(2))
    machine.name(module, name)


# Every instruction that pickles of arrays in tuples and lists consist of, in all
# protocols. Left out: instances (OBJ, INST, NEWOBJ, NEWOBJ_EX), references to
# elsewhere (PERSID, BINPERSID, EXT1, EXT2, EXT4, NEXT_BUFFER), numbers of any
# length (LONG4), and dicts and sets, whose keys can take for ever to hash.
_INSTRUCTIONS: Dict[str, Callable[[_Machine], Any]] = {
    "PROTO": lambda m: m.source.read(1),
    "FRAME": lambda m: m.source.read(8),  # a hint; what it frames follows
    "MARK": lambda m: m.marks.append(len(m.stack)),
    "POP": lambda m: m.take(1),
    "DUP": lambda m: m.push(m.stack[-1]),
    "NONE": lambda m: m.push(None),
    "NEWTRUE": lambda m: m.push(True),
    "NEWFALSE": lambda m: m.push(False),
    "INT": lambda m: m.push(_number_or_bool(m)),
    "LONG": lambda m: m.push(_number(m)),
    "LONG1": lambda m: m.push(_long(m)),
    "FLOAT": lambda m: m.push(float(m.source.line(_MAX_NUMBER))),
    "STRING": lambda m: m.push(_string(m)),
    "UNICODE": lambda m: m.push(m.source.line().decode("raw-unicode-escape")),
    "EMPTY_TUPLE": lambda m: m.push(()),
    "TUPLE": lambda m: m.push(tuple(m.take_marked())),
    "TUPLE1": lambda m: m.push(tuple(m.take(1))),
    "TUPLE2": lambda m: m.push(tuple(m.take(2))),
    "TUPLE3": lambda m: m.push(tuple(m.take(3))),
    "EMPTY_LIST": lambda m: m.push([]),
    "LIST": lambda m: m.push(m.take_marked()),
    "APPEND": lambda m: m.extend_list(m.take(1)),
    "APPENDS": lambda m: m.extend_list(m.take_marked()),
    "PUT": lambda m: _put(m, _number(m)),
    "BINPUT": lambda m: _put(m, m.source.unpack("B")),
    "LONG_BINPUT": lambda m: _put(m, m.source.unpack("<I")),
    "MEMOIZE": lambda m: _put(m, len(m.memo)),
    "GET": lambda m: m.push(m.memo[_number(m)]),
    "BINGET": lambda m: m.push(m.memo[m.source.unpack("B")]),
    "LONG_BINGET": lambda m: m.push(m.memo[m.source.unpack("<I")]),
    "GLOBAL": _global,
    "STACK_GLOBAL": lambda m: m.name(*m.take(2)),
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
}


def _pusher(read: Callable[[_Machine, str], Any], form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(read(machine, form))


# Those whose number, or length, is packed in a form of the struct module.
for _names, _read in (
    ("BININT:<i BININT1:B BININT2:<H BINFLOAT:>d", lambda m, form: m.source.unpack(form)),
    ("SHORT_BINUNICODE:B BINUNICODE:<I BINUNICODE8:<Q", _text),
    ("SHORT_BINSTRING:B BINSTRING:<I SHORT_BINBYTES:B BINBYTES:<I", _bytes),
    ("BINBYTES8:<Q BYTEARRAY8:<Q", _bytes),
):
    for _name, _form in (pair.split(":") for pair in _names.split()):
        _INSTRUCTIONS[_name] = _pusher(_read, _form)

_NAME_OF_CODE = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}


def _is_tuple_of_counts(shape: Any) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) <= _MAX_DIMENSIONS
        and all(type(n) is int and n >= 0 for n in shape)
    )


def _require_plain(value: Any) -> Any:
    """Refuse a result that holds the parts of an array that was never finished."""
    waiting, seen = [value], set()
    while waiting:
        part = waiting.pop()
        if type(part) in (tuple, list):
            if id(part) not in seen:
                seen.add(id(part))
                waiting.extend(part)
        elif not isinstance(part, _PLAIN):
            raise UnsafePickleError(f"the pickle holds {_show(part)} in the place of an array")
    return value


def _show(value: Any) -> str:
    """Describe a value of the pickle in a few printable characters, whatever it is."""
    if isinstance(value, _Name):
        return f"{value.module}.{value.name}"
    if type(value) in (int, float, bool, type(None)):
        return repr(value)
    if isinstance(value, str):
        return ascii(value[:80])
    return f"a {type(value).__name__.strip('_')}"
