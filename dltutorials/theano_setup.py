"""Making Theano 1.0.5 import and run fast on a machine of today.

Theano's last release dates from 2020. :func:`import_theano`, which ``import
dltutorials`` calls, imports it with what it has needed since:

1. *A BLAS.* Theano asks ``numpy.distutils`` for the BLAS to link, which fails
   for NumPy >= 1.22, so that a bare ``import theano`` ends in an
   ``AttributeError``. Telling it the BLAS (``blas.ldflags``) avoids the question.
2. *A fast one.* The ``scipy-openblas32`` package carries a current OpenBLAS
   whose functions bear the prefix ``scipy_``; compiler definitions map the names
   that Theano calls to those, so that Theano's own ``Dot22`` and ``Gemm`` call it
   directly. Where this cannot link, Theano calls NumPy's BLAS instead, slower, and a
   :class:`SlowTheanoWarning` says so. Its threads go to sleep soon after a product;
   by default they go on spinning, which gains 8 % of a training on an idle machine
   and slows it down many times where other programs work. Their number stays
   OpenBLAS's or the user's, since the last digits of the results depend on it.
3. *A compiler*, and Python's C headers. Without them Theano stops in the middle
   of its import, or of its first function; it is told beforehand to do without
   (``cxx=``), and a warning says what to install.
4. *Memory between calls.* Theano gives the memory of intermediate results back
   after every call and asks for it again at the next; ``allow_gc=False`` keeps
   it, which a loop over minibatches of one size likes better.
5. *Its compiler.* Two slips make Theano compile the same C modules in every
   process; :mod:`dltutorials.theano_cache` mends them and spares it more, and
   the modules are made without debugging information.
6. *Scan.* Its C part does not compile on Python 3.11, which has no
   ``longintrepr.h``; Theano's Python version of it serves as well.

What the user has set, in ``THEANO_FLAGS`` or a ``.theanorc``, stays as it is,
and a Theano that was imported before is left alone. ``THEANO_FLAGS`` is changed
only while Theano reads it, so that child processes see the user's own.

>>> theano = import_theano()
>>> import theano.tensor as T
>>> x = T.matrix("x")
>>> theano.function([x], T.dot(x, x.T))([[1.0, 2.0]]).tolist()
[[5.0]]
"""

import configparser
import contextlib
import ctypes
import importlib
import os
import shlex
import shutil
import sys
import sysconfig
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from dltutorials.errors import OptionError, SetupError
from dltutorials.theano_cache import mend_module_cache, remembered

# All that Theano's C code calls; scipy-openblas32 has them as scipy_sgemm_ etc.
_BLAS_FUNCTIONS = "sgemm dgemm sgemv dgemv sger dger sdot ddot saxpy daxpy"
_RENAMES = " ".join(f"-D{name}_=scipy_{name}_" for name in _BLAS_FUNCTIONS.split())
_NUMPY_BLAS = "NumPy's BLAS"
_TIMEOUT = "OPENBLAS_THREAD_TIMEOUT"
_BLAS_TEST = """
extern "C" double ddot_(const int*, const double*, const int*, const double*, const int*);
int main() { return ddot_(0, 0, 0, 0, 0) != 0; }
"""


class SlowTheanoWarning(UserWarning):
    """Theano works, but slower than it could; the message says what to do."""


def import_theano() -> Any:
    """Import Theano with the defaults of this module and return it.

    Returns
    -------
    module
        ``theano``; as it is if it was imported before.

    Raises
    ------
    SetupError
        If Theano cannot be imported, for example because ``THEANO_FLAGS`` holds
        a value that it does not know; the message is Theano's own.

    Warns
    -----
    SlowTheanoWarning
        If there is no compiler, or the fast BLAS cannot be linked.
    """
    if "theano" in sys.modules:
        return sys.modules["theano"]
    if sys.version_info >= (3, 11):
        sys.modules.setdefault("theano.scan_module.scan_perform_ext", None)  # type: ignore[arg-type]
    try:
        user = UserSettings()
        defaults = _default_flags(user)
        with _theano_flags(defaults, user):
            theano = importlib.import_module("theano")
    except Exception as error:
        raise SetupError(f"Theano cannot be imported: {_one_line(error)}") from error
    mend_module_cache(theano)
    if defaults.get("blas.ldflags") and not _blas_links(theano):
        _warn_of_numpy_blas("linking scipy-openblas32 failed")
        theano.config.blas.ldflags = ""
    return theano


def set_floatX(floatX: Optional[str] = None) -> str:
    """Choose the type of all floating-point arrays for the graphs built from now on.

    Parameters
    ----------
    floatX : {"float32", "float64"}, optional
        By default what the user's Theano configuration says, or else float32.

    Returns
    -------
    str
        The type chosen, now ``theano.config.floatX``.

    Raises
    ------
    OptionError
        If `floatX` is none of the two.
    """
    theano = import_theano()
    if floatX is None:
        floatX = theano.config.floatX if "floatX" in UserSettings() else "float32"
    if floatX not in ("float32", "float64"):
        raise OptionError(f"floatX: got {floatX!r}, expected float32 or float64")
    theano.config.floatX = floatX
    return floatX


def describe_engine() -> str:
    """Return one line on Theano, its number type and its BLAS, for a log."""
    theano = import_theano()
    blas = name_blas()
    relation = "with" if blas == _NUMPY_BLAS else "linked with"
    compiler = "" if theano.config.cxx else ", without a C++ compiler (slow)"
    return f"Theano {theano.__version__}, {theano.config.floatX}, {relation} {blas}{compiler}"


def name_blas() -> str:
    """Return the libraries that Theano's matrix products come from."""
    flags = import_theano().config.blas.ldflags.split()
    return " ".join(flag[2:] for flag in flags if flag.startswith("-l")) or _NUMPY_BLAS


class UserSettings:
    """What THEANO_FLAGS and the .theanorc files say, read as Theano reads them."""

    def __init__(self) -> None:
        self.flags = os.environ.get("THEANO_FLAGS", "")
        splitter = shlex.shlex(self.flags, posix=True)
        splitter.whitespace, splitter.whitespace_split = ",", True
        pairs = (flag.strip().split("=", 1) for flag in splitter if "=" in flag)
        self._values: Dict[str, str] = dict(pairs)
        files = os.environ.get("THEANORC", "~/.theanorc").split(os.pathsep)
        self._file = configparser.RawConfigParser()
        # A file that cannot be parsed is for Theano to report.
        with contextlib.suppress(configparser.Error):
            self._file.read([os.path.expanduser(name) for name in files])

    def get(self, name: str) -> Optional[str]:
        """Return the value of a flag such as ``blas.ldflags``, if the user set it."""
        section, _, option = name.rpartition(".")
        in_file = self._file.get(section or "global", option, fallback=None)
        return self._values.get(name, in_file)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None


def _default_flags(user: UserSettings) -> Dict[str, str]:
    """Return what Theano is told beyond what the user says."""
    flags = {}
    if "allow_gc" not in user:
        flags["allow_gc"] = "False"
    if "cxx" not in user and not _can_compile():
        flags["cxx"] = ""
    if "blas.ldflags" not in user:
        has_compiler = flags.get("cxx", user.get("cxx")) != ""
        flags["blas.ldflags"] = _fast_blas() if has_compiler else ""
    # Theano asks for debugging information, which takes a sixth of the compiler's time.
    options = user.get("gcc.cxxflags") if "gcc.cxxflags" in user else "-g0"
    renames = _RENAMES if flags.get("blas.ldflags") else ""
    flags["gcc.cxxflags"] = f"{options} {renames}".strip()
    return flags


def _can_compile() -> bool:
    compiler = "clang++" if sys.platform == "darwin" else "g++"
    missing = None
    if not (shutil.which(compiler) or shutil.which("g++")):
        missing = f"no C++ compiler ({compiler}; for example: apt install g++)"
    elif not Path(sysconfig.get_path("include"), "Python.h").exists():
        missing = "no C headers of this Python (for example: apt install python3-dev)"
    if missing:
        warnings.warn(
            f"there is {missing}; until then Theano computes in Python, many times slower",
            SlowTheanoWarning,
            stacklevel=5,
        )
    return missing is None


def _fast_blas() -> str:
    # The library reads this while it is loaded: its threads wait 2 ** 12 ticks for work.
    with _environment(_TIMEOUT, os.environ.get(_TIMEOUT, "12")):
        try:
            import scipy_openblas32
        except ImportError:
            _warn_of_numpy_blas("scipy-openblas32 is not installed")
            return ""
        folder, library = scipy_openblas32.get_lib_dir(), scipy_openblas32.get_library()
        with contextlib.suppress(OSError):  # a file of another name is loaded later, as it is
            ctypes.CDLL(os.path.join(folder, f"lib{library}.so"))
    # Theano splits THEANO_FLAGS at commas and the linker's options at spaces.
    if any(character in folder for character in " \t\n,'\"\\"):
        _warn_of_numpy_blas(f"Theano cannot link from a path with spaces or quotes ({folder})")
        return ""
    return f"-L{folder} -l{library}"


def _warn_of_numpy_blas(reason: str) -> None:
    warnings.warn(
        f"{reason}: Theano uses NumPy's BLAS, which is slower", SlowTheanoWarning, stacklevel=5
    )


@contextlib.contextmanager
def _theano_flags(defaults: Dict[str, str], user: UserSettings) -> Iterator[None]:
    """Let Theano read the user's flags and our defaults from its environment."""
    # Later flags win. Ours contain nothing of the user's but gcc.cxxflags, extended.
    ours = ",".join(f"{name}={shlex.quote(value)}" for name, value in defaults.items())
    with _environment("THEANO_FLAGS", f"{user.flags},{ours}"):
        yield


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _blas_links(theano: Any) -> bool:
    """Try to link the BLAS, once a machine: Theano's cache folder keeps the answer."""
    if not theano.config.cxx:
        return False
    flags = theano.config.blas.ldflags.split()
    question = f"{theano.config.cxx} {flags} {os.stat(flags[0][2:]).st_mtime_ns}"

    def link() -> bool:
        from theano.gof.cmodule import GCC_compiler

        return bool(
            GCC_compiler.try_compile_tmp(_BLAS_TEST, tmp_prefix="dltutorials_", flags=flags)
        )

    return remembered(theano, "blas-links", question, link)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
