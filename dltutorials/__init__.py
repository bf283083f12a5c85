"""The "Getting Started" deep learning tutorial for Theano, as a library.

Start a notebook with ``import dltutorials``; ``import theano`` then works too, with a fast BLAS
(:mod:`dltutorials.backend.setup`). Data flow one way through the modules: file
(:mod:`~dltutorials.datasets.loading`) -> shared variables (:mod:`~dltutorials.loading`) ->
minibatches (:mod:`~dltutorials.minibatch`) -> a model (:mod:`~dltutorials.models`), its cost
(:mod:`~dltutorials.losses`) and updates (:mod:`~dltutorials.updates`) -> compiled functions
(:mod:`~dltutorials.training.compile`) -> the loop (:mod:`~dltutorials.training.trainer`) with
early stopping (:mod:`~dltutorials.training.early_stopping`) -> saved parameters
(:mod:`~dltutorials.training.parameters`).
"""

import importlib
from typing import Any

from dltutorials import _startup  # noqa: F401  first: from here on, Ctrl-C prints one line
from dltutorials._version import __version__
from dltutorials.backend import SlowTheanoWarning, set_floatX  # first: it imports Theano
from dltutorials.chunks import ChunkedDataset
from dltutorials.datasets import load_mnist
from dltutorials.exceptions import (
    DataError,
    DataWarning,
    DLTutorialsError,
    OptionError,
    OutOfMemoryError,
    SetupError,
    UnsafePickleError,
)
from dltutorials.loading import load_data
from dltutorials.loss import Loss
from dltutorials.losses import errors, l1, l2_sqr, negative_log_likelihood, penalty, zero_one_loss
from dltutorials.models.lenet import LeNet
from dltutorials.models.logistic import LogisticRegression
from dltutorials.models.mlp import MLP
from dltutorials.prediction.saved_model import load_model
from dltutorials.shared import shared_dataset
from dltutorials.training.callbacks import Callback
from dltutorials.training.compile import compile_task
from dltutorials.training.early_stopping import EarlyStopping
from dltutorials.training.parameters import load_params, save_params
from dltutorials.training.progress import ProgressBar
from dltutorials.training.result import Result
from dltutorials.training.state import TrainingState
from dltutorials.training.task import Task
from dltutorials.training.trainer import train
from dltutorials.updates import sgd

__all__ = [
    "MLP",
    "Callback",
    "ChunkedDataset",
    "DLTutorialsError",
    "DataError",
    "DataWarning",
    "EarlyStopping",
    "LeNet",
    "LogisticRegression",
    "Loss",
    "OptionError",
    "OutOfMemoryError",
    "ProgressBar",
    "Result",
    "SetupError",
    "SlowTheanoWarning",
    "Task",
    "TrainingState",
    "UnsafePickleError",
    "__version__",
    "compile_task",
    "errors",
    "l1",
    "l2_sqr",
    "load_data",
    "load_mnist",
    "load_model",
    "load_params",
    "negative_log_likelihood",
    "penalty",
    "save_params",
    "set_floatX",
    "sgd",
    "shared_dataset",
    "tile_raster_images",
    "train",
    "zero_one_loss",
]


def __getattr__(name: str) -> Any:
    """Import the plotting modules on first use: there are many, and training needs none."""
    if name in ("plotting", "tile_raster_images"):
        plotting = importlib.import_module("dltutorials.plotting")
        return plotting if name == "plotting" else plotting.tile_raster_images
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
