"""Arrays on JAX's device: every copy there and back is made here.

:func:`to_device` copies arrays there, :func:`fetch` back. Shared variables keep device arrays but
still give and take NumPy's; compiled functions return device arrays. JAX's transfer guard proves
that a training step copies nothing:

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

n_transfers = 0  # arrays copied to the device so far
_GROUP = 64  # results joined at once; more would take longer to compile


class DeviceMemoryError(OutOfMemoryError):
    """The device does not have enough memory for the computation."""

    def __init__(self, message: str) -> None:
        super().__init__(message.partition("\n")[0])  # PyTensor adds pages about the operation


def to_device(value: Any) -> Any:
    """Copy an array or a list of arrays to the device; return once they are there.

    Raises
    ------
    DeviceMemoryError
        If the device does not have enough memory.
    """
    global n_transfers
    n_transfers += sum(numpy.size(each) > 0 for each in jax.tree.leaves(value))
    device = jax.config.jax_default_device or jax.devices()[0]
    with _memory_errors():
        # The array's memory is reused for the next chunk of data. On the CPU, JAX shares the
        # memory of arrays aligned to 64 bytes, even with may_alias=False.
        if device.platform == "cpu":
            value = jax.tree.map(numpy.array, value)
        return jax.block_until_ready(jax.device_put(value, may_alias=False))


def fetch(values: Sequence[Any]) -> numpy.ndarray:
    """Copy scalars and vectors from the device at once, joined into one vector.

    Raises
    ------
    Exception
        The error of a call made by :func:`~dltutorials.backend.jax_faults.call_later`.
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
    """Copy an array from the device, or return a view of it if the device is the CPU."""
    return numpy.asarray(jax.device_get(value))


def bandwidths(n_bytes: int = 2**28) -> tuple[float, float]:
    """Measure the bandwidths to the device and back, in bytes per second."""
    values = numpy.ones(n_bytes // 4, "float32")
    there = back = 0.0
    for _ in range(2):  # the first round also allocates memory
        start = time.perf_counter()
        array = to_device(values)
        arrived = time.perf_counter()
        numpy.array(to_host(array))
        there, back = n_bytes / (arrived - start), n_bytes / (time.perf_counter() - arrived)
    return there, back


def free_memory() -> int | None:
    """Return how many bytes are free on the device, or None if it does not say."""
    [device] = jnp.zeros(()).devices()
    facts = device.memory_stats() or {}
    return facts["bytes_limit"] - facts["bytes_in_use"] if "bytes_limit" in facts else None


@jax.jit
def _join(*parts: Any) -> Any:
    return jnp.concatenate([part.ravel() for part in parts])


def keep_shared_on_device() -> None:
    """Let numeric shared variables keep JAX arrays from now on."""
    make = TensorSharedVariable.__init__

    @functools.wraps(make)
    def init(self: Any, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        storage = self.container.storage
        if not isinstance(storage[0], jax.Array):  # a clone's already is one
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
    """Let compiled functions return their declared types, and raise data and memory errors."""
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
        compiled = compile_with_jax(self, jax_faults.with_faults(of_their_types, nodes))

        def call(*arguments: Any) -> Any:
            with _memory_errors():
                results, faults = compiled(*arguments)
            jax_faults.raise_or_wait(faults)
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
    """Return how much memory XLA could not allocate, in megabytes, from its message."""
    found = re.search(r"allocat\w* (?:request for )?([\d.]+) ?([KMGT]?)(i?)", message)
    if found is None:
        return ""
    number, unit, is_binary = found.groups()
    factor = (1024 if is_binary else 1000) ** " KMGT".index(unit or " ")
    return f" for another {float(number) * factor / 1e6:,.0f} MB"
