r"""The history of a training run, in a file that grows during the run.

Each line is a JSON object. The first one, the header, says what was trained: options, seed,
versions, number type, device, BLAS, and a digest of the data. Each following line is the record
of one validation, on disk before training continues. So another program can follow a run in
progress, and a kill loses at most the line being written.

>>> import os, tempfile
>>> path = os.path.join(tempfile.mkdtemp(), "run.jsonl")
>>> writer = HistoryWriter(path, {"program": "train_logreg"})
>>> writer.update([{"epoch": 1, "iteration": 82, "validation_loss": 0.125}])
>>> header, records = read_history(path)
>>> header["program"], records
('train_logreg', [{'epoch': 1, 'iteration': 82, 'validation_loss': 0.125}])

With pandas it is ``pandas.read_json("run.jsonl", lines=True)[1:]``.
"""

import io
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials.exceptions import DataError, in_file, within
from dltutorials.io.files import durable_writer, prepare_output, write_at_end
from dltutorials.io.reading import read_file
from dltutorials.training.state import Record
from dltutorials.types import PathLike

FORMAT = "dltutorials history"
VERSION = 1
MAX_BYTES = 1 << 28
# The numbers of a record that readers use; all but the first two may be missing.
_PLACE = ("epoch", "iteration")
_NUMBERS = (*_PLACE, "minibatch", "cost", "validation_loss", "test_score", "patience", "seconds")


class History(NamedTuple):
    """The content of a history file.

    Attributes
    ----------
    header : dict
        What was trained.
    records : list of dict
        As :class:`dltutorials.training.result.Result` describes them, one per validation.
    """

    header: dict[str, Any]
    records: list[Record]

    def __repr__(self) -> str:
        return f"<History of {self.header.get('program')}: {len(self.records)} records>"


class HistoryWriter:
    """Adds the records of a training run to a file, one line each.

    Parameters
    ----------
    path : path
        Overwritten; first call :func:`prepare_history_path`, which refuses a file that is not a
        history.
    header : dict
        Anything that JSON can represent.
    records : sequence of dict
        The earlier records, if the run is resumed.

    Raises
    ------
    OSError
        If the file cannot be written.
    """

    def __init__(self, path: PathLike, header: dict[str, Any], records: Sequence[Record] = ()):
        self.path = Path(path)
        content = b"".join(map(_line, [{FORMAT: VERSION, **header}, *records]))
        with durable_writer(path) as file:
            file.write(content)
        self.size = len(content)  # bytes that are on the disk for certain
        self.n_records = len(records)

    def update(self, records: Sequence[Record]) -> None:
        """Write the records that are not in the file yet.

        Parameters
        ----------
        records : sequence of dict
            All records of the run.

        Raises
        ------
        OSError
            If they cannot be written; the next call tries again.
        """
        lines = b"".join(map(_line, records[self.n_records :]))
        write_at_end(self.path, lines, self.size)  # a full disk may have left part of a line
        self.size += len(lines)
        self.n_records = len(records)


def read_history(path: PathLike) -> History:
    """Read a history file, even of a run in progress.

    Parameters
    ----------
    path : path
        A file written by :class:`HistoryWriter`. An incomplete last line is still being
        written, or was when the process died; it is ignored.

    Returns
    -------
    History

    Raises
    ------
    DataError
        If the file cannot be read, is empty, is not a history, or is damaged.
    """
    with in_file(path, "give a file that --history of this version wrote"):
        lines = _read_lines(path)
        header = next(lines)
        if header.get(FORMAT) != VERSION:
            raise DataError(f"expected {FORMAT} {VERSION}, got {_short(header)}")
        records = []
        for number, record in enumerate(lines, start=2):
            with within(f"line {number}"):
                require_record(record)
            records.append(record)
    return History(header, records)


def prepare_history_path(path: PathLike, is_resumed: bool = False) -> None:
    """Refuse a path that cannot be written, or that holds a file of another kind.

    Parameters
    ----------
    path : path
    is_resumed : bool
        Whether the file may already have records of the same run.

    Raises
    ------
    DataError
        If the path is refused; the file is left unchanged.
    """
    prepare_output(path)
    if os.path.exists(path) and os.path.getsize(path) > 0:
        try:
            n_records = len(read_history(path).records)
        except DataError:
            raise DataError(
                f"cannot write {os.fspath(path)}: it exists and is not a sound history file; "
                "choose another file"
            ) from None
        if n_records and not is_resumed:
            raise DataError(
                f"{os.fspath(path)} holds the {n_records} records of another training run; "
                "remove it, choose another file, or continue that run with --resume"
            )


def check_continues(path: PathLike, records: Sequence[Record], header: dict[str, Any]) -> None:
    """Refuse to replace the history of another training run when one is resumed.

    Parameters
    ----------
    path : path
        The file need not exist yet.
    records : sequence of dict
        Those of the state to resume from.
    header : dict
        What the header of the run's own history says, as far as known.

    Raises
    ------
    DataError
        If the file has other records; it is left unchanged.
    """
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return
    history = read_history(path)
    n_common = min(len(history.records), len(records))
    own = [json.loads(_line(record)) for record in records[:n_common]]
    is_own = history.records[:n_common] == own and all(
        history.header.get(name) == value for name, value in header.items()
    )
    if history.records and not is_own:
        raise DataError(
            f"{os.fspath(path)} holds the {len(history.records)} records of another training run "
            "than the one that is resumed; remove it, or choose another file"
        )


def _line(value: dict[str, Any]) -> bytes:
    finite = {
        name: None if isinstance(x, float) and not math.isfinite(x) else x
        for name, x in value.items()
    }
    return json.dumps(finite, allow_nan=False).encode() + b"\n"


def _read_lines(path: PathLike) -> Iterator[dict[str, Any]]:
    """Yield the parsed lines; an invalid one is found before those after it take memory."""
    content = read_file(path, MAX_BYTES, "a history")
    if b"\n" not in content:
        raise DataError("not a whole line in it" if content else "empty")
    for number, line in enumerate(io.BytesIO(content), start=1):
        if line.endswith(b"\n"):
            yield _parse(line, number)


def _parse(line: bytes, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise DataError(f"line {number} is not JSON") from None
    if not isinstance(value, dict):
        raise DataError(f"line {number}: expected an object, got {_short(value)}")
    return value


def require_record(record: Record) -> None:
    """Refuse a record that holds anything but plain numbers."""
    for name in _NUMBERS:
        value: Any = record.get(name)
        is_number = type(value) in (int, float) and abs(value) <= sys.float_info.max
        if not is_number and (value is not None or name in _PLACE):
            raise DataError(f"{name}: expected a number, got {_short(value)}")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
