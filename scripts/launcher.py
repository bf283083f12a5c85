"""What a script does first when it is run by its path.

Importing Theano takes seconds. A missing package, or Ctrl-C, is one line during
that time too, and a checkout that is not installed finds its own package.
"""

import os
import sys


def start() -> None:
    """Report in one line what goes wrong while the script imports what it needs."""
    sys.excepthook = _report
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.exists(os.path.join(root, "dltutorials", "__init__.py")):
        sys.path.append(root)  # behind what is installed


def run(command: str) -> None:
    """Run one of the commands of :mod:`dltutorials.commands`."""
    start()
    from importlib import import_module

    sys.exit(import_module(f"dltutorials.commands.{command}").main())


def _report(kind: type[BaseException], error: BaseException, traceback: object) -> None:
    program = os.path.basename(sys.argv[0])
    if issubclass(kind, KeyboardInterrupt):
        print(f"{program}: interrupted", file=sys.stderr)
        sys.exit(130)
    if issubclass(kind, ImportError):
        print(f"{program}: error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.__excepthook__(kind, error, traceback)  # type: ignore[arg-type]
