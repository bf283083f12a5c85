"""Patches that let Theano 1.0.5 compile less, and reuse what it has compiled.

Theano keeps the C modules that it compiles on disk and looks them up by a key,
which has a version for every operation. Two slips make it compile some of them
anew in every process, and fill the folder with copies:

- An operation without properties has the empty tuple as its ``__props__``;
  ``CLinker.cmodule_key_`` takes that for an unknown version, which is not kept.
- ``COp.c_code_cache_version`` is Python's hash of the C code, which differs
  from process to process.

Two habits cost more of its compiler than they give: it compiles a module to
reshape a constant once, while optimising, and in every process a test program
for the options that suit the processor. :func:`patch_module_cache` changes all
four, in Theano 1.0.5 only; other versions may differ, and lets it parse headers once
(:mod:`dltutorials.backend.precompiled_header`). The keys become right; the C code and its
results stay the same. :func:`quick_import` spares its import, :class:`ExplainWaiting` its
messages.
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

from dltutorials.backend.precompiled_header import use_precompiled_header

MENDED_VERSION = "1.0.5"


@contextlib.contextmanager
def quick_import() -> Iterator[None]:
    """Spare the import of Theano what it hardly needs: half of its time.

    It imports ``scipy.stats`` for one function, which loads it when it is called, and
    ``scipy.signal`` for names that SciPy 1.8 made private, without which it does anyway.
    Its ``distutils`` would be that of setuptools, which brings all of setuptools; Python's own
    does as well, and is gone from ``sys.modules`` afterwards, as setuptools wants it.
    """
    logging.getLogger("theano.gof.compilelock").addFilter(ExplainWaiting())
    before = set(sys.modules)
    spared: dict[str, Any] = {}
    if hasattr(importlib.import_module("scipy"), "__getattr__"):  # it loads its parts when needed
        wanted: dict[str, Any] = {"scipy.stats": types.ModuleType("scipy.stats")}
        wanted["scipy.signal"] = None  # an ImportError, as from the SciPy that is installed
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
    """Says in one line what is waited for, and how long, when compiled code is locked.

    Theano says it in two, without the time, and as many again where all is well: when it
    prolongs a lock of its own, or when it takes over that of a process that has died.
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
        False if this Theano is not the version that the mending was made for;
        nothing is changed then.
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
    use_precompiled_header(theano)
    return True


def cached_answer(theano: Any, name: str, question: str, answer: Callable[[], bool]) -> bool:
    """Answer a question about this machine; a yes is kept in Theano's cache folder.

    Parameters
    ----------
    theano : module
    name : str
        The name of the file for the answer.
    question : str
        Everything that the answer depends on.
    answer : callable() -> bool
        Called unless the last answer kept was a yes to the same question.
    """
    file = Path(theano.config.compiledir, f"dltutorials-{name}")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if file.read_text() == question:
            return True
    if not answer():
        return False
    # A folder that cannot be written costs the next process the question again.
    with contextlib.suppress(OSError):
        file.write_text(question)
    return True


def _fold_single_numbers_in_python(theano: Any) -> None:
    """Extend what Theano does for scalars to arrays of one number, whatever their shape."""

    def is_one_number(self: Any, node: Any) -> bool:
        return all(node.outputs[0].type.broadcastable) and len(node.inputs) < 32

    theano.tensor.elemwise.Elemwise.python_constant_folding = is_one_number
    theano.tensor.elemwise.DimShuffle.python_constant_folding = is_one_number


def _remember_processor_options(theano: Any) -> None:
    """Try the options for this processor once, not in every process.

    They are the compiler's own choice for the processor at hand: another one
    has others, which are tried anew.
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

    if compiler.march_flags:  # tried already, while Theano was imported
        works(compiler.march_flags, lambda: True)
    cmodule.try_march_flag = try_march_flag


def _versions(fgraph: Any) -> Iterator[Any]:
    """Yield what cmodule_key_ collects, but for the properties that are empty."""
    for node in fgraph.toposort():
        if hasattr(node.op, "c_code_cache_version_apply"):
            yield node.op.c_code_cache_version_apply(node)
        if getattr(node.op, "__props__", ()):
            yield node.op.__props__
        for variable in (*node.inputs, *node.outputs):
            yield variable.type.c_code_cache_version()
