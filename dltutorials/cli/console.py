"""What every script shares: its messages and its exit status.

Results go to stdout, everything else to stderr. The exit status is 0 when the
work is done, 1 when it failed, 2 when the options cannot be used, 130 after
Ctrl-C and 143 after SIGTERM; a failure is one line, without a traceback.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from dltutorials.exceptions import DLTutorialsError, OptionError
from dltutorials.training.progress import above_bars

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def run(program: Callable[[], int]) -> int:
    """Run the body of a script; turn what it raises into a line and an exit status."""
    try:
        return program()
    except OptionError as error:
        return fail(f"error: {error}", WRONG_USAGE)
    except DLTutorialsError as error:
        return fail(f"error: {error}", FAILED)
    except MemoryError:
        return fail("error: not enough memory; try --chunk-size, or float32", FAILED)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return fail(f"error: {error}", FAILED)


def fail(message: str, status: int) -> int:
    """Print why a script failed; return its exit status."""
    say(f"{os.path.basename(sys.argv[0])}: {message}")
    return status


def show(lines: Sequence[str]) -> None:
    """Print results."""
    with above_bars():
        print(*lines, sep="\n", flush=True)


def say(message: str) -> None:
    """Print a message that is no result."""
    with above_bars():
        print(message, file=sys.stderr, flush=True)


def seed(text: str) -> int:
    """Read the seed of a random generator, for argparse."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"got {value}, expected an integer from 0 to {2**32 - 1}")
    return value
