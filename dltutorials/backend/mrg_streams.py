"""``theano.sandbox.rng_mrg`` on PyTensor, which has no such module: the same random numbers.

Each draw has its own streams, in a shared variable that each call of a compiled function advances.

>>> import theano
>>> rng = MRG_RandomStreams(seed=123)
>>> mask = theano.function([], rng.binomial(size=(2, 4), n=1, p=0.7, dtype="int32"))
>>> mask().tolist()
[[1, 1, 1, 1], [0, 1, 1, 0]]
>>> mask().tolist()
[[1, 1, 1, 1], [1, 1, 0, 1]]
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.backend.mrg_states import (
    as_state,
    guess_n_streams,
    is_integer,
    next_state,
    substreams,
)
from dltutorials.backend.mrg_uniform import MrgUniform
from dltutorials.backend.random_state import set_default_update
from dltutorials.types import Expression

import numpy
import theano
import theano.tensor as T
from theano.gradient import undefined_grad

__all__ = ["MRG_RandomStreams", "guess_n_streams"]

Size = Expression | int | Sequence[int | Expression]
Update = tuple[Any, Any, Size, int | None]


class MRG_RandomStreams:  # noqa: N801 (Theano's name)
    """Random numbers with the interface of ``numpy.random.RandomState``.

    Parameters
    ----------
    seed : int or sequence of six int
        Positive and below 2147462579. Of six, the first three are one half of the
        state and the last three the other; neither may be all 0.

    Attributes
    ----------
    rstate : int32 vector
        The state that starts the streams of the next draw.
    state_updates : list of (shared variable, expression, size, nstreams)
        One for each draw so far: its streams, and their next states.

    Raises
    ------
    TypeError, ValueError
        If the seed is not as described.

    Notes
    -----
    Source: Denoising Autoencoders; Restricted Boltzmann Machines.
    Differs: only Theano's `uniform`, `binomial`, `normal` and `multinomial` are here, in float32
    and float64.
    """

    def __init__(self, seed: int | Sequence[int] = 12345) -> None:
        self.default_instance_seed = seed
        self.state_updates: list[Update] = []
        self.rstate = as_state(seed)

    def seed(self, seed: int | Sequence[int] | None = None) -> None:
        """Restart from a seed, including the streams of earlier draws.

        Parameters
        ----------
        seed : int or six of them, optional
            By default, the constructor's seed.
        """
        self.rstate = as_state(self.default_instance_seed if seed is None else seed)
        for streams, _, size, nstreams in self.state_updates:
            streams.set_value(self._next_streams(size, nstreams))

    def updates(self) -> list[Update]:
        """Return a copy of ``state_updates``."""
        return list(self.state_updates)

    def uniform(
        self,
        size: Size,
        low: Any = 0.0,
        high: Any = 1.0,
        ndim: int | None = None,
        dtype: str | None = None,
        nstreams: int | None = None,
    ) -> Expression:
        """Draw from the uniform distribution between two numbers.

        Parameters
        ----------
        size : tuple of int and integer scalars, or integer vector
            The shape of the tensor: ``(20, 784)``, ``x.shape``.
        low, high : float or float tensor
        ndim : int, optional
            The length of `size`, if it is unknown.
        dtype : str, optional
            By default floatX, or the wider type of `low` and `high`.
        nstreams : int, optional
            By default Theano's guess from the size; the numbers depend on it.

        Returns
        -------
        float tensor of the shape `size`
            Its gradient is not defined.

        Raises
        ------
        TypeError, ValueError
            If `size` is not a shape, or `dtype` is not float32 or float64.
        """
        low, high = T.as_tensor_variable(low), T.as_tensor_variable(high)
        dtype = dtype or _upcast(low, high)
        low, high = (undefined_grad(T.cast(x, dtype)) for x in (low, high))
        vector = _as_vector(size)
        ndim = T.get_vector_length(vector) if ndim is None else ndim
        streams = theano.shared(self._next_streams(size, nstreams))
        new_streams, sample = MrgUniform(dtype, ndim)(streams, vector)
        set_default_update(streams, new_streams)
        self.state_updates.append((streams, new_streams, size, nstreams))
        return sample * (high - low) + low

    def _next_streams(self, size: Size, nstreams: int | None) -> numpy.ndarray:
        streams = substreams(self.rstate, guess_n_streams(size) if nstreams is None else nstreams)
        self.rstate = next_state(self.rstate)
        return streams

    def binomial(
        self,
        size: Size,
        n: int = 1,
        p: Any = 0.5,
        ndim: int | None = None,
        dtype: str = "int64",
        nstreams: int | None = None,
    ) -> Expression:
        """Draw 1 with probability `p`, else 0: `n` is 1, one trial.

        Parameters
        ----------
        size, ndim, nstreams
            As for :meth:`uniform`.
        p : float or float tensor
            It is broadcast to `size`.
        dtype : str

        Returns
        -------
        tensor of the shape `size`
        """
        if n != 1:
            raise NotImplementedError(f"n: got {n}, expected 1, as in Theano")
        p = undefined_grad(T.as_tensor_variable(p))
        return T.cast(self.uniform(size, ndim=ndim, nstreams=nstreams) < p, dtype)

    def normal(
        self,
        size: Size,
        avg: Any = 0.0,
        std: Any = 1.0,
        ndim: int | None = None,
        dtype: str | None = None,
        nstreams: int | None = None,
    ) -> Expression:
        """Draw from the normal distribution, by the Box-Muller method.

        Parameters
        ----------
        size, ndim, dtype, nstreams
            As for :meth:`uniform`.
        avg, std : float or float tensor
            The mean and the standard deviation.

        Returns
        -------
        float tensor of the shape `size`
        """
        avg, std = T.as_tensor_variable(avg), T.as_tensor_variable(std)
        dtype = dtype or _upcast(avg, std)
        avg, std = (undefined_grad(T.cast(x, dtype)) for x in (avg, std))
        vector = _as_vector(size)
        n = T.prod(vector, dtype="int64")
        n_even = n + n % 2
        sample = self.uniform((n_even,), dtype=dtype, nstreams=nstreams)
        r = T.sqrt(-2.0 * T.log(sample[: n_even // 2]))
        theta = numpy.array(2.0 * numpy.pi, dtype) * sample[n_even // 2 :]
        pairs = T.join(0, r * T.cos(theta), r * T.sin(theta))
        return T.reshape(pairs[:n], vector, ndim=ndim) * std + avg

    def multinomial(
        self,
        size: None = None,
        n: int = 1,
        pvals: Any = None,
        ndim: None = None,
        dtype: str = "int64",
        nstreams: int | None = None,
    ) -> Expression:
        """Draw `n` times from each distribution, and count the outcomes.

        Parameters
        ----------
        size, ndim : None
            The shape is that of `pvals`.
        n : int
        pvals : float matrix
            Probabilities; each row sums to 1.
        dtype : str
        nstreams : int, optional
            As for :meth:`uniform`.

        Returns
        -------
        tensor of the shape of `pvals`
            The count of each outcome; each row sums to `n`.
        """
        pvals = undefined_grad(T.as_tensor_variable(pvals))
        if size is not None or ndim is not None or pvals.ndim != 2:
            raise ValueError("multinomial: expected a matrix pvals, and no size or ndim")
        rows = pvals.shape[0]
        sample = self.uniform((rows * n,), nstreams=nstreams).reshape((n, rows, 1))
        reached = T.cast(T.cumsum(T.cast(pvals, "float64"), 1)[None] > sample, "int8")
        counts = T.sum(reached, 0)
        return T.cast(T.concatenate([counts[:, :1], T.diff(counts, axis=1)], 1), dtype)


def _upcast(*values: Any) -> str:
    return str(numpy.result_type(theano.config.floatX, *(value.dtype for value in values)))


def _as_vector(size: Size) -> Expression:
    parts: Any = size if isinstance(size, (tuple, list)) else [size]
    for n in parts:
        if is_integer(n) and n <= 0:
            raise ValueError(f"size: got {size}, expected positive integers")
        if not is_integer(n) and not isinstance(n, theano.Variable):
            raise TypeError(f"size: got {size}, expected integers, or integer scalars of Theano")
    if isinstance(size, theano.Variable) and size.ndim:
        return size
    return T.stack([T.cast(n, "int64") for n in parts])
