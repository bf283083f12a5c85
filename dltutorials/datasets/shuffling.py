"""The order of the rows of a training set: a pure function of a seed and the epoch.

>>> Shuffle(seed=1).order(epoch=0, n_examples=5).tolist()
[1, 4, 0, 3, 2]
>>> Shuffle(seed=1).order(epoch=1, n_examples=5).tolist()
[3, 2, 0, 1, 4]
>>> Shuffle(seed=1, once=True).order(epoch=1, n_examples=5).tolist()
[1, 4, 0, 3, 2]

So a training run that is resumed in the middle sees the same rows as one that was never stopped,
without any saved state.
"""

from typing import Any, NamedTuple

from dltutorials.checks import require_integer
from dltutorials.exceptions import OptionError

import numpy

_N_SEEDS = 1 << 32


class Shuffle(NamedTuple):
    """How to shuffle.

    Attributes
    ----------
    seed : int
        From 0 to 2**32 - 1.
    once : bool
        Whether all epochs use the order of the first.
    """

    seed: int
    once: bool = False

    def order(self, epoch: int, n_examples: int) -> numpy.ndarray:
        """Return the row numbers in the order of an epoch; epochs count from 0.

        NumPy promises that this generator's numbers never change.
        """
        generator = numpy.random.RandomState([self.seed, 0 if self.once else epoch])
        return generator.permutation(n_examples)


def as_shuffle(shuffle: Any, once: bool = False) -> Shuffle | None:
    """Return a :class:`Shuffle` from a seed, or None if nothing is to be shuffled.

    Raises
    ------
    OptionError
        If the seed is not an integer from 0 to 2**32 - 1, or `once` is given without a seed.
    """
    if shuffle is None:
        if once:
            raise OptionError(
                "shuffle_once: got no seed to shuffle with; give --shuffle SEED, or shuffle=SEED"
            )
        return None
    if isinstance(shuffle, Shuffle):
        return shuffle
    require_integer("shuffle", shuffle, at_least=0)
    if shuffle >= _N_SEEDS:
        raise OptionError(f"shuffle: got {shuffle}, expected a seed below {_N_SEEDS:,}")
    return Shuffle(int(shuffle), once)
