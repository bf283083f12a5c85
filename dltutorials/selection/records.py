"""The record of a run: its identity, its outcome, and whether it can be trusted.

A :class:`Job` is a training run with everything that determines its result: the options, the
data, the program, the versions of the libraries. A digest of these is the name of its files:
the best parameters, as a training script saves them, and a JSON record of the outcome, written
when the run has ended, as a whole or not at all.

>>> import tempfile
>>> job = Job("train_mlp", {}, {"options": {"n_hidden": 3}}, tempfile.mkdtemp())
>>> len(job.key), load_record(job)
(16, None)
"""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials.exceptions import DataError
from dltutorials.io.files import durable_writer
from dltutorials.io.reading import read_file
from dltutorials.loss import Loss
from dltutorials.training.parameters import read_params
from dltutorials.training.result import Result

FORMAT = "dltutorials run 2"
_MAX_BYTES = 1 << 20
RunRecord = dict[str, Any]


class Job(NamedTuple):
    """A run to carry out, in any process.

    Attributes
    ----------
    script : str
        The training script, as :func:`~dltutorials.selection.scripts.find_script` returns it.
    options : dict
        All of its options.
    fingerprint : dict
        What determines the result, in a form for JSON.
    folder : str
        The results folder.
    """

    script: str
    options: dict[str, Any]
    fingerprint: dict[str, Any]
    folder: str

    @property
    def key(self) -> str:
        """Return the name of the run's files, a digest of the fingerprint."""
        text = json.dumps([FORMAT, self.fingerprint], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def record_path(self) -> Path:
        """Return the file of the record."""
        return Path(self.folder, f"{self.key}.json")

    @property
    def params_path(self) -> Path:
        """Return the file of the best parameters."""
        return Path(self.folder, f"{self.key}.pkl")


def make_record(job: Job, result: Result) -> RunRecord:
    """Return the record of a run that has ended.

    Returns
    -------
    dict
        ``key``; ``failure``, None or the reason why there is no result; ``best_validation_loss``,
        ``best_iteration``, ``test_score``, ``n_epochs``, ``stop_reason``, ``message``, ``seconds``
        and ``loss``, as :class:`dltutorials.training.result.Result` has them, plus ``format`` and
        ``fingerprint``.
    """
    failure = None
    if result.stop_reason == "diverged":
        failure = result.message
    elif not result.is_validated:
        failure = f"{result.message}, before the first validation"
    return {
        **failed(job, failure),
        "best_validation_loss": result.best_validation_loss if result.is_validated else None,
        "best_iteration": result.best_iteration,
        "test_score": result.test_score,
        "n_epochs": result.n_epochs,
        "stop_reason": result.stop_reason,
        "message": result.message,
        "seconds": result.seconds,
        "loss": asdict(result.loss),
    }


def failed(job: Job, reason: str | None) -> RunRecord:
    """Return the record of a run without a result."""
    return {"format": FORMAT, "key": job.key, "fingerprint": job.fingerprint, "failure": reason}


def save_record(job: Job, record: RunRecord) -> None:
    """Write the record of a run.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with durable_writer(job.record_path) as file:
        file.write(json.dumps(record, indent=1).encode())


def load_record(job: Job) -> RunRecord | None:
    """Return the record of a run that has already ended, or None.

    A record that is damaged, belongs to another run, or lacks readable parameters is ignored:
    the run is repeated and replaces it.
    """
    try:
        record = json.loads(read_file(job.record_path, _MAX_BYTES, "a record").decode())
        if not isinstance(record, dict):
            return None
        is_of_job = record.get("format") == FORMAT and record.get("key") == job.key
        if not is_of_job or record.get("fingerprint") != json.loads(json.dumps(job.fingerprint)):
            return None
        if isinstance(record.get("failure"), str):
            return record
        return record if _is_finished(record) and read_params(job.params_path) else None
    except (OSError, ValueError, RecursionError, DataError):
        return None


def _is_finished(record: RunRecord) -> bool:
    """Return whether the record of a successful run has all that a comparison needs."""
    loss, score = record.get("loss"), record.get("test_score")
    return (
        record.get("failure", "") is None
        and isinstance(loss, dict)
        and {name: type(value) for name, value in loss.items()} == _LOSS_FIELDS
        and _is_number(record.get("best_validation_loss"))
        and (score is None or _is_number(score))
        and _is_number(record.get("seconds"))
        and all(type(record.get(name)) is int for name in ("best_iteration", "n_epochs"))
        and all(isinstance(record.get(name), str) for name in ("message", "stop_reason"))
    )


_LOSS_FIELDS = {name: type(value) for name, value in asdict(Loss()).items()}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
