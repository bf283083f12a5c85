"""Patches that make Theano 1.0.5 compile less and reuse what it has compiled.

Theano keeps the C modules that it compiles on disk and looks them up by a key,
which includes a version of every operation. Two bugs make it recompile some of them in every
process, and fill the folder with copies:

- An operation without properties has the empty tuple as its ``__props__``;
  ``CLinker.cmodule_key_`` takes that for an unknown version, which is not cached.
- ``COp.c_code_cache_version`` is Python's hash of the C code, which differs
  from process to process.

It also does more than pays off: it compiles a module to reshape one constant during optimization,
and in every process a test program to find the options for the processor; and it builds the graphs
of all fused operations in the cache. And code that does not compile leaves the folder locked until
the process ends, so that all others wait. :func:`patch_module_cache` fixes all six, in Theano 1.0.5
only, since other versions may differ. The keys become correct; the C code and its results stay the
same. It also uses precompiled headers (:mod:`dltutorials.backend.precompiled_header`), and divides
products of few rows among threads (:mod:`dltutorials.backend.few_rows`). :func:`quick_import`
speeds up the import, and :class:`ExplainWaiting` shortens messages.
"""

import contextlib
import hashlib
import importlib
import logging
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dltutorials.backend.few_rows import divide_few_rows
from dltutorials.backend.precompiled_header import use_precompiled_header

MENDED_VERSION = "1.0.5"


@contextlib.contextmanager
def quick_import() -> Iterator[None]:
    """Halve the time to import Theano by skipping what it hardly needs.

    ``scipy.stats``, needed for one function, is loaded when that is called; ``scipy.signal`` is
    skipped, since SciPy 1.8 has made the names that Theano wants private. Python's own
    ``distutils`` replaces that of setuptools, which would load all of setuptools, and is removed
    from ``sys.modules`` afterwards, as setuptools requires.
    """
    logging.getLogger("theano.gof.compilelock").addFilter(ExplainWaiting())
    before = set(sys.modules)
    spared: dict[str, Any] = {}
    if hasattr(importlib.import_module("scipy"), "__getattr__"):  # loads its parts on demand
        wanted: dict[str, Any] = {"scipy.stats": types.ModuleType("scipy.stats")}
        wanted["scipy.signal"] = None  # an ImportError, as with the installed SciPy
        spared = {name: value for name, value in wanted.items() if name not in sys.modules}
    sys.modules.update(spared)
    _import_own_distutils()
    try:
        yield
    finally:
        for name, value in spared.items():
            if sys.modules.get(name) is value:
                sys.modules.pop(name, None)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "distutils":
                del sys.modules[name]


def _import_own_distutils() -> None:
    finders = [each for each in sys.meta_path if type(each).__module__ == "_distutils_hack"]
    sys.meta_path[:] = [each for each in sys.meta_path if each not in finders]
    try:
        with warnings.catch_warnings(), contextlib.suppress(ImportError):
            warnings.simplefilter("ignore", DeprecationWarning)
            for name in ("distutils.spawn", "distutils.sysconfig"):
                importlib.import_module(name)
    finally:
        sys.meta_path[:0] = finders


class ExplainWaiting(logging.Filter):
    """Reports in one line which process locks the compiled code, and how long Theano waits.

    Theano takes two lines, without the time, and logs two more when all is well: when it extends
    its own lock, or takes over that of a dead process.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record, or drop it."""
        if not str(record.msg).startswith("Waiting for existing lock"):
            return record.levelno > logging.INFO and "by dead" not in str(record.msg)
        config = importlib.import_module("theano").config
        lock = Path(config.compiledir, "lock_dir")
        owner = "another process"
        with contextlib.suppress(OSError, ValueError):
            number, _, host = (lock / "lock").read_text().strip().split("_", 2)
            owner = f"process {number[:20]} on {ascii(host[:80])[1:-1]}"
        record.msg, record.args = (
            (
                f"waiting for {owner}, which compiles; for at most {config.compile.timeout} s, or "
                f"until you remove {lock}"
            ),
            (),
        )
        return True


def patch_module_cache(theano: Any) -> bool:
    """Make the keys of Theano's C modules the same in every process.

    Parameters
    ----------
    theano : module

    Returns
    -------
    bool
        False, and nothing is changed, if this Theano is not the version that the patches are for.
    """
    if theano.__version__ != MENDED_VERSION:
        return False
    linker, cop = theano.gof.cc.CLinker, theano.gof.op.COp
    original_key = linker.cmodule_key_

    def cmodule_key(self: Any, fgraph: Any, *args: Any, **options: Any) -> tuple | None:
        key = original_key(self, fgraph, *args, **options)
        if key is None or key[0] != ():
            return key
        versions = tuple(_versions(fgraph))
        return (versions, key[1]) if all(versions) else key

    def c_code_cache_version(self: Any) -> tuple:
        code = "\0".join(self.func_codes).encode("utf-8", "surrogateescape")
        version: tuple = (int(hashlib.sha256(code).hexdigest()[:15], 16),)
        if hasattr(self, "params_type"):
            version += (self.params_type.c_code_cache_version(),)
        return version

    linker.cmodule_key_ = cmodule_key
    cop.c_code_cache_version = c_code_cache_version
    _fold_single_numbers_in_python(theano)
    _remember_processor_options(theano)
    _read_fused_operations_quickly(theano)
    theano.gof.compilelock.lock_ctx = _lock_folder
    use_precompiled_header(theano)
    divide_few_rows(theano)
    return True


def cached_answer(theano: Any, name: str, question: str, answer: Callable[[], bool]) -> bool:
    """Answer a question about this machine; a yes is cached in Theano's folder.

    Parameters
    ----------
    theano : module
    name : str
        The name of the file for the answer.
    question : str
        Everything that the answer depends on.
    answer : callable() -> bool
        Called unless a yes to the same question is cached.
    """
    file = Path(theano.config.compiledir, f"dltutorials-{name}")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if file.read_text() == question:
            return True
    if not answer():
        return False
    # If the folder cannot be written, the next process asks again.
    with contextlib.suppress(OSError):
        file.write_text(question)
    return True


def _fold_single_numbers_in_python(theano: Any) -> None:
    """Treat constant arrays of one number as Theano treats scalars, whatever their shape."""

    def is_one_number(self: Any, node: Any) -> bool:
        return all(node.outputs[0].type.broadcastable) and len(node.inputs) < 32

    theano.tensor.elemwise.Elemwise.python_constant_folding = is_one_number
    theano.tensor.elemwise.DimShuffle.python_constant_folding = is_one_number


def _remember_processor_options(theano: Any) -> None:
    """Test the options for this processor once, not in every process.

    The compiler chooses them for the processor; those of another processor are tested again.
    """
    cmodule = theano.gof.cmodule
    compiler = cmodule.GCC_compiler
    try_options = cmodule.try_march_flag

    def works(flags: list[str], answer: Callable[[], bool]) -> bool:
        question = f"{compiler.version_str()} {flags}"
        return cached_answer(theano, "processor-options", question, answer)

    def try_march_flag(flags: list[str]) -> tuple[bool, bool]:
        outcomes = []

        def answer() -> bool:
            outcomes.append(try_options(flags))
            return all(outcomes[0])

        works(flags, answer)
        return outcomes[0] if outcomes else (True, True)

    if compiler.march_flags:  # tested already, during Theano's import
        works(compiler.march_flags, lambda: True)
    cmodule.try_march_flag = try_march_flag


def _read_fused_operations_quickly(theano: Any) -> None:
    """Build the graph of an unpickled fused operation when it is first asked for.

    Every process reads the keys of all modules in the cache, in which it only compares such
    operations by their C code. With 83 modules in it this took 0.35 s, and takes 0.10 s.
    """
    composite = theano.scalar.Composite

    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807 (called for what is missing)
        if name not in ("fgraph", "_impls") or "inputs" not in self.__dict__:
            raise AttributeError(name)
        self.init_fgraph()
        self.init_py_impls()
        return self.__dict__[name]

    def __getstate__(self: Any) -> dict[str, Any]:  # noqa: N807
        left_out = ("fgraph", "_impls", "prepare_node_called")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self: Any, state: dict[str, Any]) -> None:  # noqa: N807
        vars(self).update(state, prepare_node_called=set())

    for function in (__getattr__, __getstate__, __setstate__):
        setattr(composite, function.__name__, function)


@contextlib.contextmanager
def _lock_folder(
    lock_dir: str | None = None, keep_lock: bool = False, **options: Any
) -> Iterator[None]:
    """Lock the folder of compiled code; an error unlocks it, too."""
    compilelock = importlib.import_module("theano.gof.compilelock")
    compilelock.get_lock(lock_dir=lock_dir, **options)
    try:
        yield
    except BaseException:
        compilelock.release_lock()
        raise
    if not keep_lock:
        compilelock.release_lock()


def _versions(fgraph: Any) -> Iterator[Any]:
    """Yield what cmodule_key_ collects, except for empty properties."""
    for node in fgraph.toposort():
        if hasattr(node.op, "c_code_cache_version_apply"):
            yield node.op.c_code_cache_version_apply(node)
        if getattr(node.op, "__props__", ()):
            yield node.op.__props__
        for variable in (*node.inputs, *node.outputs):
            yield variable.type.c_code_cache_version()
