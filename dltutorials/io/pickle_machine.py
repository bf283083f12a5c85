"""The machine that runs a pickle: the file being read, a stack and a memo.

What each instruction does is in :mod:`dltutorials.io.pickle_instructions`.

>>> import io
>>> machine = Machine(Source(io.BytesIO(b"abc"), max_bytes=2))
>>> machine.push(machine.source.read(2))
>>> machine.take(1)
[bytearray(b'ab')]
>>> machine.source.read(1)
Traceback (most recent call last):
dltutorials.exceptions.DataError: the pickle asks for more than 2 bytes
"""

import math
import struct
from typing import Any, Protocol

from dltutorials.exceptions import DataError
from dltutorials.io.pickled_arrays import ArrayBuilder, DamagedError

_BLOCK = 1 << 20


class ReadableFile(Protocol):
    """Any binary file, a gzip file among them."""

    def read(self, n: int, /) -> bytes: ...  # noqa: D102

    def readline(self, n: int, /) -> bytes: ...  # noqa: D102


class Source:
    """The file: gives at most `max_bytes`, and takes memory only for bytes that exist."""

    def __init__(self, file: ReadableFile, max_bytes: int) -> None:
        self.file, self.max_bytes, self.left = file, max_bytes, max_bytes

    def read(self, n: int) -> bytearray:
        """Return the next `n` bytes."""
        self._claim(n)
        data = bytearray()
        while len(data) < n:
            block = self.file.read(min(_BLOCK, n - len(data)))
            if not block:
                raise EOFError
            data += block
        return data

    def unpack(self, form: str) -> Any:
        """Return the next number, packed in a format of the struct module."""
        return struct.unpack(form, self.read(struct.calcsize(form)))[0]

    def line(self, limit: float = math.inf) -> bytes:
        """Return the next line, without its end."""
        line = self.file.readline(int(min(limit, self.left)) + 1)
        self._claim(len(line))
        if line.endswith(b"\n"):
            return line[:-1]
        if len(line) > limit:
            raise DamagedError(f"a line of more than {limit} bytes")
        raise EOFError

    def require(self, n: int) -> None:
        """Refuse a length beyond the limit."""
        if not 0 <= n <= self.left:
            raise DataError(f"the pickle asks for more than {self.max_bytes:,} bytes")

    def _claim(self, n: int) -> None:
        self.require(n)
        self.left -= n


class Machine:
    """The state of a pickle's program while it runs."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.builder = ArrayBuilder()

    def push(self, value: Any) -> None:
        """Push a value on the stack."""
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
        """Pop the values above the last mark."""
        return self.take(len(self.stack) - self.marks.pop())

    def extend_list(self, items: list[Any]) -> None:
        """Extend the list on top of the stack."""
        if not isinstance(self.stack[-1], list):
            raise DamagedError("an item for something that is not a list")
        self.stack[-1].extend(items)

    def call(self) -> None:
        """Call the function named below its arguments on the stack."""
        self.push(self.builder.call(*self.take(2)))

    def build(self) -> None:
        """Set the state of the object below it, wherever the pickle refers to that object."""
        target, state = self.take(2)
        finished = self.builder.set_state(target, state)
        self.push(finished)
        if finished is not target:
            self.memo = {k: finished if v is target else v for k, v in self.memo.items()}
