"""What a script does first when it is run by its path.

Importing Theano takes seconds. A missing package, or Ctrl-C, is one line during
that time too, and a checkout that is not installed finds its own package.
"""

import importlib.util
import os
import sys
from typing import Any


def start() -> None:
    """Report in one line what goes wrong while the script imports what it needs."""
    sys.excepthook = _report
    if importlib.util.find_spec("dltutorials") is None:
        sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _report(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    program = os.path.basename(sys.argv[0])
    if issubclass(kind, KeyboardInterrupt):
        print(f"{program}: interrupted", file=sys.stderr)
        sys.exit(130)
    if issubclass(kind, ImportError):
        print(f"{program}: error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.__excepthook__(kind, error, traceback)
