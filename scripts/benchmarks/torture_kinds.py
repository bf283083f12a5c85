"""The kinds of file that torture.py damages, forges and makes up, each with its reader."""

import gzip
import hashlib
import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials import EarlyStopping, TrainingState
from dltutorials.datasets import load_mnist
from dltutorials.prediction.image_files import read_grey
from dltutorials.selection.records import Job, failed, load_record
from dltutorials.training.checkpoint import load_state, save_state
from dltutorials.training.description import Description
from dltutorials.training.history import HistoryWriter, read_history
from dltutorials.training.parameters import read_params, save_params

import numpy
import PIL.Image
from torture_grammar import (
    forge_json,
    load_archive,
    load_array,
    load_idx,
    make_archive,
    make_array_file,
    make_idx,
    make_pickle,
    read_archive,
    read_in,
    read_pickle,
    save_folders,
    unpickle,
)

# Contents that a hostile or damaged file is likely to have.
SNIPPETS = [
    *(b"cos\nsystem\n", b"cbuiltins\neval\n", b"cnumpy.f2py.diagnose\nrun_command\n", b"R", b"b"),
    *(b"X\x05\0\0\0touch\x85R", b"\x8e" + b"\xff" * 8, b"\x95" + b"\xff" * 8, b"r\xff\xff\xff\x7f"),
    *(b"\x93", b"\x81", b"(i__main__\nX\n", b"P1\n", b"\x82\x01", b"2\x86" * 30, b"O", b"}", b"\0"),
    *(
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"PK\x06\x07",
        b"1e999",
        b"NaN",
        b"null",
        b"[" * 50,
        b"9" * 400,
    ),
]


_IMAGE = 1 << 28  # of 50 million pixels, whatever they are packed into


class Kind(NamedTuple):
    """A kind of file: a valid one, how to damage it, and its reader."""

    sound: bytes
    damage: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path], Any]
    bytes_allowed: int = 64 << 20  # beyond the size of the file
    read_too: Callable[[Path], Any] | None = None  # as NumPy reads it


def make_sets(n_examples: int) -> tuple:
    """Return three small sets in the form of MNIST."""
    rng = numpy.random.RandomState(0)
    return tuple(
        (rng.randint(0, 256, (n, 784)).astype("float32") / 256, numpy.arange(n) % 10)
        for n in (2 * n_examples, n_examples, n_examples)
    )


class _Slot:
    """A stand-in for a shared variable."""

    def __init__(self, name: str, value: numpy.ndarray) -> None:
        self.name, self.value = name, value

    def get_value(self, borrow: bool = False) -> numpy.ndarray:
        return self.value

    def set_value(self, value: numpy.ndarray, borrow: bool = False) -> None:
        self.value = value


def make_kinds(folder: Path) -> dict[str, Kind]:
    """Return the kinds of file, by their names."""
    values = [numpy.ones((4, 3), "float32"), numpy.zeros(3, "float32")]
    slots = [_Slot("W", values[0]), _Slot("b", values[1])]
    save_params(slots, folder / "params")
    saved = _sound_state(folder / "state", values)
    sets = pickle.dumps(make_sets(2), 4)
    pairs = zip(("train", "valid", "test"), make_sets(2))
    named = {f"{part}_{kind}": array for part, pair in pairs for kind, array in zip("xy", pair)}
    numpy.savez(folder / "npz", **named)
    load_mnist(folder / "npz.npz")  # makes Python import its codec for names in zip files
    records = [{"epoch": n, "iteration": n, "validation_loss": 0.5, "cost": 1.0} for n in range(9)]
    HistoryWriter(folder / "history", {"program": "train"}, records)
    job = Job("train", {}, {"a": 1}, str(folder))
    record = {**failed(job, None), "best_validation_loss": 0.5, "test_score": 0.5, "n_epochs": 3}
    npy, idx = save_folders(folder)

    def read_record(path: Path) -> Any:
        path.replace(job.record_path)
        return load_record(job)

    kinds = {
        "data": Kind(sets, lambda data, rng: _gzip(mutate(data, rng)), load_mnist),
        "gzip": Kind(_gzip(sets), mutate, load_mnist),
        "npz": Kind((folder / "npz.npz").read_bytes(), mutate, load_mnist),
        "array": Kind(b"", lambda _, rng: make_archive(rng), read_archive, read_too=load_archive),
        "damaged array": Kind(
            b"", lambda _, rng: mutate(make_archive(rng), rng), read_archive, read_too=load_archive
        ),
        "pickled array": Kind(b"", lambda _, rng: make_pickle(rng), read_pickle, read_too=unpickle),
        "folder": Kind(
            b"",
            lambda _, rng: make_array_file(rng),
            lambda path: read_in(npy, path),
            read_too=load_array,
        ),
        "IDX": Kind(
            b"", lambda _, rng: make_idx(rng), lambda path: read_in(idx, path), read_too=load_idx
        ),
        "forged history": Kind((folder / "history").read_bytes(), forge_json, read_history),
        "forged record": Kind(json.dumps(record).encode(), forge_json, read_record),
        "forged description": Kind(
            Description("mlp", {"activation": "relu"}, ["a", "b"], 256).as_text().encode(),
            lambda text, rng: (
                pickle.dumps(values[0]) + pickle.dumps(forge_json(text, rng).decode())
            ),
            read_params,
        ),
        "params": Kind((folder / "params").read_bytes(), mutate, lambda path: read_params(path)),
        "state": Kind(saved, mutate, load_state),
        "signed state": Kind(saved[:-64], lambda data, rng: _sign(mutate(data, rng)), load_state),
        "forged state": Kind(saved, _forge, load_state),
        "history": Kind((folder / "history").read_bytes(), mutate, read_history),
        "record": Kind(json.dumps(record).encode(), mutate, read_record),
    }
    for name in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        file = io.BytesIO()
        PIL.Image.fromarray(numpy.eye(40, dtype="uint8") * 255).save(file, name)
        kinds[name] = Kind(file.getvalue(), mutate, read_grey, bytes_allowed=_IMAGE)
    return kinds


def _sound_state(path: Path, values: list[numpy.ndarray]) -> bytes:
    patience = EarlyStopping(significance=0.05).start(n_train_batches=2)
    patience.best_iteration, patience.best_misclassified = 1, numpy.arange(9) % 2 == 0
    state = TrainingState(patience, 2, iteration=1, params=values, best_params=values)
    state.rest = [numpy.arange(6)]
    save_state(state, path)
    return path.read_bytes()


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 1)


def _sign(data: bytes) -> bytes:
    return data + hashlib.sha256(data).hexdigest().encode()


def _forge(saved: bytes, rng: random.Random) -> bytes:
    """Change numbers of a state, or an array, and write it as a valid state."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(written, "w") as new:
        other = rng.choice([*old.namelist(), *["state.json"] * 9])
        for info in old.infolist():
            content = old.read(info)
            if info.filename == other:
                is_text = other == "state.json"
                content = forge_json(content, rng) if is_text else make_array_file(rng)
            new.writestr(zipfile.ZipInfo(info.filename), content)
        new.comment = bytes(64)
    return _sign(written.getvalue()[:-64])


def mutate(sound: bytes, rng: random.Random) -> bytes:
    """Change, insert, remove or truncate, one to four times, most often near the beginning."""
    data = bytearray(sound)
    for _ in range(rng.randrange(1, 5)):
        place = int(len(data) * rng.random() ** rng.choice([1, 3]))
        action = rng.randrange(5)
        if action == 0 and place < len(data):
            data[place] = rng.randrange(256)
        elif action == 1:
            data[place:place] = rng.choice(SNIPPETS)
        elif action == 2:
            del data[place : place + rng.randrange(1, 20)]
        elif action == 3:
            data[place : place + 4] = rng.getrandbits(32).to_bytes(4, "little")
        elif rng.random() < 0.2:
            del data[place:]
    return bytes(data)
