import json
import math
import random

from dltutorials import save_params
from dltutorials.loss import Loss
from dltutorials.selection.records import Job, load_record, make_record, save_record
from dltutorials.training.result import Result

import numpy
import pytest
from helpers import damage


@pytest.fixture
def job(tmp_path):
    """Leave behind what a run that has ended does."""
    job = Job("train_mlp", {}, {"n_hidden": 3}, str(tmp_path))
    result = Result(
        best_validation_loss=0.25, best_iteration=7, test_score=0.5, n_epochs=2, message="done"
    )
    save_params([numpy.eye(3)], job.params_path)
    save_record(job, make_record(job, result))
    return job


def change(job, name, value):
    """Write the record with another value, or without one."""
    record = json.loads(job.record_path.read_text())
    if value is KeyError:
        del record[name]
    else:
        record[name] = value
    job.record_path.write_text(json.dumps(record))


def test_a_run_that_has_ended_is_found_again(job):
    record = load_record(job)
    assert (record["best_validation_loss"], record["test_score"]) == (0.25, 0.5)
    assert Loss(**record["loss"]) == Loss()
    change(job, "test_score", None)  # nothing was tested
    assert load_record(job) is not None


def test_a_run_that_came_to_nothing_is_found_again_without_parameters(job):
    job.params_path.unlink()
    result = Result(stop_reason="diverged", message="the cost is nan")
    save_record(job, make_record(job, result))
    assert load_record(job)["failure"] == "the cost is nan"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("best_validation_loss", x) for x in (math.nan, math.inf, "0.1", None, True, KeyError)),
        *(("test_score", x) for x in (math.nan, "0.5")),
        *(("n_epochs", x) for x in ("2", 2.5, None, KeyError)),
        ("best_iteration", None),
        ("seconds", math.nan),
        ("message", None),
        *(("loss", x) for x in (None, {}, {"name": "error"}, [], KeyError)),
        ("loss", {"name": 1, "is_fraction": True, "larger_is_better": False}),
        *(("failure", x) for x in (0, [], KeyError)),
        ("format", "dltutorials run 1"),
        ("key", "another"),
        ("fingerprint", {"n_hidden": 4}),
    ],
)
def test_a_record_that_lacks_what_is_compared_counts_as_none(job, name, value):
    change(job, name, value)
    assert load_record(job) is None


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"not a pickle", None])
def test_parameters_that_cannot_be_read_count_as_none(job, content):
    if content is None:
        job.params_path.unlink()
    else:
        job.params_path.write_bytes(content)
    assert load_record(job) is None


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "[" * 100_000, "\xff"])
def test_what_is_no_record_counts_as_none(job, content):
    job.record_path.write_text(content, encoding="latin-1")
    assert load_record(job) is None


def test_a_damaged_record_is_none_or_one_that_can_be_compared(job):
    content, generator = job.record_path.read_bytes(), random.Random(7)
    for _ in range(300):
        job.record_path.write_bytes(damage(content, generator))
        record = load_record(job)
        if record is not None and record["failure"] is None:
            assert math.isfinite(record["best_validation_loss"])


@pytest.mark.parametrize("worst", [math.inf, -math.inf, math.nan])
def test_what_was_never_validated_is_a_failure(job, worst):
    result = Result(best_validation_loss=worst, best_iteration=3, message="all 2 epochs are done")
    record = make_record(job, result)
    assert record["failure"] == "all 2 epochs are done, before the first validation"
    assert record["best_validation_loss"] is None
