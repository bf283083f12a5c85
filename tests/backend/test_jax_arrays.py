"""Memory that the device has not, met by functions that JAX compiled and by arrays."""

import pytest

pytest.importorskip("jax")

from dltutorials.backend import jax_arrays
from dltutorials.backend.jax_arrays import DeviceMemoryError

import jax
import numpy
import theano
import theano.tensor as T
from pytensor.link.jax.linker import JAXLinker

ADVICE = "; keep a chunk of the data there at a time (--chunk-size), or take a smaller --batch-size"


@pytest.mark.parametrize("offset", [0, 4])
def test_what_is_on_the_device_does_not_change_with_the_memory_it_came_from(offset):
    memory = numpy.zeros(1024, "uint8")
    start = -memory.ctypes.data % 64 + offset
    rows = memory[start : start + 400].view("float32")
    rows[:] = 1
    there, (also,) = jax_arrays.to_device(rows), jax_arrays.to_device([rows])
    rows[:] = 2
    assert jax_arrays.fetch([there, also]).tolist() == [1.0] * 200


def exhausted(*arguments, **options):
    raise jax.errors.JaxRuntimeError(
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 40.00GiB.\nAllocator: ..."
    )


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("Out of memory while trying to allocate 40.00GiB.", "42,950 MB"),
        ("Failed to allocate request for 24.50MiB (25690112B) on device ordinal 0", "26 MB"),
        ("Out of memory allocating 281474976710656 bytes.", "281,474,977 MB"),
    ],
)
def test_xlas_messages_say_how_much_is_lacking(text, needed):
    assert jax_arrays._needed(text) == f" for another {needed}"
    assert not jax_arrays._needed("Out of memory")


def test_a_function_that_needs_too_much_is_one_line(monkeypatch):
    monkeypatch.setattr(JAXLinker, "jit_compile", lambda self, function: exhausted)
    jax_arrays.check_functions()
    x = T.fvector("x")
    table = theano.function([x], x[:, None] + x[None, :], mode="JAX")
    with pytest.raises(DeviceMemoryError) as error:
        table([1, 2])
    assert str(error.value) == f"not enough memory on the device for another 42,950 MB{ADVICE}"
    assert isinstance(error.value, MemoryError)


def test_data_that_do_not_fit_are_one_line_and_other_errors_stay_what_they_are(monkeypatch):
    monkeypatch.setattr(jax, "device_put", exhausted)
    with pytest.raises(DeviceMemoryError) as error:
        jax_arrays.to_device(numpy.zeros(3))
    assert str(error.value) == f"not enough memory on the device for another 42,950 MB{ADVICE}"

    def fail(*arguments, **options):
        raise jax.errors.JaxRuntimeError("INTERNAL: the bus fell off")

    monkeypatch.setattr(jax, "device_put", fail)
    with pytest.raises(jax.errors.JaxRuntimeError, match="the bus"):
        jax_arrays.to_device(numpy.zeros(3))
