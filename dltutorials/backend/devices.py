"""The device that computes, as chosen by ``device=`` in ``THEANO_FLAGS``.

>>> from dltutorials.backend.flags import environment
>>> with environment("THEANO_FLAGS", "device=cuda1"):
...     wanted_device(UserSettings())
'cuda1'
>>> gpu_number("cuda"), gpu_number("cuda1"), gpu_number("cpu")
(0, 1, None)

Only PyTensor computes on a GPU, through JAX (:mod:`dltutorials.backend.jax_engine`): Theano's own
GPU library was abandoned in 2017 and works with no current driver.
"""

import re
import warnings

from dltutorials.backend.flags import UserSettings
from dltutorials.exceptions import SetupError

_EXPECTED = "expected cpu, cuda, or cuda0 for the first GPU, cuda1 for the second, ..."


def wanted_device(user: UserSettings) -> str:
    """Return the device that the user has chosen: "cpu", or "cuda" with or without a number.

    Raises
    ------
    SetupError
        If it is anything else.

    Warns
    -----
    UserWarning
        If it is "gpu", Theano's name before 2016 for "cuda".
    """
    device = user.get("device") or "cpu"
    if re.fullmatch(r"gpu\d*", device):
        new = device.replace("gpu", "cuda")
        message = f"device={device}: the old name of {new}, which is used"
        warnings.warn_explicit(message, UserWarning, filename="THEANO_FLAGS", lineno=1)
        device = new
    if device != "cpu" and gpu_number(device) is None:
        raise SetupError(f"device: got {device}, {_EXPECTED}")
    return device


def gpu_number(device: str) -> int | None:
    """Return the number of a GPU, counted from 0, or None if it is not a GPU."""
    match = re.fullmatch(r"cuda(\d*)", device)
    return int(match[1] or 0) if match else None


def refuse_gpu(user: UserSettings) -> None:
    """Refuse a GPU for Theano, which would silently continue without one.

    Raises
    ------
    SetupError
        If the user has chosen one.
    """
    device = wanted_device(user)
    if device != "cpu":
        raise SetupError(
            f"device: got {device}, but Theano computes on the processor only, since its GPU "
            "library fits no current driver; use Python 3.12 or later, where JAX computes"
        )
