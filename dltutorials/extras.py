"""Optional packages, imported on first use.

>>> import_optional("math", "sums need math").fsum([1, 2])
3.0
>>> import_optional("no_such_package", "plots need a package")
Traceback (most recent call last):
dltutorials.exceptions.SetupError: plots need a package (No module named 'no_such_package'); \
install it: pip install 'dltutorials[plot]'
"""

import importlib
from typing import Any

from dltutorials.exceptions import SetupError


def import_optional(name: str, what_for: str, extra: str = "plot") -> Any:
    """Import a module that belongs to an extra in ``setup.py``.

    Parameters
    ----------
    name : str
    what_for : str
        The beginning of the message: what needs which package.
    extra : str

    Raises
    ------
    SetupError
        If it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SetupError(
            f"{what_for} ({error}); install it: pip install 'dltutorials[{extra}]'"
        ) from None
