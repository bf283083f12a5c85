import hashlib
import io
import json
import math
import os
import pickle
import random

from dltutorials import DataError, UnsafePickleError
from dltutorials.io import files
from dltutorials.training.checkpoint import check_resumable, load_state, require_shapes, save_state

import numpy
import pytest
from helpers import run_python

pytestmark = pytest.mark.numbers

STATE = {
    "iteration": 165,
    "patience": 5000,
    "best_validation_loss": 1 / 3,
    "best_iteration": 82,
    "test_score": 0.1,
    "costs": [0.1, 2.5],
    "history": [{"epoch": 1, "cost": 0.7}],
    "seconds": 0.5,
    "random_state": {"state": 2**127 + 1, "has_uint32": 0},
    "params": [numpy.eye(3, 2, dtype="float32"), numpy.arange(2.0)],
    "best_params": [numpy.ones((3, 2), "float32"), numpy.arange(2.0) / 3],
    "best_misclassified": numpy.array([True, False, True]),
}
ARRAYS = {"params", "best_params", "best_misclassified"}
ABOUT = {"learning_rate": 0.13, "data": "abc"}


@pytest.fixture
def path(tmp_path):
    save_state(STATE, ABOUT, tmp_path / "state")
    return tmp_path / "state"


def test_a_state_comes_back_exactly(path):
    state, about = load_state(path)
    assert about == ABOUT
    for name, value in STATE.items():
        if name.endswith("params"):
            assert [v.tobytes() for v in state[name]] == [v.tobytes() for v in value]
            assert [v.dtype for v in state[name]] == [v.dtype for v in value]
        elif name == "best_misclassified":
            assert (state[name].tolist(), state[name].dtype) == (value.tolist(), bool)
        else:
            assert state[name] == value


def test_parameters_that_are_the_best_are_written_once(tmp_path, path):
    best = {**STATE, "best_iteration": STATE["iteration"], "best_params": STATE["params"]}
    save_state(best, ABOUT, tmp_path / "best")
    state, _ = load_state(tmp_path / "best")
    for name in ("params", "best_params"):
        assert [v.tobytes() for v in state[name]] == [v.tobytes() for v in STATE["params"]]
    assert not numpy.shares_memory(state["params"][0], state["best_params"][0])
    assert (tmp_path / "best").stat().st_size < path.stat().st_size


def test_a_state_before_the_first_validation_comes_back(tmp_path):
    early = {**STATE, "best_validation_loss": math.inf, "best_iteration": None, "test_score": None}
    save_state(early, ABOUT, tmp_path / "early")
    state, _ = load_state(tmp_path / "early")
    assert (state["best_validation_loss"], state["best_iteration"]) == (math.inf, None)


def test_any_changed_byte_is_found(path):
    data = path.read_bytes()
    rng = random.Random(3)
    for _ in range(500):
        place = rng.randrange(len(data))
        path.write_bytes(
            data[:place] + bytes([data[place] ^ rng.randrange(1, 256)]) + data[place + 1 :]
        )
        with pytest.raises(DataError):
            load_state(path)


def test_every_cut_is_found(path):
    data = path.read_bytes()
    for end in range(0, len(data), 7):
        path.write_bytes(data[:end])
        with pytest.raises(DataError):
            load_state(path)


def signed(*objects):
    """Write a file that is sound but for what it says, as an attacker can."""
    content = io.BytesIO()
    for each in objects:
        pickle.dump(each, content)
    return content.getvalue() + hashlib.sha256(content.getvalue()).digest()


HEADER = {
    "format": "dltutorials training state 2",
    "n_params": 0,
    "is_best": False,
    "has_mistakes": False,
    "state": {name: value for name, value in STATE.items() if name not in ARRAYS},
    "about": {},
}


def header(**changes):
    return json.dumps({**HEADER, **changes})


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([header(format="dltutorials training state 1")], "no training state of this version"),
        ([3], "no training state of this version"),
        (["{"], "no training state of this version"),
        (["[" * 100_000], "no training state of this version"),
        ([header(n_params=-1)], "its numbers are not those of a training"),
        ([header(n_params=10**9)], "its numbers are not those of a training"),
        ([header(state={})], "its numbers are not those of a training"),
        ([header(state={**HEADER["state"], "patience": "9"})], "its numbers are not those"),
        ([header(about=[])], "its numbers are not those of a training"),
        ([header(n_params=1), STATE["params"][0]], "the file ends early"),
        ([header(n_params=1), "a", "b"], "something else in the place of an array"),
        ([header(n_params=1), *STATE["params"]], "best parameters differ in shape"),
        ([header(has_mistakes=3)], "its numbers are not those of a training"),
        ([header(has_mistakes=True)], "the file ends early"),
        ([header(has_mistakes=True), numpy.arange(3)], "are no vector of bools"),
        ([header(has_mistakes=True), numpy.zeros((3, 1), bool)], "are no vector of bools"),
        ([header(), STATE["params"][0]], "holds more arrays than it announces"),
    ],
)
def test_a_sound_file_that_says_something_else_is_refused(tmp_path, objects, message):
    (tmp_path / "state").write_bytes(signed(*objects))
    with pytest.raises(DataError, match=message) as caught:
        load_state(tmp_path / "state")
    assert str(caught.value).startswith(str(tmp_path))


def test_a_state_that_would_run_code_runs_nothing(tmp_path):
    class Payload:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "canary"),))

    (tmp_path / "signed").write_bytes(signed(Payload()))
    (tmp_path / "plain").write_bytes(pickle.dumps(Payload()))
    for name in ("signed", "plain"):
        with pytest.raises(UnsafePickleError, match="mkdir"):
            load_state(tmp_path / name)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_folder_or_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="cannot be read"):
        load_state(tmp_path / name)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(DataError, match="the file ends early"):
        load_state(tmp_path / "empty")


def test_differences_are_named():
    check_resumable(ABOUT, dict(ABOUT))
    with pytest.raises(DataError, match=r"learning_rate was 0\.13 and is now 0\.1;"):
        check_resumable(ABOUT, {**ABOUT, "learning_rate": 0.1})
    with pytest.raises(DataError, match=r"significance was None and is now 0\.05"):
        check_resumable(ABOUT, {**ABOUT, "significance": 0.05})
    require_shapes(STATE, STATE["best_params"])
    with pytest.raises(DataError, match=r"the state has parameters .*3, 2.* the model .*4, 2"):
        require_shapes(STATE, [numpy.zeros((4, 2), "float32"), numpy.arange(2.0)])


WRITE_BEYOND_THE_LIMIT = """
import resource, sys, numpy
from dltutorials.io.files import durable_writer
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with durable_writer(sys.argv[1]) as file:
        file.write(bytes(5000))
except OSError as error:
    print(error.strerror)
"""


def test_a_disk_that_takes_no_more_leaves_the_previous_file(path, tmp_path):
    before = path.read_bytes()
    result = run_python("-c", WRITE_BEYOND_THE_LIMIT, path)
    assert result.stdout == "File too large\n"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["state"]


DIE_WHILE_WRITING = """
import os, sys
from dltutorials.io.files import durable_writer
with durable_writer(sys.argv[1]) as file:
    file.write(bytes(5000))
    print(os.getpid(), flush=True)
    os._exit(9)
"""


def test_left_over_files_of_dead_processes_are_removed_and_others_are_kept(path, tmp_path):
    pid = run_python("-c", DIE_WHILE_WRITING, path, check=False).stdout.strip()
    [dead] = [each for each in tmp_path.iterdir() if each != path]
    machine = dead.name.removeprefix(".state.").partition(f"-{pid}.")[0]
    others = [
        dead.with_name(dead.name.replace(f"-{pid}.", f"-{os.getpid()}.")),
        dead.with_name(dead.name.replace(machine, "elsewhere")),
        dead.with_name(dead.name.replace(".state.", ".other.")),
        tmp_path / ".state.part",
    ]
    for each in others:
        each.touch()
    files.prepare_output(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])
