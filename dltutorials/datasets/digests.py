"""Digests of data, which tell whether two data sets are equal, however they are stored.

>>> import numpy
>>> digest_of_arrays([numpy.eye(2)])[:16]
'8dc9e3e2c4400d82'
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from dltutorials.datasets.sources import read_blocks


def digest_of_arrays(arrays: Sequence[Any]) -> str:
    """Return a SHA-256 of the types, shapes and values of arrays.

    Parameters
    ----------
    arrays : sequence of array or FloatRows
        Equal ones have the same digest, however they are stored.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        for block in read_blocks(array):
            digest.update(block.data)
    return digest.hexdigest()
