"""Machine code from Numba for whole functions only, not for each of their parts.

Numba optimizes each function and makes machine code of it, then includes it in the functions that
call it and optimizes it again. A function that PyTensor compiles has up to two hundred parts, which
nobody calls from outside. Here a part stays as it is until somebody asks for its address or saves
it; the whole, which includes it, is optimized once. The results are the same, since our default is
to compile without ``fastmath`` (:mod:`dltutorials.backend.pytensor_options`), so that no
optimization may reorder a sum.

Importing this module patches Numba, of the version that the patch is for.
"""

import ctypes
import weakref
from typing import Any

import numba
from numba.core import codegen

MENDED_VERSIONS = ("0.68.",)


def compile_whole_functions_only() -> bool:
    """Let Numba make machine code when it is needed.

    Returns
    -------
    bool
        False, and nothing is changed, if this Numba is not a version that the patch is for.
    """
    if not numba.__version__.startswith(MENDED_VERSIONS):
        return False
    library, engine = codegen.JITCodeLibrary, codegen.JITCPUCodegen
    optimize, finish = library._optimize_final_module, library._finalize_final_module
    get_pointer, serialize = library.get_pointer_to_function, library.serialize_using_object_code
    environments: Any = weakref.WeakValueDictionary()  # of parts without machine code, by name

    def add_llvm_module(self: Any, module: Any) -> None:
        self._final_module.link_in(module)

    def optimize_final_module(self: Any) -> None:
        self.is_pending = True

    def finalize_final_module(self: Any) -> None:
        if not getattr(self, "is_pending", False):
            finish(self)
        self._finalized = True

    def make_machine_code(self: Any) -> None:
        if not getattr(self, "is_pending", False):
            return
        self.is_pending = False
        self._optimize_functions(self._final_module)
        optimize(self)
        self._final_module.verify()
        finish(self)
        names = [variable.name for variable in self._final_module.global_variables]
        for name in names:
            if name in environments:
                set_env(self._codegen, name, environments.pop(name))

    def get_pointer_to_function(self: Any, name: str) -> int:
        self._ensure_finalized()
        if getattr(self, "is_pending", False):
            try:
                self._final_module.get_function(name)
            except NameError:
                return 0  # as Numba answers for a part, which has no wrapper for Python
            make_machine_code(self)
        return get_pointer(self, name)

    def serialize_using_object_code(self: Any) -> Any:
        self._ensure_finalized()
        make_machine_code(self)
        return serialize(self)

    def set_env(self: Any, name: str, environment: Any) -> None:
        address = self._engine.get_global_value_address(name)
        if address:
            ctypes.c_void_p.from_address(address).value = id(environment)
        else:
            environments[name] = environment

    for function in (add_llvm_module, get_pointer_to_function, serialize_using_object_code):
        setattr(library, function.__name__, function)
    library._optimize_final_module = optimize_final_module
    library._finalize_final_module = finalize_final_module
    engine.set_env = set_env
    return True


compile_whole_functions_only()
