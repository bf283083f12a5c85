r"""A test of whether a model is better than another, or only luckier on these examples.

Two models label the same validation examples. Examples on which both are right or both are
wrong do not tell which is better; what counts are the examples that one of them labels
correctly and the other incorrectly. If the models were equally good, each such example would
favour either one like a coin toss. McNemar's exact test gives the probability that at least
this many of them would then favour the new model:

.. math:: p = \sum_{k=b}^{b+c} \binom{b+c}{k} 2^{-(b+c)},

with :math:`b` examples newly right and :math:`c` newly wrong.

>>> import numpy
>>> before = numpy.array([True] * 5 + [False] * 95)
>>> after = numpy.zeros(100, bool)
>>> mcnemar_p_value(before, after)
0.03125
>>> after[50:53] = True
>>> round(mcnemar_p_value(before, after), 6)
0.363281
"""

from typing import Any

from dltutorials.exceptions import DataError

import numpy


def mcnemar_p_value(before: Any, after: Any) -> float:
    """Return the probability that equally good models differ this much in favour of the new one.

    McNemar's exact test, one-sided.

    Parameters
    ----------
    before, after : bool array, ``(n_examples,)``
        Which examples the old and the new model misclassify.

    Returns
    -------
    float in [0, 1]
        1 if the models make the same mistakes.

    Raises
    ------
    DataError
        If the two differ in their number of examples.

    Notes
    -----
    Source: Getting Started, "Early-Stopping" (the note on significance).
    """
    from scipy.stats import binom  # its import takes half a second, and few runs need it

    before, after = numpy.asarray(before, bool), numpy.asarray(after, bool)
    if before.shape != after.shape:
        raise DataError(
            f"got mistakes on {after.size} examples to compare with those on {before.size}, "
            "expected the same examples"
        )
    newly_right = int(numpy.count_nonzero(before & ~after))
    newly_wrong = int(numpy.count_nonzero(after & ~before))
    return float(binom.sf(newly_right - 1, newly_right + newly_wrong, 0.5))
