"""What identifies a training run, in its checkpoint and in the header of its history."""

import argparse
import platform
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from dltutorials import backend
from dltutorials._version import __version__
from dltutorials.cli.options import hyperparameters
from dltutorials.datasets.digests import digest_of_arrays
from dltutorials.loading import SharedDatasets
from dltutorials.training.task import Task

import theano


def fingerprint(program: str, options: argparse.Namespace, digest: str) -> dict[str, Any]:
    """Return everything that determines the result of a training run; `digest` is that of the data.

    A resumed run must have the same fingerprint. What affects only the last digits is in
    :func:`dltutorials.backend.describe_numerics`.
    """
    return {
        "program": program,
        "floatX": theano.config.floatX,
        "data": digest,
        **hyperparameters(options),
    }


def digest_of_datasets(datasets: SharedDatasets) -> str:
    """Return a digest of the numbers used in training; this reads all of the data."""
    return digest_of_arrays([rows for data in datasets for rows in data.rows])


def describe_history(
    options: argparse.Namespace, task: Task, marks: dict[str, Any]
) -> dict[str, Any]:
    """Return the header of a history: what was trained, and with which options.

    Parameters
    ----------
    options : argparse.Namespace
    task : Task
    marks : dict
        The fingerprint of the run.
    """
    versions = {
        "dltutorials": __version__,
        **backend.versions(),
        "Python": platform.python_version(),
    }
    return {
        "program": marks["program"],
        "options": vars(options),
        "seed": getattr(options, "seed", None),
        "model": {"shapes": [list(value.shape) for value in task.get_params()]},
        "loss": asdict(task.reported_loss),
        "n_train_batches": task.n_train_batches,
        "floatX": marks["floatX"],
        "device": theano.config.device,
        "BLAS": backend.name_blas(),
        "versions": versions,
        "data": marks["data"],
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
