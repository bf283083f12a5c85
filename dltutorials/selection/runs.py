"""Runs of a training script that save their results in a folder and are not repeated.

:func:`run_job` finds the record of an earlier run, or trains and makes one
(:mod:`~dltutorials.selection.records`); it can be called in any process that has the package
and sees the folder.
"""

import argparse
import contextlib
import gc
import hashlib
import os
import signal
import threading
from pathlib import Path
from typing import Any

from dltutorials import backend
from dltutorials._version import __version__
from dltutorials.cli.identity import fingerprint
from dltutorials.cli.prepare import load_datasets, make_placeholders, prepare_phases
from dltutorials.cli.signals import handled
from dltutorials.exceptions import RankingError
from dltutorials.selection.records import (
    Job,
    RunRecord,
    failed,
    load_record,
    make_record,
    save_record,
)
from dltutorials.selection.scripts import load_script, one_line
from dltutorials.training.callbacks import Callback
from dltutorials.training.description import Description, describe_model
from dltutorials.training.parameters import save_params
from dltutorials.training.phases import train_phases
from dltutorials.training.result import Result

_one_at_a_time = threading.Lock()  # Theano's compiler and configuration are global to a process


def describe_run(script: str, options: argparse.Namespace, data: str) -> dict[str, Any]:
    """Return what determines the result of a run: the fingerprint of a :class:`Job`.

    Parameters
    ----------
    script : str
        The training script, as :func:`~dltutorials.selection.scripts.find_script` returns it.
    options : argparse.Namespace
    data : str
        A digest of the arrays.
    """
    return {
        **fingerprint(Path(script).stem, options, data),
        "n_epochs": options.n_epochs,
        "script": hashlib.sha256(Path(load_script(script).__file__).read_bytes()).hexdigest(),
        "dltutorials": __version__,
        **backend.versions(),
    }


def run_job(job: Job, owner: int) -> RunRecord:
    """Carry out a job, unless that was done before; keep its record.

    Parameters
    ----------
    job : Job
    owner : int
        The process that handles Ctrl-C; all others ignore it.

    Returns
    -------
    dict
        See :func:`~dltutorials.selection.records.make_record`. Failures that may be temporary,
        such as a full disk, are not kept.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; no record is kept.
    RankingError
        If the script's runs have no loss to be compared by.
    """
    is_owner = os.getpid() == owner
    with contextlib.nullcontext() if is_owner else handled(signal.SIGINT, signal.SIG_IGN):
        return _run_job(job)


def _run_job(job: Job) -> RunRecord:
    with _one_at_a_time:
        finished = load_record(job)
        if finished is not None:
            return finished
        try:
            record = make_record(job, _train(job))
            save_record(job, record)
            return record
        except RankingError:
            raise
        except (Exception, SystemExit) as error:  # the other runs go on
            return failed(job, one_line(error))


def _train(job: Job) -> Result:
    options = argparse.Namespace(**job.options)
    backend.set_floatX(options.floatX)
    gc.collect()  # the functions and data of the previous run
    make_model = load_script(job.script).make_model(options)
    datasets = load_datasets(options, memory_map=True)
    x, y = make_placeholders()
    model = make_model(x, datasets.n_in, datasets.n_out)
    if getattr(model, "errors", None) is None:
        raise RankingError(
            f"script: got {job.script}, whose model has no errors to validate by; "
            "runs without a validation loss cannot be compared"
        )
    about = describe_model(model, datasets)
    phases = prepare_phases(options, model, x, y, datasets)
    result = train_phases(phases, [_SaveBest(job.params_path, about)])
    if result.stop_reason == "interrupted":
        raise KeyboardInterrupt
    return result


class _SaveBest(Callback):
    """Saves the best parameters; if that fails, the run fails."""

    def __init__(self, path: Path, about: Description) -> None:
        self.path, self.about = path, about

    def on_improvement(self, params: list[Any]) -> None:
        save_params(params, self.path, self.about)
