"""The order of the rows of a training set: a pure function of a seed and the epoch.

>>> Shuffle(seed=1).order(epoch=0, n_examples=5).tolist()
[1, 4, 0, 3, 2]
>>> Shuffle(seed=1).order(epoch=1, n_examples=5).tolist()
[3, 2, 0, 1, 4]
>>> Shuffle(seed=1, once=True).order(epoch=1, n_examples=5).tolist()
[1, 4, 0, 3, 2]

So a training run that is resumed in the middle sees the same rows as one that was
never stopped, and nothing has to be saved for it.
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
        Whether all epochs have the order of the first.
    """

    seed: int
    once: bool = False

    def order(self, epoch: int, n_examples: int) -> numpy.ndarray:
        """Return the numbers of the rows in the order of an epoch, the first of which is 0.

        The generator is one whose numbers NumPy promises never to change.
        """
        generator = numpy.random.RandomState([self.seed, 0 if self.once else epoch])
        return generator.permutation(n_examples)


def as_shuffle(shuffle: Any, once: bool = False) -> Shuffle | None:
    """Return how to shuffle, from a seed, or None where nothing is to be shuffled.

    Raises
    ------
    OptionError
        If the seed is not an integer from 0 to 2**32 - 1; if rows are to be shuffled once,
        and there is no seed.
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
