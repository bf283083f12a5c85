"""What all scripts share: options, messages and exit status.

Results go to stdout, everything else to stderr. The exit status is 0 when the
work is done, 1 when it failed, 2 when the options cannot be used, 130 after
Ctrl-C and 143 after SIGTERM; a failure is one line, without a traceback. Characters that the
terminal's encoding lacks are escaped.

>>> parser = Parser(prog="count.py", description="Count the letters of a word.")
>>> _ = parser.add_argument("word")
>>> def count(options):
...     print_results([f"{len(options.word)} letters"])
...     return DONE
>>> run(count, parser, ["Theano"])
6 letters
0
"""

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, NoReturn, TextIO

from dltutorials._version import __version__
from dltutorials.cli.signals import exit_status, interruptible
from dltutorials.exceptions import DataWarning, DLTutorialsError, OptionError
from dltutorials.io.locks import locking
from dltutorials.training.progress import above_bars

DONE, FAILED, WRONG_USAGE = 0, 1, 2

_program_name: ContextVar[str | None] = ContextVar("program_name", default=None)
_IN_ASCII = {"±": "+/-", "×": "x", "–": "-", "…": "..."}  # noqa: RUF001


class Parser(argparse.ArgumentParser):
    """Reads the options of a script; raises an :class:`OptionError` instead of exiting.

    Parameters
    ----------
    prog : str, optional
        By default the name of the running program, as in messages.
    **settings
        Those of :class:`argparse.ArgumentParser`.
    """

    def __init__(self, prog: str | None = None, **settings: Any) -> None:
        super().__init__(prog=prog or program_name(), **settings)
        if self.add_help:
            version = f"dltutorials {__version__}"
            self.add_argument("--version", action="version", version=version)

    def error(self, message: str) -> NoReturn:
        """Refuse options."""
        raise OptionError(f"{message}; see --help")

    def print_help(self, file: Any = None) -> None:
        """Print the help, on any terminal."""
        _print(self.format_help(), file or sys.stdout, end="")

    @property
    def options(self) -> dict[str, str]:
        """Return how each option is written, keyed by the name of its value."""
        return {
            action.dest: max(action.option_strings, key=len)
            for action in self._actions
            if action.option_strings
        }


def run(
    program: Callable[[argparse.Namespace], int],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None = None,
) -> int:
    """Read the options and run a script's body; return the exit status.

    An error that the body raises becomes one line on stderr.

    Parameters
    ----------
    program : callable(options) -> int
    parser : Parser
    argv : sequence of str, optional
        By default those of the command line.
    """
    with interruptible():
        try:
            return _run(program, parser, argv)
        except KeyboardInterrupt as interrupt:
            return fail("interrupted", exit_status(interrupt))
        finally:
            for stream in (sys.stdout, sys.stderr):
                _give_up_if_broken(stream)


def _run(
    program: Callable[[argparse.Namespace], int],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
) -> int:
    try:
        with _plain_warnings(), locking():
            return program(parser.parse_args(argv))
    except OptionError as error:
        return fail(f"error: {error}", WRONG_USAGE)
    except DLTutorialsError as error:
        return fail(f"error: {error}", FAILED)
    except MemoryError:
        return fail("error: not enough memory; try --chunk-size, or float32", FAILED)
    except BrokenPipeError:
        return FAILED  # the reader of our output is gone
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error
        return fail(f"error: {what}", FAILED)


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print a DataWarning as one line; other warnings stay as Python prints them."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        print_warning = warnings.showwarning

        def print_line(message: Any, category: Any, *place: Any, **line: Any) -> None:
            if issubclass(category, DataWarning):
                print_message(f"{program_name()}: warning: {message}")
            else:
                print_warning(message, category, *place, **line)

        warnings.showwarning = print_line
        yield


def fail(message: str, status: int) -> int:
    """Print why a script failed; return its exit status."""
    print_message(f"{program_name()}: {message}")
    return status


def print_results(lines: Sequence[str]) -> None:
    """Print results, on stdout."""
    with above_bars():
        try:
            _print("\n".join(lines), sys.stdout)
        except OSError as error:
            raise OSError(error.errno, error.strerror, "standard output") from None


def print_message(message: str) -> None:
    """Print a message that is not a result, on stderr."""
    with above_bars(), contextlib.suppress(OSError):  # there is nowhere else to say it
        _print(message, sys.stderr)


def program_name() -> str:
    """Return the name of the running program for messages and help."""
    return _program_name.get() or os.path.basename(sys.argv[0])


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    """Give the running program a name other than that of its file."""
    token = _program_name.set(name)
    try:
        yield
    finally:
        _program_name.reset(token)


def _print(text: str, file: TextIO | None, end: str = "\n") -> None:
    """Print text; escape characters that the encoding of the file lacks."""
    if file is None:  # closed before Python began
        return
    encoding = getattr(file, "encoding", None) or "utf-8"
    try:
        text.encode(encoding, getattr(file, "errors", None) or "strict")
    except UnicodeEncodeError:
        for character, others in _IN_ASCII.items():
            text = text.replace(character, others)
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    print(text, file=file, end=end, flush=True)


def _give_up_if_broken(stream: TextIO | None) -> None:
    """Discard a stream's buffer if it cannot be written; Python would try again at exit."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
