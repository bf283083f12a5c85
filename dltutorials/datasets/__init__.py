"""Published data sets and your own, in several formats, as checked NumPy arrays.

All data, from files, arrays or tables, pass through one check
(:func:`~dltutorials.datasets.sets.check_sets`), which decides what they mean:

- examples are numbers; bytes (uint8) are grey values and are divided by 256, all other
  numbers are used as they are (:mod:`dltutorials.datasets.sources`);
- labels are integers from 0 on without gaps, or the names of classes, which are numbered
  in alphabetical order (:mod:`dltutorials.datasets.labels`).
"""

from dltutorials.datasets.loading import (
    FILE_NAME,
    find_dataset,
    list_files,
    load_mnist,
    open_dataset,
)
from dltutorials.datasets.sets import SPLITS, Sources, check_sets

__all__ = [
    "FILE_NAME",
    "SPLITS",
    "Sources",
    "check_sets",
    "find_dataset",
    "list_files",
    "load_mnist",
    "open_dataset",
]
