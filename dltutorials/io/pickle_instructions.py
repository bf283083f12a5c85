"""The pickle instructions that plain arrays need, and what each does.

>>> import io
>>> from dltutorials.io.pickle_machine import Source
>>> machine = Machine(Source(io.BytesIO(bytes([7])), max_bytes=1))
>>> INSTRUCTIONS["BININT1"](machine)
>>> machine.stack
[7]
"""

import codecs
from collections.abc import Callable
from typing import Any

from dltutorials.io.pickle_machine import Machine
from dltutorials.io.pickled_arrays import DamagedError

MAX_INSTRUCTIONS = 10_000  # a data set takes about 200
_MAX_NUMBER = 25  # characters
_MAX_NAME = 1_000  # characters


def _number(machine: Machine) -> int:
    line = machine.source.line(_MAX_NUMBER)
    return int(line[:-1] if line.endswith(b"L") else line)


def _number_or_bool(machine: Machine) -> int:
    line = machine.source.line(_MAX_NUMBER)
    return line == b"01" if line in (b"00", b"01") else int(line)


def _long(machine: Machine) -> int:
    size = machine.source.unpack("B")
    if size > 16:
        raise DamagedError(f"a number of {size} bytes")
    return int.from_bytes(machine.source.read(size), "little", signed=True)


def _string(machine: Machine) -> bytearray:
    line = machine.source.line().strip()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[:1] != line[-1:]:
        raise DamagedError("a string without quotes")
    return bytearray(codecs.escape_decode(line[1:-1])[0])


def _bytes(machine: Machine, form: str) -> bytearray:
    return machine.source.read(machine.source.unpack(form))


def _text(machine: Machine, form: str) -> str:
    return _bytes(machine, form).decode("utf-8", "surrogatepass")


def _put(machine: Machine, index: int) -> None:
    if not 0 <= index < MAX_INSTRUCTIONS:  # others could be chosen to collide when hashed
        raise DamagedError(f"memo number {index}")
    machine.memo[index] = machine.stack[-1]


def _protocol(machine: Machine) -> None:
    protocol = machine.source.unpack("B")
    if protocol > 5:
        raise DamagedError(f"protocol {protocol}")


def _frame(machine: Machine) -> None:
    machine.source.require(machine.source.unpack("<Q"))  # the framed bytes follow


def _global(machine: Machine) -> None:
    module, name = (machine.source.line(_MAX_NAME).decode("utf-8") for _ in range(2))
    machine.push(machine.builder.find(module, name))


# Every instruction in pickles of arrays in tuples and lists, in all protocols. Left out: instances
# (OBJ, INST, NEWOBJ, NEWOBJ_EX), external references (PERSID, BINPERSID, EXT1, EXT2, EXT4,
# NEXT_BUFFER), numbers of any length (LONG4), and dicts and sets, whose keys can take forever to
# hash.
INSTRUCTIONS: dict[str, Callable[[Machine], Any]] = {
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
    "REDUCE": Machine.call,
    "BUILD": Machine.build,
    # Those whose number or length is packed in a format of the struct module.
    "BININT": lambda m: m.push(m.source.unpack("<i")),
    "BININT1": lambda m: m.push(m.source.unpack("B")),
    "BININT2": lambda m: m.push(m.source.unpack("<H")),
    "BINFLOAT": lambda m: m.push(m.source.unpack(">d")),
    "SHORT_BINUNICODE": lambda m: m.push(_text(m, "B")),
    "BINUNICODE": lambda m: m.push(_text(m, "<I")),
    "BINUNICODE8": lambda m: m.push(_text(m, "<Q")),
    "SHORT_BINSTRING": lambda m: m.push(_bytes(m, "B")),
    "BINSTRING": lambda m: m.push(_bytes(m, "<I")),
    "SHORT_BINBYTES": lambda m: m.push(_bytes(m, "B")),
    "BINBYTES": lambda m: m.push(_bytes(m, "<I")),
    "BINBYTES8": lambda m: m.push(_bytes(m, "<Q")),
    "BYTEARRAY8": lambda m: m.push(_bytes(m, "<Q")),
}
