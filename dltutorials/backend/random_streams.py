"""``theano.tensor.shared_randomstreams`` for PyTensor, which no longer has it.

Each draw has its own ``numpy.random.RandomState``, whose seed is drawn from the streams' seed.
A shared variable keeps its state as an array (:mod:`dltutorials.backend.random_state`).

>>> import numpy, theano
>>> draw = theano.function([], RandomStreams(seed=234).uniform((2,), dtype="float64"))
>>> seed = numpy.random.RandomState(234).randint(2**30)
>>> bool((draw() == numpy.random.RandomState(seed).uniform(size=2)).all())
True
"""

import functools
import operator
from typing import Any

from dltutorials.backend.random_state import pack, set_default_update, unpack
from dltutorials.types import Expression

import numpy
import theano
import theano.tensor as T
from pytensor.graph import Op
from pytensor.tensor.basic import infer_static_shape
from theano.gradient import undefined_grad


class RandomFunction(Op):
    """The operation: from a state, a shape and distribution parameters to a state and numbers."""

    __props__ = ("name", "dtype", "ndim")

    def __init__(self, name: str, dtype: str, ndim: int) -> None:
        self.name, self.dtype, self.ndim = name, dtype, ndim

    def make_node(self, state: Any, size: Any, *arguments: Any) -> Any:
        """Return the application of the operation."""
        added = self.ndim - T.get_vector_length(size)
        _, shape = infer_static_shape([size[i] for i in range(self.ndim - added)])
        sample = T.tensor(dtype=self.dtype, shape=(*shape, *[None] * added))
        return theano.Apply(self, [state, size, *arguments], [state.type(), sample])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """Draw from a NumPy generator."""
        state, size, *arguments = inputs
        generator = unpack(state, like=numpy.random.RandomState(0))
        draw = _DRAWS.get(self.name) or getattr(numpy.random.RandomState, self.name)
        sample = draw(generator, *arguments, tuple(map(int, size)))
        outputs[0][0], outputs[1][0] = pack(generator), numpy.asarray(sample, self.dtype)

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Declare that nothing has a gradient."""
        return [[False, False] for _ in node.inputs]


def _random_integers(generator: Any, low: Any, high: Any, size: tuple[int, ...]) -> numpy.ndarray:
    """Draw one at a time, as Theano does."""
    lows, highs = numpy.broadcast_to(low, size), numpy.broadcast_to(high, size)
    sample = numpy.empty(size, "int64")
    for i in numpy.ndindex(*size):
        sample[i] = generator.randint(lows[i], highs[i] + 1)
    return sample


def _permutation(generator: Any, n: Any, size: tuple[int, ...]) -> numpy.ndarray:
    sample = numpy.empty((*size, int(n)), "int64")
    for i in numpy.ndindex(*size):
        sample[i] = generator.permutation(int(n))
    return sample


_DRAWS: dict[str, Any] = {"random_integers": _random_integers, "permutation": _permutation}


class RandomStreams:
    """Random numbers of ``numpy.random.RandomState``.

    Parameters
    ----------
    seed : int, optional
        By default, a different one each time.

    Attributes
    ----------
    state_updates : list of (shared variable, expression)
        One for each draw so far: its state, and the next state.

    Notes
    -----
    Source: Denoising Autoencoders.
    Differs: a state is an array instead of a RandomState; of Theano's draws there are
    `uniform`, `normal`, `binomial`, `poisson`, `random_integers` and `permutation`.

    Each draw takes the `size` of the tensor, a tuple or an integer vector, by default that of its
    other arguments, and `ndim`, the number of dimensions, if it is unknown.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.default_instance_seed = seed
        self.gen_seedgen = numpy.random.RandomState(seed)
        self.state_updates: list[tuple[Any, Any]] = []

    def updates(self) -> list[tuple[Any, Any]]:
        """Return a copy of ``state_updates``."""
        return list(self.state_updates)

    def seed(self, seed: int | None = None) -> None:
        """Restart, including earlier draws, by default with the constructor's seed."""
        seeds = numpy.random.RandomState(self.default_instance_seed if seed is None else seed)
        for state, _ in self.state_updates:
            state.set_value(_new_state(seeds))

    def uniform(
        self, size: Any = None, low: Any = 0.0, high: Any = 1.0, ndim: Any = None, dtype: Any = None
    ) -> Expression:
        """Draw from the uniform distribution between two numbers."""
        return self._draw("uniform", size, [low, high], ndim, dtype)

    def normal(
        self, size: Any = None, avg: Any = 0.0, std: Any = 1.0, ndim: Any = None, dtype: Any = None
    ) -> Expression:
        """Draw from the normal distribution with a mean and a standard deviation."""
        return self._draw("normal", size, [avg, std], ndim, dtype)

    def binomial(
        self, size: Any = None, n: Any = 1, p: Any = 0.5, ndim: Any = None, dtype: str = "int64"
    ) -> Expression:
        """Draw the number of successes in `n` trials, each with probability `p`."""
        return self._draw("binomial", size, [n, p], ndim, dtype)

    def poisson(
        self, size: Any = None, lam: Any = 1.0, ndim: Any = None, dtype: str = "int64"
    ) -> Expression:
        """Draw from the Poisson distribution with a mean."""
        return self._draw("poisson", size, [lam], ndim, dtype)

    def random_integers(
        self, size: Any = None, low: Any = 0, high: Any = 1, ndim: Any = None, dtype: str = "int64"
    ) -> Expression:
        """Draw integers from `low` to `high`."""
        return self._draw("random_integers", size, [low, high], ndim, dtype)

    def permutation(
        self, size: Any = (), n: Any = 1, ndim: Any = None, dtype: str = "int64"
    ) -> Expression:
        """Draw permutations of the integers below `n`, along one more dimension."""
        return self._draw("permutation", size or (), [n], ndim, dtype)

    def _draw(
        self, name: str, size: Any, arguments: list[Any], ndim: int | None, dtype: str | None
    ) -> Expression:
        arguments = [undefined_grad(T.as_tensor_variable(value)) for value in arguments]
        if dtype is None:
            dtypes = (value.dtype for value in arguments)
            dtype = str(numpy.result_type(theano.config.floatX, *dtypes))
        size = functools.reduce(operator.add, arguments).shape if size is None else size
        vector = T.cast(T.as_tensor_variable(size, ndim=1), "int64")
        ndim = T.get_vector_length(vector) if ndim is None else ndim
        state = theano.shared(_new_state(self.gen_seedgen))
        function = RandomFunction(name, dtype, ndim + (name == "permutation"))
        new_state, sample = function(state, vector, *arguments)
        set_default_update(state, new_state)
        sample.rng, sample.update = state, (state, new_state)
        self.state_updates.append(sample.update)
        return sample


def _new_state(seeds: numpy.random.RandomState) -> numpy.ndarray:
    return pack(numpy.random.RandomState(int(seeds.randint(2**30))))
