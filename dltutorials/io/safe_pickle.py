"""Reading pickled arrays without running anything that the pickle asks for.

A pickle is a small program for a machine with a stack: its instructions make
numbers, texts and tuples, and name functions for Python to import and call. The
machine here knows the instructions that arrays in tuples and lists consist of,
the few names by which NumPy 1 and 2 write a plain array, and nothing else.
Behind those names stand functions of our own (:mod:`dltutorials.io.pickled_arrays`).
So what is read cannot choose a type, reach a module, or take more memory than
the file has bytes.

>>> import io, pickle
>>> import numpy
>>> load_pickle(io.BytesIO(pickle.dumps((numpy.arange(3, dtype="int8"), "text"))), max_bytes=1000)
(array([0, 1, 2], dtype=int8), 'text')
>>> load_pickle(io.BytesIO(pickle.dumps(print)), max_bytes=1000)  # doctest: +ELLIPSIS
Traceback (most recent call last):
dltutorials.exceptions.UnsafePickleError: the pickle names builtins.print, which plain arrays ...
"""

import codecs
import math
import pickletools
import struct
from collections.abc import Callable
from typing import Any, Protocol

from dltutorials.exceptions import DataError, UnsafePickleError
from dltutorials.io.pickled_arrays import ArrayBuilder, DamagedError, require_plain, show

_BLOCK = 1 << 20
_MAX_INSTRUCTIONS = 10_000  # a data set takes about 200
_MAX_NUMBER = 25  # characters
_MAX_NAME = 1_000  # characters


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
        If the bytes are not a pickle, end early, or exceed `max_bytes`.
    """
    try:
        return _Machine(_Source(file, max_bytes)).run()
    except DataError:
        raise
    except EOFError:
        raise DataError("the file ends early") from None
    except _DAMAGE as error:
        reason = show(str(error))[1:-1] or type(error).__name__
        raise DataError(f"not a pickle of arrays: {reason}") from None


# What the interpretation of arbitrary bytes can run into.
_DAMAGE = (DamagedError, LookupError, MemoryError, OverflowError, TypeError, ValueError, Warning)


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
            raise DamagedError(f"a line of more than {limit} bytes")
        raise EOFError

    def require(self, n: int) -> None:
        if not 0 <= n <= self.left:
            raise DataError(f"the pickle asks for more than {self.max_bytes:,} bytes")

    def _claim(self, n: int) -> None:
        self.require(n)
        self.left -= n


class _Machine:
    """Runs the program of a pickle."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.builder = ArrayBuilder()

    def run(self) -> Any:
        for _ in range(_MAX_INSTRUCTIONS):
            code = self.source.read(1)[0]
            name = _NAME_OF_CODE.get(code)
            if name is None:
                raise DamagedError(f"byte {code:#04x} is not a pickle opcode")
            if name == "STOP":
                return require_plain(self.stack.pop())
            if name not in _INSTRUCTIONS:
                raise UnsafePickleError(
                    f"the pickle uses {name}, which plain arrays do not need; nothing of it was run"
                )
            _INSTRUCTIONS[name](self)
        raise DataError(
            f"the pickle has more than {_MAX_INSTRUCTIONS:,} instructions, as lists of numbers do; "
            "pickle arrays: numpy.asarray(...)"
        )

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def take(self, n: int) -> list[Any]:
        """Pop the last `n` values."""
        floor = self.marks[-1] if self.marks else 0
        if n > len(self.stack) - floor:
            raise DamagedError("the stack is too short")
        first = len(self.stack) - n
        values = self.stack[first:]
        del self.stack[first:]
        return values

    def take_marked(self) -> list[Any]:
        return self.take(len(self.stack) - self.marks.pop())

    def extend_list(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise DamagedError("an item for something that is not a list")
        self.stack[-1].extend(items)

    def call(self) -> None:
        self.push(self.builder.call(*self.take(2)))

    def build(self) -> None:
        target, state = self.take(2)
        finished = self.builder.set_state(target, state)
        self.push(finished)
        if finished is not target:
            self.memo = {k: finished if v is target else v for k, v in self.memo.items()}


def _number(machine: _Machine) -> int:
    line = machine.source.line(_MAX_NUMBER)
    return int(line[:-1] if line.endswith(b"L") else line)


def _number_or_bool(machine: _Machine) -> int:
    line = machine.source.line(_MAX_NUMBER)
    return line == b"01" if line in (b"00", b"01") else int(line)


def _long(machine: _Machine) -> int:
    size = machine.source.unpack("B")
    if size > 16:
        raise DamagedError(f"a number of {size} bytes")
    return int.from_bytes(machine.source.read(size), "little", signed=True)


def _string(machine: _Machine) -> bytearray:
    line = machine.source.line().strip()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[:1] != line[-1:]:
        raise DamagedError("a string without quotes")
    return bytearray(codecs.escape_decode(line[1:-1])[0])


def _bytes(machine: _Machine, form: str) -> bytearray:
    return machine.source.read(machine.source.unpack(form))


def _text(machine: _Machine, form: str) -> str:
    return _bytes(machine, form).decode("utf-8", "surrogatepass")


def _put(machine: _Machine, index: int) -> None:
    if not 0 <= index < _MAX_INSTRUCTIONS:  # others could be chosen to have the same hash
        raise DamagedError(f"memo number {index}")
    machine.memo[index] = machine.stack[-1]


def _protocol(machine: _Machine) -> None:
    protocol = machine.source.unpack("B")
    if protocol > 5:
        raise DamagedError(f"protocol {protocol}")


def _frame(machine: _Machine) -> None:
    machine.source.require(machine.source.unpack("<Q"))  # what it frames follows


def _global(machine: _Machine) -> None:
    module, name = (machine.source.line(_MAX_NAME).decode("utf-8") for _ in range(2))
    machine.push(machine.builder.find(module, name))


# Every instruction that pickles of arrays in tuples and lists consist of, in all
# protocols. Left out: instances (OBJ, INST, NEWOBJ, NEWOBJ_EX), references to
# elsewhere (PERSID, BINPERSID, EXT1, EXT2, EXT4, NEXT_BUFFER), numbers of any
# length (LONG4), and dicts and sets, whose keys can take for ever to hash.
_INSTRUCTIONS: dict[str, Callable[[_Machine], Any]] = {
    "PROTO": _protocol,
    "FRAME": _frame,
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
    "UNICODE": lambda m: m.push(codecs.raw_unicode_escape_decode(m.source.line())[0]),
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
    "STACK_GLOBAL": lambda m: m.push(m.builder.find(*m.take(2))),
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
