"""Reading pickled arrays without running any code that the pickle names.

A pickle is a small program for a stack machine: its instructions make numbers, strings and tuples,
and name functions for Python to import and call. Our machine
(:mod:`dltutorials.io.pickle_machine`) knows only the instructions needed for arrays in tuples and
lists (:mod:`dltutorials.io.pickle_instructions`), and the few names with which NumPy 1 and 2 write
a plain array. These names are bound to our own functions (:mod:`dltutorials.io.pickled_arrays`).
So a pickle cannot choose a type, reach a module, or take more memory than the file has bytes.
PyTorch's ``_weights_only_unpickler.py`` has the same design.

>>> import io, pickle
>>> import numpy
>>> load_pickle(io.BytesIO(pickle.dumps((numpy.arange(3, dtype="int8"), "text"))), max_bytes=1000)
(array([0, 1, 2], dtype=int8), 'text')
>>> load_pickle(io.BytesIO(pickle.dumps(print)), max_bytes=1000)  # doctest: +ELLIPSIS
Traceback (most recent call last):
dltutorials.exceptions.UnsafePickleError: the pickle names builtins.print, which plain arrays ...
"""

import pickletools
from typing import Any

from dltutorials.exceptions import DataError, UnsafePickleError
from dltutorials.io.pickle_instructions import INSTRUCTIONS, MAX_INSTRUCTIONS
from dltutorials.io.pickle_machine import Machine, ReadableFile, Source
from dltutorials.io.pickled_arrays import DamagedError, describe, require_plain


def load_pickle(file: ReadableFile, max_bytes: int) -> Any:
    """Read the next pickle of `file`: plain arrays in tuples and lists.

    Parameters
    ----------
    file : binary file
        Read up to the end of the pickle; the rest is left to the caller.
    max_bytes : int
        The maximum size of the pickle; memory stays within a small multiple of it.

    Returns
    -------
    object
        Writable arrays of integers, floats or bools; tuples, lists, numbers, strings, bytes (as
        bytearray), True, False and None.

    Raises
    ------
    UnsafePickleError
        If the pickle needs anything else, as every pickle that could run code does.
    DataError
        If the bytes are not a pickle, end early, or exceed `max_bytes`.
    """
    try:
        return _run(Machine(Source(file, max_bytes)))
    except DataError:
        raise
    except EOFError:
        raise DataError("the file ends early") from None
    except _DAMAGE as error:
        reason = describe(str(error))[1:-1] or type(error).__name__
        raise DataError(f"not a pickle of arrays: {reason}") from None


# Errors that interpreting arbitrary bytes can raise.
_DAMAGE = (DamagedError, LookupError, MemoryError, OverflowError, TypeError, ValueError, Warning)
_NAME_OF_CODE = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}


def _run(machine: Machine) -> Any:
    for _ in range(MAX_INSTRUCTIONS):
        code = machine.source.read(1)[0]
        name = _NAME_OF_CODE.get(code)
        if name is None:
            raise DamagedError(f"byte {code:#04x} is not a pickle opcode")
        if name == "STOP":
            return require_plain(machine.stack.pop())
        if name not in INSTRUCTIONS:
            raise UnsafePickleError(
                f"the pickle uses {name}, which plain arrays do not need; none of it was run"
            )
        INSTRUCTIONS[name](machine)
    raise DataError(
        f"the pickle has more than {MAX_INSTRUCTIONS:,} instructions, as lists of numbers do; "
        "pickle arrays: numpy.asarray(...)"
    )
