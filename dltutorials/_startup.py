"""First steps of the command ``dltutorials``, before the slow import of Theano.

Ctrl-C or a missing package then prints one line instead of a traceback. A script run by its
path does the same through ``scripts/launcher.py``, which works even without this package.
"""

import contextlib
import os
import signal
import sys
import threading
import time

OWNER = "DLTUTORIALS_OWNER"  # the parent process, which this worker must not outlive
_WATCH_INTERVAL = 0.2  # seconds


def _is_the_command() -> bool:
    """Return whether this is ``dltutorials ...`` or ``python -m dltutorials ...``."""
    if sys.argv[:1] == ["-m"]:  # true until the package has been imported
        n_own = len(sys.orig_argv) - len(sys.argv[1:])
        return "".join(sys.orig_argv[:n_own]).endswith("-mdltutorials")
    program = os.path.basename((sys.argv or [""])[0])
    return program in ("dltutorials", "dltutorials.exe")


def _interrupt(number: int = signal.SIGINT, _frame: object = None) -> None:
    """Exit immediately: an import might catch an exception, and there is nothing to lose yet."""
    with contextlib.suppress(OSError):
        os.write(2, b"dltutorials: interrupted\n")
    os._exit(128 + number)


def _report(kind: type[BaseException], error: BaseException, traceback: object) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _interrupt()
    if issubclass(kind, ImportError):
        print(f"dltutorials: error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.__excepthook__(kind, error, traceback)  # type: ignore[arg-type]


def _end_with(owner: int) -> None:
    """End this process, whatever it is doing, once its parent has died."""
    while os.getppid() == owner:
        time.sleep(_WATCH_INTERVAL)
    os._exit(1)


_owner = os.environ.pop(OWNER, "")
if _owner.isdecimal():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner handles it
    threading.Thread(target=_end_with, args=[int(_owner)], daemon=True).start()

if _is_the_command():
    vars(sys.modules["__main__"])["of_a_program"] = True  # dltutorials.cli.signals checks it
    sys.excepthook = _report
    for _number, _usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
    ):
        if signal.getsignal(_number) is _usual:
            signal.signal(_number, _interrupt)
