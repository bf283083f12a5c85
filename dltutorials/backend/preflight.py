"""Checks before an engine is imported, for faults that would surface later.

Theano 1.0.5 needs an old NumPy, which other packages replace with a newer one, and passes the
user's options to a compiler unchecked; both fail pages later, in generated code.

>>> require_numpy("1.23.5")
>>> try:
...     require_numpy("2.4.6")
... except SetupError as error:
...     print(str(error).partition(";")[0])
NumPy: got 2.4.6, expected 1.21 to 1.23, which Theano needs
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import warnings
from typing import Any

from dltutorials.backend.flags import UserSettings
from dltutorials.exceptions import SetupError, reason_of

NUMPY_OF_THEANO = (1, 21), (1, 24)  # from the first, below the second
_MEND = "pip install 'numpy>=1.21,<1.24' scipy"
ANOTHER_FOLDER = (
    "compiled code is kept there; name another folder with THEANO_FLAGS=base_compiledir=FOLDER"
)
_PROGRAM = b"int main() { return 0; }\n"


def require_numpy(version: str) -> None:
    """Refuse a NumPy that Theano 1.0.5 does not work with.

    Raises
    ------
    SetupError
        If so; the message has the command that fixes it.
    """
    found = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if not NUMPY_OF_THEANO[0] <= found < NUMPY_OF_THEANO[1]:
        raise SetupError(
            f"NumPy: got {version}, expected 1.21 to 1.23, which Theano needs; {_MEND} pandas, "
            "or, instead of pandas, the package that changed NumPy"
        )


def import_companions() -> None:
    """Import NumPy and SciPy, which Theano needs in matching versions.

    Raises
    ------
    SetupError
        If they cannot be imported, or Theano does not work with this NumPy.

    Warns
    -----
    UserWarning
        If SciPy was built for a newer NumPy.
    """
    try:
        import numpy

        require_numpy(numpy.__version__)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import scipy
            import scipy.special
    except SetupError:
        raise
    except Exception as error:  # built for another NumPy, they raise anything
        reason = reason_of(error)
        raise SetupError(f"NumPy and SciPy cannot be imported: {reason}; {_MEND}") from error
    if any("NumPy version" in str(warning.message) for warning in caught):
        message = f"SciPy {scipy.__version__} was not made for NumPy {numpy.__version__}; {_MEND}"
        warnings.warn_explicit(message, UserWarning, filename="dltutorials", lineno=1)


def require_compiler(user: UserSettings) -> None:
    """Try the compiler, compiler options and BLAS that the user has set, if any.

    Raises
    ------
    SetupError
        If a one-line program cannot be compiled with them.
    """
    names = [name for name in ("cxx", "gcc.cxxflags", "blas.ldflags") if user.get(name)]
    cxx = user.get("cxx") or shutil.which("g++")
    if not names or user.get("cxx") == "" or not cxx:
        return
    options = [shlex.split(user.get(name) or "") for name in ("gcc.cxxflags", "blas.ldflags")]
    with tempfile.TemporaryDirectory() as folder:
        program = ["-x", "c++", "-", "-o", os.path.join(folder, "program")]
        try:
            command = [*shlex.split(cxx), *options[0], *program, *options[1]]
            done = subprocess.run(command, input=_PROGRAM, capture_output=True)
            is_made = os.path.exists(program[-1])
            said = done.stderr.decode(errors="replace").strip()
            reason = said.partition("\n")[0] or f"exit status {done.returncode}"
        except OSError as error:
            is_made, reason = False, reason_of(error)
    if not is_made:
        chosen = ", ".join(f"{name}={user.get(name)}" for name in names)
        raise SetupError(
            f"{chosen}: the compiler fails with it: {reason}; correct it in THEANO_FLAGS or "
            ".theanorc, or leave it out"
        )


def require_compile_folder(config: Any) -> None:
    """Refuse a folder for compiled code that cannot be written.

    Raises
    ------
    SetupError
        If so.
    """
    if not os.access(config.compiledir, os.W_OK | os.X_OK):
        raise SetupError(f"{config.compiledir} is read-only; {ANOTHER_FOLDER}")
