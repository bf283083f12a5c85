import json
import math
import random
from pathlib import Path

from dltutorials.exceptions import DataError
from dltutorials.training.history import HistoryWriter, prepare_history_path, read_history

import pytest

RECORDS = [
    {
        "epoch": number,
        "minibatch": 6,
        "iteration": number * 6 - 1,
        "cost": 1 / number,
        "validation_loss": 0.5 / number,
        "is_best": True,
        "test_score": 0.4 / number,
        "patience": 5000,
        "seconds": number / 10,
    }
    for number in (1, 2, 3)
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


def test_a_history_can_be_read_after_every_record(path):
    writer = HistoryWriter(path, {"program": "mine", "seed": 3})
    for n_records in range(len(RECORDS) + 1):
        writer.update(RECORDS[:n_records])
        header, records = read_history(path)
        assert (header["program"], header["seed"]) == ("mine", 3)
        assert records == RECORDS[:n_records]


def test_a_resumed_history_begins_with_the_records_there_are(path):
    HistoryWriter(path, {}).update(RECORDS)
    writer = HistoryWriter(path, {}, RECORDS[:1])
    assert read_history(path).records == RECORDS[:1]
    writer.update(RECORDS[:2])
    assert read_history(path).records == RECORDS[:2]


def test_what_a_full_disk_cut_off_is_written_again(path):
    writer = HistoryWriter(path, {})
    writer.update(RECORDS[:1])
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"epoch": 2, "minib')
    assert read_history(path).records == RECORDS[:1]
    writer.update(RECORDS)
    assert read_history(path).records == RECORDS


def test_a_file_that_cannot_be_written_is_tried_again(path):
    writer = HistoryWriter(path, {})
    moved = path.with_name("moved")
    path.rename(moved)
    with pytest.raises(OSError, match="No such file"):
        writer.update(RECORDS[:1])
    moved.rename(path)
    writer.update(RECORDS[:2])
    assert read_history(path).records == RECORDS[:2]


def test_numbers_that_json_does_not_know_are_missing(path):
    HistoryWriter(path, {}).update([{**RECORDS[0], "validation_loss": math.nan, "cost": math.inf}])
    [record] = read_history(path).records
    assert record["validation_loss"] is record["cost"] is None
    assert "NaN" not in path.read_text()


def test_every_beginning_of_a_history_is_a_history_or_a_clear_error(path):
    HistoryWriter(path, {"program": "mine"}).update(RECORDS)
    content = path.read_bytes()
    end_of_header = content.index(b"\n")
    for size in range(len(content)):
        path.write_bytes(content[:size])
        if size > end_of_header:
            assert read_history(path).records == RECORDS[: content[:size].count(b"\n") - 1]
        else:
            with pytest.raises(DataError, match=r"empty|not a whole line"):
                read_history(path)


def test_a_damaged_history_is_a_history_or_a_clear_error(path):
    HistoryWriter(path, {"program": "mine"}).update(RECORDS)
    content, generator = path.read_bytes(), random.Random(7)
    n_refused = 0
    for _ in range(500):
        damaged = bytearray(content)
        for _ in range(generator.randint(1, 5)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            read_history(path)
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017
            n_refused += 1
    assert n_refused > 250


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty; give a file that --history"),
        (b"{}", "not a whole line in it"),
        (b"{}\n", "expected dltutorials history 1, got {}"),
        (b"epoch,loss\n1,0.5\n", "line 1 is not JSON"),
        (b"[1, 2]\n", r"line 1: expected an object, got \[1, 2\]"),
        (b'{"dltutorials history": 2}\n', 'expected dltutorials history 1, got {"dltu'),
        (b"\x80\x05\x95\n\n", "line 1 is not JSON"),
        (b"[" * 100_000 + b"\n", "line 1 is not JSON"),
        (b'{"dltutorials history": 1}\n{"epoch": true}\n', "line 2: epoch: expected a number"),
        (b'{"dltutorials history": 1}\n{"epoch": 1e999}\n', "line 2: epoch: expected a number"),
        (
            b'{"dltutorials history": 1}\n{"epoch": ' + b"9" * 400 + b"}\n",
            "line 2: epoch: expected a number",
        ),
        (
            b'{"dltutorials history": 1}\n{"epoch": 1, "iteration": 0, "cost": "x"}\n',
            'line 2: cost: expected a number, got "x"',
        ),
    ],
)
def test_what_is_no_history_is_said(path, content, message):
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_history(path)


def test_no_file_and_a_folder_are_said(path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_history(path)
    path.mkdir()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_history(path)


def test_only_a_history_is_replaced(path):
    prepare_history_path(path)
    HistoryWriter(path, {})
    prepare_history_path(path)
    path.write_text("my notes\n")
    with pytest.raises(DataError, match="it exists and is not a sound history file"):
        prepare_history_path(path)
    assert path.read_text() == "my notes\n"


def test_one_line_of_json_each(path):
    HistoryWriter(Path(path), {"program": "mine"}).update(RECORDS)
    lines = path.read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines[1:]] == [1, 2, 3]
