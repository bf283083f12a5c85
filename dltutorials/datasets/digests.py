"""Digests of data: whether two data sets are the same, whatever holds them.

>>> import numpy
>>> digest_of_arrays([numpy.eye(2)])[:16]
'8dc9e3e2c4400d82'
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from dltutorials.datasets.sources import ROWS_AT_A_TIME, FloatRows

import numpy


def digest_of_arrays(arrays: Sequence[Any]) -> str:
    """Return a SHA-256 over the types, shapes and values of arrays.

    Parameters
    ----------
    arrays : sequence of array or FloatRows
        Equal ones have the same digest, whatever holds them.
    """
    digest = hashlib.sha256()
    for array in arrays:
        rows = FloatRows(array, array.dtype) if isinstance(array, numpy.ndarray) else array
        digest.update(f"{array.dtype} {array.shape}".encode())
        for start in range(0, len(array), ROWS_AT_A_TIME):
            block = rows.read(start, min(start + ROWS_AT_A_TIME, len(rows)))
            digest.update(block.data)
            rows.release(block)
    return digest.hexdigest()
