"""What a figure depends on besides the program: processor, BLAS kernels, settings."""

import ctypes
import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_VECTORS = ("avx512f", "avx2", "asimd")  # widest first


def describe_machine() -> str:
    """Return one line on the processor, the kernels of the BLAS, the system and the settings."""
    settings = [f"{k}={v}" for k, v in os.environ.items() if k.startswith(("OPENBLAS_", "OMP_"))]
    kernels = f"OpenBLAS kernels for {name_kernels()}" if name_kernels() else ""
    parts = [_describe_processor(), kernels, platform.platform(), *sorted(settings)]
    return ", ".join(filter(None, parts))


def name_kernels() -> str:
    """Return the processor that the linked OpenBLAS has kernels for; users may choose it."""
    try:
        import scipy_openblas32 as openblas

        path = Path(openblas.get_lib_dir(), f"lib{openblas.get_library()}.so")
        name = ctypes.CDLL(str(path)).scipy_openblas_get_corename
    except (ImportError, OSError, AttributeError):
        return ""
    name.restype = ctypes.c_char_p
    return str(name().decode())


def _describe_processor() -> str:
    text = _CPUINFO.read_text() if _CPUINFO.exists() else ""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    name = fields.get("model name", platform.processor() or platform.machine())
    features = fields.get("flags", fields.get("Features", "")).split()
    vectors = next((each.upper() for each in _VECTORS if each in features), "")
    count = f"{os.cpu_count()} x"
    if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) != os.cpu_count():
        count = f"{len(os.sched_getaffinity(0))} of {count}"
    return f"{count} {name}{f' with {vectors}' if vectors else ''}"
