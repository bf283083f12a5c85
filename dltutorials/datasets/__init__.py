"""Data sets as checked NumPy arrays: published ones and your own, in several formats."""

from dltutorials.datasets.loading import (
    FILE_NAME,
    SPLITS,
    Sources,
    Split,
    find_dataset,
    list_files,
    load_mnist,
    open_dataset,
)

__all__ = [
    "FILE_NAME",
    "SPLITS",
    "Sources",
    "Split",
    "find_dataset",
    "list_files",
    "load_mnist",
    "open_dataset",
]
