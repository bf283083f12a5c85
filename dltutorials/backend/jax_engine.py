"""JAX under PyTensor, on a GPU or on the CPU.

With ``THEANO_FLAGS=device=cuda`` or ``linker=jax``, JAX compiles functions, and their arrays live
on the device. To transfer nothing but a minibatch's number there during training,

- shared variables keep JAX arrays, and results stay there until many are fetched at once
  (:mod:`dltutorials.backend.jax_arrays`);
- a minibatch has a fixed number of rows (:mod:`dltutorials.backend.jax_kernels`).

:func:`set_up` makes JAX compute as the other backends do: in the dtypes of the expressions,
float64 included, and with products in full float32 precision, where a GPU would by default use
only 10 bits of each number.
"""

import importlib
import importlib.util
import os
from typing import Any

from dltutorials.backend.devices import gpu_number
from dltutorials.exceptions import SetupError, reason_of

INSTALL = {"cpu": "pip install jax", "cuda": "pip install 'jax[cuda12]'"}

# Without this, equal runs on one GPU may differ, since sums are added in any order.
_XLA_FLAG = "--xla_gpu_deterministic_ops=true"


def require_jax(device: str) -> None:
    """Refuse to continue without JAX.

    Raises
    ------
    SetupError
        If it is not installed; the message has the command that installs it.
    """
    if importlib.util.find_spec("jax") is None:
        cause = "linker=jax" if device == "cpu" else f"device={device}"
        raise SetupError(f"{cause} needs JAX, which is not installed; {_install(device)}")


def set_up(device: str) -> str:
    """Make JAX compute on a device, with Theano's number types.

    Parameters
    ----------
    device : str
        "cpu", or "cuda" with or without a number.

    Returns
    -------
    str
        The device as JAX describes it, for example "NVIDIA H100 80GB HBM3" or "cpu".

    Raises
    ------
    SetupError
        If JAX or the GPU is missing, or JAX cannot use it.
    """
    require_jax(device)
    number = gpu_number(device)
    if number is not None:
        # Allocate memory only when needed: several runs may share a GPU.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        flags = os.environ.get("XLA_FLAGS", "")
        if _XLA_FLAG.partition("=")[0] not in flags:
            os.environ["XLA_FLAGS"] = f"{_XLA_FLAG} {flags}".strip()
    importlib.import_module("pytensor.link.jax.dispatch")  # sets the number type, too
    importlib.import_module("dltutorials.backend.jax_kernels")
    importlib.import_module("dltutorials.backend.jax_mrg")
    arrays = importlib.import_module("dltutorials.backend.jax_arrays")
    jax = importlib.import_module("jax")

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "highest")
    found = _find_device(jax, device, number)
    jax.config.update("jax_default_device", found)
    if number is not None:
        _keep_compiled(jax)
    arrays.keep_shared_on_device()
    arrays.check_functions()
    return str(found.device_kind)


def _keep_compiled(jax: Any) -> None:
    """Let processes share compiled code, kept beside PyTensor's own.

    XLA measures several algorithms for a product or convolution and takes the fastest. If each
    process measured anew, a resumed run could end with different bytes.
    """
    if os.environ.get("JAX_COMPILATION_CACHE_DIR") is None:
        folder = importlib.import_module("pytensor").config.compiledir
        jax.config.update("jax_compilation_cache_dir", os.path.join(str(folder), "jax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _find_device(jax: Any, device: str, number: int | None) -> Any:
    platform = "cpu" if number is None else "cuda"
    try:
        jax.config.update("jax_platforms", "cpu" if number is None else "cuda,cpu")
        devices = jax.devices(platform)
    except Exception as error:
        raise SetupError(
            f"device: got {device}, but JAX cannot use a GPU here: {reason_of(error)}; nvidia-smi "
            f"shows GPUs and their driver, {_install(device)} installs what JAX needs"
        ) from error
    if (number or 0) >= len(devices):
        there_are = ", ".join(f"cuda{n}" for n in range(len(devices)))
        raise SetupError(f"device: got {device}, expected one of the GPUs here: {there_are}")
    return devices[number or 0]


def _install(device: str) -> str:
    return INSTALL["cpu" if device == "cpu" else "cuda"]
