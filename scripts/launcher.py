"""The first steps of a script that is run by its path.

Importing Theano takes seconds. Even during that time, a missing package or Ctrl-C gives a one-line
message, and a checkout that is not installed finds its own package.
"""

import contextlib
import os
import signal
import sys


def start() -> None:
    """Report errors in one line while the script imports what it needs."""
    vars(sys.modules["__main__"])["of_a_program"] = True  # dltutorials.cli.signals checks it
    sys.excepthook = _report
    for number, usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is usual:
            signal.signal(number, _interrupt)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.exists(os.path.join(root, "dltutorials", "__init__.py")):
        sys.path.append(root)  # after installed packages


def run(command: str) -> None:
    """Run one of the commands of :mod:`dltutorials.commands`."""
    start()
    from importlib import import_module

    sys.exit(import_module(f"dltutorials.commands.{command}").main())


def _interrupt(number: int = signal.SIGINT, _frame: object = None) -> None:
    """Exit at once: imports might catch an exception as their own, and no work can be lost."""
    with contextlib.suppress(OSError):
        os.write(2, f"{os.path.basename(sys.argv[0])}: interrupted\n".encode(errors="replace"))
    os._exit(128 + number)


def _report(kind: type[BaseException], error: BaseException, traceback: object) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _interrupt()
    if issubclass(kind, ImportError):
        print(f"{os.path.basename(sys.argv[0])}: error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.__excepthook__(kind, error, traceback)  # type: ignore[arg-type]
