"""Arrays on the device of JAX: the only way there, and the only way back.

:func:`to_device` copies arrays there, :func:`fetch` back. Shared variables keep such arrays, and
still give and take NumPy's; compiled functions return them. With a transfer guard, JAX proves that
a training step copies nothing:

>>> rows = to_device(numpy.arange(3.0))
>>> with jax.transfer_guard("disallow"):
...     total = rows.sum()
>>> fetch([total, total]).tolist()
[3.0, 3.0]
"""

import contextlib
import functools
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from dltutorials.backend import jax_faults
from dltutorials.exceptions import OutOfMemoryError

import jax
import jax.numpy as jnp
import numpy
from pytensor.link.jax.linker import JAXLinker
from pytensor.tensor.sharedvar import TensorSharedVariable

n_transfers = 0  # arrays that were copied to the device so far
_GROUP = 64  # results that are joined at once; more take longer to compile


class DeviceMemoryError(OutOfMemoryError):
    """The device has not enough memory for what is computed."""

    def __init__(self, message: str) -> None:
        super().__init__(message.partition("\n")[0])  # PyTensor adds pages on the operation


def to_device(value: Any) -> Any:
    """Copy an array to the device, or a list of them; return when they are there.

    Raises
    ------
    DeviceMemoryError
        If the device has not enough memory.
    """
    global n_transfers
    n_transfers += sum(numpy.size(each) > 0 for each in jax.tree.leaves(value))
    device = jax.config.jax_default_device or jax.devices()[0]
    with _memory_errors():
        # The memory of the array is used again, for the next chunk of data. On the processor JAX
        # shares it with arrays that lie at a multiple of 64 bytes, whatever it is told.
        if device.platform == "cpu":
            value = jax.tree.map(numpy.array, value)
        return jax.block_until_ready(jax.device_put(value, may_alias=False))


def fetch(values: Sequence[Any]) -> numpy.ndarray:
    """Copy results from the device, scalars or vectors, joined to one vector, at once.

    Raises
    ------
    Exception
        Of a call that was made :func:`~dltutorials.backend.jax_faults.call_later`.
    """
    jax_faults.raise_waiting(_fetch)
    return _fetch(values)


def _fetch(values: Sequence[Any]) -> numpy.ndarray:
    parts = list(values)
    with _memory_errors():
        while len(parts) > 1:
            parts = [_join(*parts[i : i + _GROUP]) for i in range(0, len(parts), _GROUP)]
        return to_host(parts[0]).ravel()


def to_host(value: Any) -> numpy.ndarray:
    """Copy an array from the device, or return a view of it where that is the processor."""
    return numpy.asarray(jax.device_get(value))


def bandwidths(n_bytes: int = 2**28) -> tuple[float, float]:
    """Measure how many bytes a second go to the device, and back."""
    values = numpy.ones(n_bytes // 4, "float32")
    there = back = 0.0
    for _ in range(2):  # the first time memory is taken, too
        start = time.perf_counter()
        array = to_device(values)
        arrived = time.perf_counter()
        numpy.array(to_host(array))
        there, back = n_bytes / (arrived - start), n_bytes / (time.perf_counter() - arrived)
    return there, back


def free_memory() -> int | None:
    """Return how many bytes of the device can be used, if it says so."""
    [device] = jnp.zeros(()).devices()
    facts = device.memory_stats() or {}
    return facts["bytes_limit"] - facts["bytes_in_use"] if "bytes_limit" in facts else None


@jax.jit
def _join(*parts: Any) -> Any:
    return jnp.concatenate([part.ravel() for part in parts])


def keep_shared_on_device() -> None:
    """Let shared variables of numbers keep arrays of JAX from now on."""
    make = TensorSharedVariable.__init__

    @functools.wraps(make)
    def init(self: Any, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        storage = self.container.storage
        if not isinstance(storage[0], jax.Array):  # as a clone's is, which is another's
            storage[0] = to_device(storage[0])

    def get_value(self: Any, borrow: bool = False, return_internal_type: bool = False) -> Any:
        value = self.container.storage[0]
        if return_internal_type:
            return value
        return to_host(value) if borrow else numpy.array(to_host(value))

    def set_value(self: Any, new_value: Any, borrow: bool = False) -> None:
        container = self.container
        options = {"strict": container.strict, "allow_downcast": container.allow_downcast}
        if isinstance(new_value, jax.Array):
            new_value = to_host(new_value)
        container.storage[0] = to_device(self.type.filter(new_value, **options))

    for method in (get_value, set_value):
        setattr(TensorSharedVariable, method.__name__, method)
    TensorSharedVariable.__init__ = init


def check_functions() -> None:
    """Let compiled functions give what they say, and raise errors of numbers and of memory."""
    compile_with_jax = JAXLinker.jit_compile

    @functools.wraps(compile_with_jax)
    def jit_compile(self: Any, fn: Any) -> Any:
        dtypes = [getattr(output, "dtype", None) for output in self.fgraph.outputs]

        def of_their_types(*arguments: Any) -> Any:
            values = zip(fn(*arguments), dtypes)
            return [
                value if dtype is None else jnp.asarray(value, dtype) for value, dtype in values
            ]

        nodes = set(self.fgraph.apply_nodes)
        function, checks = jax_faults.with_faults(of_their_types, nodes)
        compiled = compile_with_jax(self, function)

        def call(*arguments: Any) -> Any:
            with _memory_errors():
                results, faults = compiled(*arguments)
            jax_faults.raise_or_wait(faults, checks)
            return results

        return call

    JAXLinker.jit_compile = jit_compile


@contextlib.contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise DeviceMemoryError(
            f"not enough memory on the device{_needed(str(error))}; keep a chunk of the data there "
            "at a time (--chunk-size), or take a smaller --batch-size"
        ) from error


def _needed(message: str) -> str:
    """Return what XLA's message says of the memory that it could not have, in megabytes."""
    found = re.search(r"allocat\w* (?:request for )?([\d.]+) ?([KMGT]?)(i?)", message)
    if found is None:
        return ""
    number, unit, is_binary = found.groups()
    factor = (1024 if is_binary else 1000) ** " KMGT".index(unit or " ")
    return f" for another {float(number) * factor / 1e6:,.0f} MB"
