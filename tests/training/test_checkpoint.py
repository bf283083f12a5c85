import dataclasses
import hashlib
import io
import json
import math
import os
import pickle
import random
import zipfile

from dltutorials import DataError, EarlyStopping, TrainingState
from dltutorials.exceptions import ResumeError
from dltutorials.training.checkpoint import (
    Checkpoint,
    load_state,
    save_state,
)
from dltutorials.training.resuming import check_resumable, describe_differences

import numpy
import pytest

pytestmark = pytest.mark.numbers

FINGERPRINT = {"learning_rate": 0.13, "data": "abc"}
NUMERICS = {"backend": "Theano 1.0.5", "BLAS threads": "1"}
RECORD = {"epoch": 1, "minibatch": 83, "iteration": 82, "cost": 0.7, "is_best": True}


def make_state(**changes):
    rule = EarlyStopping(significance=0.05)
    patience = dataclasses.replace(
        rule.start(83),
        patience=5100.5,
        best_validation_loss=1 / 3,
        best_iteration=82,
        best_misclassified=numpy.array([True, False, True]),
    )
    values = {
        "early_stopping": patience,
        "n_train_batches": 83,
        "iteration": 165,
        "test_score": 0.1,
        "costs": [0.1, 2.5],
        "history": [RECORD],
        "seconds": 0.5,
        "phase": "fine-tuning",
        "n_iterations_before": 830,
        "n_epochs_before": 10,
        "params": [numpy.eye(3, 2, dtype="float32"), numpy.arange(2.0)],
        "best_params": [numpy.ones((3, 2), "float32"), numpy.arange(2.0) / 3],
        "rest": [numpy.array([2**64 - 1, 3], "uint64"), numpy.array(0.5), numpy.arange(3)],
    }
    return TrainingState(**{**values, **changes})


@pytest.fixture
def path(tmp_path):
    save_state(make_state(), tmp_path / "state", FINGERPRINT, NUMERICS)
    return tmp_path / "state"


def require_equal(state, expected):
    for field in dataclasses.fields(expected):
        value, other = getattr(state, field.name), getattr(expected, field.name)
        if field.name == "early_stopping":
            require_equal(value, other)
        elif field.name in ("params", "best_params", "rest"):
            assert [v.tobytes() for v in value] == [v.tobytes() for v in other]
            assert [(v.dtype, v.shape) for v in value] == [(v.dtype, v.shape) for v in other]
        elif field.name == "best_misclassified" and other is not None:
            assert (value.tolist(), value.dtype) == (other.tolist(), bool)
        else:
            assert (value, type(value)) == (other, type(other))


def test_a_state_comes_back_exactly(path):
    state, fingerprint, numerics = load_state(path)
    assert (fingerprint, numerics) == (FINGERPRINT, NUMERICS)
    require_equal(state, make_state())


def test_the_file_opens_with_plain_numpy(path):
    with numpy.load(path) as file:
        assert file["params_0"].tolist() == numpy.eye(3, 2).tolist()
        assert json.loads(file["state.json"])["state"]["iteration"] == 165


def test_parameters_that_are_the_best_are_written_once(tmp_path, path):
    params = make_state().params
    save_state(make_state(params=params, best_params=params), tmp_path / "best")
    state = load_state(tmp_path / "best").state
    assert [v.tobytes() for v in state.params] == [v.tobytes() for v in state.best_params]
    assert not numpy.shares_memory(state.params[0], state.best_params[0])
    assert (tmp_path / "best").stat().st_size < path.stat().st_size


def test_the_order_of_a_matrix_in_memory_is_kept(tmp_path):
    params = [numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))]
    save_state(make_state(params=params, best_params=params), tmp_path / "state")
    [value] = load_state(tmp_path / "state").state.params
    assert value.flags.f_contiguous
    assert value.tolist() == params[0].tolist()


def test_a_state_before_the_first_validation_comes_back(tmp_path):
    early = make_state(early_stopping=EarlyStopping().start(83), test_score=None)
    save_state(early, tmp_path / "early")
    require_equal(load_state(tmp_path / "early").state, early)


def test_numbers_that_are_not_finite_come_back_as_missing(tmp_path):
    save_state(make_state(test_score=math.nan), tmp_path / "state")
    assert load_state(tmp_path / "state").state.test_score is None


def test_any_changed_byte_is_found(path):
    data = path.read_bytes()
    rng = random.Random(3)
    for _ in range(500):
        place = rng.randrange(len(data))
        changed = bytes([data[place] ^ rng.randrange(1, 256)])
        path.write_bytes(data[:place] + changed + data[place + 1 :])
        with pytest.raises(DataError, match=r"damaged or cut off|not a training state"):
            load_state(path)


def test_every_cut_and_every_addition_is_found(path):
    data = path.read_bytes()
    for end in range(0, len(data), 7):
        path.write_bytes(data[:end])
        with pytest.raises(DataError):
            load_state(path)
    for extra in (b"\0", b"PK", data):
        path.write_bytes(data + extra)
        with pytest.raises(DataError, match="damaged or cut off"):
            load_state(path)


def sign(content):
    return content + hashlib.sha256(content).hexdigest().encode()


def forge(path, change=lambda numbers: None, members=None, compression=zipfile.ZIP_STORED):
    """Write a file that is sound but for what it says, as an attacker can."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    numbers = json.loads(found["state.json"])
    text = change(numbers)
    found["state.json"] = json.dumps(numbers).encode() if text is None else text
    found.update(members or {})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in found.items():
            if content is not None:
                archive.writestr(name, content)
        archive.comment = bytes(64)
    path.write_bytes(sign(file.getvalue()[:-64]))


def npy(array, **header):
    file = io.BytesIO()
    numpy.save(file, array)
    content = file.getvalue()
    for before, after in header.items():
        content = content.replace(before.encode(), after.encode())
    return content


def in_state(**changes):
    return lambda numbers: numbers["state"].update(changes)


def in_patience(**changes):
    return lambda numbers: numbers["state"]["early_stopping"].update(changes)


def in_rule(**changes):
    return lambda numbers: numbers["state"]["early_stopping"]["rule"].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda numbers: numbers.update(format="dltutorials training state 9"), "this version"),
        (lambda numbers: b"[" * 100_000, "this version"),
        (lambda numbers: b"{", "this version"),
        (lambda numbers: b"3", "this version"),
        (lambda numbers: b"\xff", "this version"),
        (lambda numbers: numbers.update(state=None), "its numbers are not those"),
        (lambda numbers: numbers.update(state=[]), "its numbers are not those"),
        (lambda numbers: numbers.update(fingerprint=[]), "does not say what the run is about"),
        (lambda numbers: numbers["state"].__delitem__("iteration"), "its numbers are not those"),
        (in_state(other=3), "its numbers are not those"),
        (in_state(iteration=-2), "its numbers are not those"),
        (in_state(iteration=True), "iteration: got True, expected int"),
        (in_state(iteration=1.5), "iteration: got 1.5, expected int"),
        (in_state(iteration=2**63), "iteration: got 9223372036854775808, expected a finite"),
        (in_state(seconds=-1.0), "its numbers are not those"),
        (in_state(seconds="9"), "seconds: got '9', expected float"),
        (in_state(seconds=math.nan), "seconds: got NoneType, expected float"),
        (in_state(seconds=10**400), "seconds: got 1000.*, expected a finite number"),
        (
            lambda n: json.dumps(n).replace('"seconds": 0.5', '"seconds": 1e999').encode(),
            "1e999|inf",
        ),
        (in_state(n_train_batches=0), "its numbers are not those"),
        (in_state(costs=[0.5, None]), "costs: got NoneType, expected float"),
        (in_state(costs={}), "costs: got dict"),
        (in_state(history=[3]), "history: got 3"),
        (in_state(history=[{"epoch": 1}]), "iteration: expected a number, got null"),
        (in_state(history=[{**RECORD, "cost": [1]}]), "cost: got list, expected a finite"),
        (in_state(params=["params_0", "params_7"]), "params: got 'params_7', expected"),
        (in_state(params=["params_0"]), "more arrays than it announces: params_1"),
        (in_state(params="params_0"), "params: got 'params_0'"),
        (in_state(phase=None), "phase: got NoneType, expected str"),
        (in_patience(best_iteration=166), "its numbers are not those"),
        (in_patience(best_iteration=-1), "its numbers are not those"),
        (in_patience(validation_frequency=0), "its numbers are not those"),
        (in_patience(patience=None), "patience: got NoneType"),
        (in_patience(best_misclassified="params_7"), "got 'params_7', expected"),
        (in_patience(loss=["error"]), "loss: its numbers are not those"),
        (in_rule(patience=1), "patience: got 1, expected an integer of at least 2"),
        (in_rule(significance=3.0), "significance: got 3.0"),
    ],
)
def test_a_sound_file_that_says_something_else_is_refused(path, change, message):
    forge(path, change)
    with pytest.raises(DataError, match=message) as caught:
        load_state(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("other.npy", npy(numpy.ones(2)), "more arrays than it announces: other"),
        ("other", b"hello", "its members are not those of a training state"),
        ("state.json", None, "not a training state of this version"),
        ("params_1.npy", None, "params: got 'params_1', expected"),
        ("params_1.npy", b"hello", "params_1: not a plain array"),
        ("params_1.npy", npy(numpy.array([print, None])), "expected numbers; pickles are not read"),
        ("params_1.npy", npy(numpy.array(["a", "b"])), "expected numbers"),
        ("params_1.npy", npy(numpy.arange(2), **{"<i8": "<M8"}), "expected numbers"),
        ("params_1.npy", npy(numpy.arange(2.0), **{"(2,)": "(9,)"}), "got 16 bytes of values"),
        ("params_1.npy", npy(numpy.arange(0.0), **{"(0,), ": f"(0,{10**30}),"}), "params_1"),
    ],
)
def test_members_of_another_kind_are_refused(path, name, content, message):
    forge(path, members={name: content})
    with pytest.raises(DataError, match=message):
        load_state(path)


@pytest.mark.parametrize("mistakes", [numpy.arange(3), numpy.zeros((3, 1), bool)])
def test_mistakes_that_are_not_bools_are_refused(path, mistakes):
    forge(path, members={"best_misclassified.npy": npy(mistakes)})
    with pytest.raises(DataError, match="are not a vector of bools"):
        load_state(path)


def test_a_compressed_member_is_not_unpacked(path):
    forge(path, members={"bomb.npy": bytes(10_000)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="its members are not those of a training state"):
        load_state(path)


def test_members_that_share_their_bytes_are_refused(path):
    """One megabyte that the directory names ten thousand times would fill ten gigabytes."""
    forge(path, members={"big.npy": npy(numpy.zeros(50_000))})
    data = path.read_bytes()[:-64]
    end = data.rindex(b"PK\x05\x06")
    start = int.from_bytes(data[end + 16 : end + 20], "little")
    entry = data[data.rindex(b"PK\x01\x02", 0, end) : end]
    n_members = int.from_bytes(data[end + 8 : end + 10], "little") + 50
    copies = b"".join(entry.replace(b"big.npy", b"%07d" % number) for number in range(50))
    size = (end - start + len(copies)).to_bytes(4, "little")
    counts = n_members.to_bytes(2, "little") * 2
    path.write_bytes(
        sign(data[:end] + copies + data[end : end + 8] + counts + size + data[end + 16 :])
    )
    with pytest.raises(DataError, match=r"its members (are not those|overlap)|not a sound"):
        load_state(path)


class Payload:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return (os.mkdir, (str(self.folder / "canary"),))


def test_a_state_that_would_run_code_runs_nothing(tmp_path, path):
    forge(path, members={"params_0.npy": pickle.dumps(Payload(tmp_path))})
    (tmp_path / "signed").write_bytes(sign(pickle.dumps(Payload(tmp_path))))
    (tmp_path / "plain").write_bytes(pickle.dumps(Payload(tmp_path)))
    for name in ("state", "signed", "plain"):
        with pytest.raises(DataError):
            load_state(tmp_path / name)
    assert not (tmp_path / "canary").exists()


def test_a_state_of_an_earlier_version_is_refused_with_what_to_do(tmp_path):
    content = pickle.dumps('{"format": "dltutorials training state 2", "n_params": 0}', 5)
    (tmp_path / "old").write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(DataError, match=r"a training state of an earlier version.*begin a new"):
        load_state(tmp_path / "old")


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_folder_or_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="cannot be read"):
        load_state(tmp_path / name)


def test_other_files_are_refused(tmp_path):
    numpy.savez(tmp_path / "mine.npz", train_x=numpy.eye(2))
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").touch()
    for name, message in (
        ("mine.npz", "damaged or cut off"),
        ("text", "not a training state"),
        ("empty", "empty"),
    ):
        with pytest.raises(DataError, match=f"{name}: {message}.*give a file that --checkpoint"):
            load_state(tmp_path / name)


def test_differences_are_named():
    checkpoint = Checkpoint(make_state(), FINGERPRINT, NUMERICS)
    check_resumable(checkpoint, dict(FINGERPRINT))
    with pytest.raises(ResumeError, match=r"learning_rate was 0\.13 and is now 0\.1;"):
        check_resumable(checkpoint, {**FINGERPRINT, "learning_rate": 0.1})
    with pytest.raises(ResumeError, match=r"significance was None and is now 0\.05"):
        check_resumable(checkpoint, {**FINGERPRINT, "significance": 0.05})


def test_what_may_change_the_last_digits_is_named():
    checkpoint = Checkpoint(make_state(), FINGERPRINT, NUMERICS)
    assert describe_differences(checkpoint, dict(NUMERICS)) is None
    assert describe_differences(checkpoint, {**NUMERICS, "BLAS threads": "2", "NumPy": "2"}) == (
        "BLAS threads was 1 and is now 2; NumPy was None and is now 2: the last digits may differ"
    )
    other = {"backend": "PyTensor 3.3.8", "BLAS threads": "2"}
    assert describe_differences(checkpoint, other) == (
        "begun on Theano 1.0.5, continued on PyTensor 3.3.8; the last digits may differ"
    )


def test_another_device_or_linker_is_named_without_what_follows_from_it():
    gpu = {"linker": "jax", "device": "NVIDIA H200"}
    begun = Checkpoint(make_state(), FINGERPRINT, {**NUMERICS, **gpu})
    cpu = {**NUMERICS, "linker": "jax", "device": "cpu", "cores": "2"}
    assert describe_differences(begun, cpu) == (
        "device was NVIDIA H200 and is now cpu: the last digits may differ"
    )
    assert describe_differences(begun, {**NUMERICS, "linker": "numba"}) == (
        "linker was jax and is now numba; device was NVIDIA H200 and is now None: the last digits "
        "may differ"
    )
