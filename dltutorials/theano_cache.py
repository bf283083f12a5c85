"""Letting Theano 1.0.5 find again what it compiled.

Theano keeps the C modules that it compiles on disk and looks them up by a key,
which has a version for every operation. Two slips make it compile some of them
anew in every process, and fill the folder with copies:

- An operation without properties has the empty tuple as its ``__props__``;
  ``CLinker.cmodule_key_`` takes that for an unknown version, which is not kept.
- ``COp.c_code_cache_version`` is Python's hash of the C code, which differs
  from process to process.

:func:`mend_module_cache` replaces both, in Theano 1.0.5 only; other versions
may differ. The keys become right; the C code and its results stay the same.
"""

import hashlib
from typing import Any, Iterator, Optional, Tuple

MENDED_VERSION = "1.0.5"


def mend_module_cache(theano: Any) -> bool:
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

    def cmodule_key(self: Any, fgraph: Any, *args: Any, **options: Any) -> Optional[Tuple]:
        key = original_key(self, fgraph, *args, **options)
        if key is None or key[0] != ():
            return key
        versions = tuple(_versions(fgraph))
        return (versions, key[1]) if all(versions) else key

    def c_code_cache_version(self: Any) -> Tuple:
        code = "\0".join(self.func_codes).encode("utf-8", "surrogateescape")
        version: Tuple = (int(hashlib.sha256(code).hexdigest()[:15], 16),)
        if hasattr(self, "params_type"):
            version += (self.params_type.c_code_cache_version(),)
        return version

    linker.cmodule_key_ = cmodule_key
    cop.c_code_cache_version = c_code_cache_version
    return True


def _versions(fgraph: Any) -> Iterator[Any]:
    """Yield what cmodule_key_ collects, but for the properties that are empty."""
    for node in fgraph.toposort():
        if hasattr(node.op, "c_code_cache_version_apply"):
            yield node.op.c_code_cache_version_apply(node)
        if getattr(node.op, "__props__", ()):
            yield node.op.__props__
        for variable in (*node.inputs, *node.outputs):
            yield variable.type.c_code_cache_version()
