"""The "Getting Started" deep learning tutorial for Theano, as a library.

The first cell of a notebook is ``import dltutorials``; after it, ``import
theano`` works too, with a fast BLAS (:mod:`dltutorials.backend.setup`). Data go
one way through the modules: file (:mod:`~dltutorials.datasets.loading`) -> shared
variables and minibatches (:mod:`~dltutorials.minibatch`) -> a model
(:mod:`~dltutorials.models`), its cost (:mod:`~dltutorials.losses`) and updates
(:mod:`~dltutorials.updates`) -> compiled functions
(:mod:`~dltutorials.training.compile`) -> the loop (:mod:`~dltutorials.training.trainer`) with
early stopping (:mod:`~dltutorials.training.early_stopping`) -> saved parameters
(:mod:`~dltutorials.training.parameters`).
"""

from dltutorials.backend.setup import import_theano

import_theano()

from dltutorials._version import __version__  # noqa: E402
from dltutorials.backend.openblas import SlowTheanoWarning  # noqa: E402
from dltutorials.backend.setup import set_floatX  # noqa: E402
from dltutorials.chunks import ChunkedDataset  # noqa: E402
from dltutorials.datasets import load_mnist  # noqa: E402
from dltutorials.exceptions import (  # noqa: E402
    DataError,
    DLTutorialsError,
    OptionError,
    OutOfMemoryError,
    SetupError,
    UnsafePickleError,
)
from dltutorials.losses import (  # noqa: E402
    errors,
    l1,
    l2_sqr,
    negative_log_likelihood,
    penalty,
    zero_one_loss,
)
from dltutorials.minibatch import load_data  # noqa: E402
from dltutorials.models.logistic import LogisticRegression  # noqa: E402
from dltutorials.models.mlp import MLP  # noqa: E402
from dltutorials.plotting.tiles import tile_raster_images  # noqa: E402
from dltutorials.prediction.saved_model import load_model  # noqa: E402
from dltutorials.shared import shared_dataset  # noqa: E402
from dltutorials.training.compile import compile_task  # noqa: E402
from dltutorials.training.early_stopping import EarlyStopping  # noqa: E402
from dltutorials.training.parameters import load_params, save_params  # noqa: E402
from dltutorials.training.progress import ProgressBar  # noqa: E402
from dltutorials.training.task import Result, Task  # noqa: E402
from dltutorials.training.trainer import train  # noqa: E402
from dltutorials.updates import sgd  # noqa: E402

__all__ = [
    "MLP",
    "ChunkedDataset",
    "DLTutorialsError",
    "DataError",
    "EarlyStopping",
    "LogisticRegression",
    "OptionError",
    "OutOfMemoryError",
    "ProgressBar",
    "Result",
    "SetupError",
    "SlowTheanoWarning",
    "Task",
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
