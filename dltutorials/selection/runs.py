"""Runs of a training script that leave their results in a folder, and are not repeated.

A :class:`Job` is a training with all that decides its result: the options, the
data, the program, the versions of the libraries. A digest of these names its
files: the best parameters, as a training script saves them, and a record of how
it went, as JSON, which is written when the run has ended, whole or not at all.
:func:`run_job` finds the record of an earlier run, or makes it; it can be
called in any process that has the package and sees the folder.

>>> import tempfile
>>> job = Job("train_mlp", {}, {"options": {"n_hidden": 3}}, tempfile.mkdtemp())
>>> len(job.key), load_record(job)
(16, None)
"""

import argparse
import contextlib
import gc
import hashlib
import json
import math
import os
import signal
import threading
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials import backend
from dltutorials._version import __version__
from dltutorials.cli.console import handled
from dltutorials.cli.options import early_stopping
from dltutorials.cli.prepare import (
    fingerprint,
    load_datasets,
    make_placeholders,
    prepare_task,
)
from dltutorials.io.files import durable_writer
from dltutorials.selection.scripts import load_script, one_line
from dltutorials.training.callbacks import Callback
from dltutorials.training.description import Description, describe_model
from dltutorials.training.parameters import save_params
from dltutorials.training.result import Result
from dltutorials.training.trainer import train

FORMAT = "dltutorials run 1"
RunRecord = dict[str, Any]

_one_at_a_time = threading.Lock()  # Theano compiles, and is configured, once a process


class Job(NamedTuple):
    """A run that is to be carried out, in any process.

    Attributes
    ----------
    script : str
        The training script, as :func:`~dltutorials.selection.scripts.find_script` returns it.
    options : dict
        All of its options.
    facts : dict
        What decides the result, as JSON can hold it.
    folder : str
        Of the results.
    """

    script: str
    options: dict[str, Any]
    facts: dict[str, Any]
    folder: str

    @property
    def key(self) -> str:
        """Return the name of the run's files, a digest of the facts."""
        text = json.dumps([FORMAT, self.facts], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def record_path(self) -> Path:
        """Return the file of the record."""
        return Path(self.folder, f"{self.key}.json")

    @property
    def params_path(self) -> Path:
        """Return the file of the best parameters."""
        return Path(self.folder, f"{self.key}.pkl")


def describe_run(script: str, options: argparse.Namespace, data: str) -> dict[str, Any]:
    """Return what decides the result of a run: the facts of a :class:`Job`.

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


def load_record(job: Job) -> RunRecord | None:
    """Return the record of a run that has ended before, or None.

    A file that is damaged, or of something else, counts as none: the run is
    repeated, and replaces it.
    """
    try:
        record = json.loads(job.record_path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    is_sound = isinstance(record, dict) and record.get("format") == FORMAT
    if not is_sound or record.get("facts") != json.loads(json.dumps(job.facts)):
        return None
    is_failure = isinstance(record.get("failure"), str)
    return record if is_failure or job.params_path.exists() else None


def run_job(job: Job, owner: int) -> RunRecord:
    """Train as a job says, unless that was done before; keep the record.

    Parameters
    ----------
    job : Job
    owner : int
        The process that handles Ctrl-C; others leave that to it.

    Returns
    -------
    dict
        ``key``; ``failure``, None or the reason why there is no result;
        ``best_validation_loss``, ``best_iteration``, ``test_score``,
        ``n_epochs``, ``stop_reason``, ``message`` and ``seconds``, as
        :class:`dltutorials.training.result.Result` has them; ``format`` and ``facts``.
        What failed for a reason that may pass, as a full disk, is not kept.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; there is no record then.
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
            result = _train(job)
            record = _record(job, result)
            with durable_writer(job.record_path) as file:
                file.write(json.dumps(record, indent=1).encode())
            return record
        except (Exception, SystemExit) as error:  # the other runs go on
            return failed(job, one_line(error))


def _train(job: Job) -> Result:
    options = argparse.Namespace(**job.options)
    backend.set_floatX(options.floatX)
    gc.collect()  # the functions and data of the run before
    make_model = load_script(job.script).make_model(options)
    datasets = load_datasets(options, memory_map=True)
    x, y = make_placeholders()
    model = make_model(x, datasets.n_in, datasets.n_out)
    about = describe_model(model, datasets)
    result = train(
        prepare_task(options, model, x, y, datasets),
        options.n_epochs,
        early_stopping(options) if "patience" in options else None,
        callbacks=[_SaveBest(job.params_path, about)],
    )
    if result.stop_reason == "interrupted":
        raise KeyboardInterrupt
    return result


class _SaveBest(Callback):
    """Saves the best parameters; a run that cannot is a failure."""

    def __init__(self, path: Path, about: Description) -> None:
        self.path, self.about = path, about

    def on_improvement(self, params: list[Any]) -> None:
        save_params(params, self.path, self.about)


def _record(job: Job, result: Result) -> RunRecord:
    failure = None
    if result.stop_reason == "diverged":
        failure = result.message
    elif result.best_iteration is None:
        failure = f"{result.message}, before the first validation"
    loss = result.best_validation_loss
    return {
        **failed(job, failure),
        "best_validation_loss": loss if math.isfinite(loss) else None,
        "best_iteration": result.best_iteration,
        "test_score": result.test_score,
        "n_epochs": result.n_epochs,
        "stop_reason": result.stop_reason,
        "message": result.message,
        "seconds": result.seconds,
    }


def failed(job: Job, reason: str | None) -> RunRecord:
    """Return the record of a run that came to nothing."""
    return {"format": FORMAT, "key": job.key, "facts": job.facts, "failure": reason}
