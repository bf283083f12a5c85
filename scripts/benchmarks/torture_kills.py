"""Training runs that are killed at random moments, resumed, and compared with one left alone.

A run is a fork of this process, which has imported everything, so that the seconds of a start do
not limit the number of kills. Files of a run: the best parameters and a checkpoint, and by chance
a history and snapshots.
"""

import contextlib
import functools
import gzip
import importlib
import io
import os
import pickle
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.cli import console
from dltutorials.training.history import read_history

from torture_kinds import make_sets
from torture_results import Outcome

SIZE = ["--batch-size", "10", "--n-epochs", "8"]
_OF_LABELS = ["--patience", "1000000", "--learning-rate", "0.003"]
_STACK = ["--hidden-layers-sizes", "5", "4", "--pretraining-epochs", "2"]
# Every chapter, small. A network of several phases takes longest.
PROGRAMS = {
    "train_logreg": ["--n-epochs", "40", *_OF_LABELS],
    "train_mlp": ["--n-hidden", "5", "--n-epochs", "20", *_OF_LABELS],
    "train_lenet": ["--nkerns", "2", "--n-hidden", "4", *_OF_LABELS],
    "train_da": ["--n-hidden", "5"],
    "train_sda": [*_STACK, *_OF_LABELS, "--corruption-levels", "0.1", "0.2"],
    "train_rbm": ["--n-hidden", "5", "--k", "2"],
    "train_dbn": [*_STACK, *_OF_LABELS],
}
WEIGHTS = (8, 4, 1, 3, 1, 1, 1)
# Options that change the result, and those of classifiers only.
DECIDING = (
    ["--learning-rate-decay", "0.99"],
    ["--shuffle", "7"],
    ["--significance", "0.05"],
    ["--exact-evaluation"],
)
# Few choices, since each needs a run that is left alone.
CHOICES = (DECIDING, DECIDING[:2], DECIDING[2:], ())
# Options that must not: chunks of the data, what is written, and how often.
OTHERS = (
    ["--chunk-size", "2"],
    ["--checkpoint-every", "3"],
    ["--history", "history"],
    ["--snapshots", "snapshots", "--snapshot-every", "3"],
)


def prepare(folder: Path) -> Path:
    """Write a small data set, unless it is there; return its path."""
    dataset = folder / "tiny.pkl.gz"
    if not dataset.exists():
        dataset.write_bytes(gzip.compress(pickle.dumps(make_sets(30), 4)))
    return dataset


def kill(folder: Path, seed: int, numbers: Sequence[int]) -> Outcome:
    """Kill training runs at random moments, resume them, and compare with an undisturbed one."""
    own = folder / f"kills-{os.getpid()}"
    own.mkdir(exist_ok=True)
    outcome = Outcome()
    for number in numbers:
        n_kills, error = _kill_one(own, random.Random(f"{seed} {number}"))
        failures = (f"kill {number}: {error}",) if error else ()
        outcome += Outcome(1, n_kills, n_failed=len(failures), failures=failures)
    return outcome


def _kill_one(folder: Path, rng: random.Random) -> tuple[int, str]:
    program = rng.choices(list(PROGRAMS), WEIGHTS)[0]
    chosen = list(rng.choice(CHOICES))
    if "--patience" not in PROGRAMS[program]:
        chosen = [words for words in chosen if words[0] in ("--learning-rate-decay", "--shuffle")]
    words = (program, *(word for words in chosen for word in words))
    others = [word for words in OTHERS if rng.random() < 0.5 for word in words]
    alone, seconds = _leave_alone(folder, words)
    place, n_kills = folder / "killed", 0
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for _ in range(rng.choice([1, 1, 2, 3])):
        process = _start(folder, place, words, [*others, *_resuming(place)])
        time.sleep(rng.uniform(0, seconds))
        os.kill(process, signal.SIGKILL)
        n_kills += _wait(process) == -signal.SIGKILL
    status = _wait(_start(folder, place, words, [*others, *_resuming(place)]))
    said = (folder / "said").read_text()[-300:]
    error = f"status {status}, {said!r}" if status else _differences(alone, place, others)
    return n_kills, error and f"{' '.join([*words, *others])}: {error}"


@functools.cache
def _leave_alone(folder: Path, words: tuple[str, ...]) -> tuple[Path, float]:
    """Train undisturbed; return the folder, and how many seconds that takes."""
    with contextlib.redirect_stdout(io.StringIO()):  # once here: forks find all of it compiled
        _train(folder, Path(tempfile.mkdtemp(dir=folder)), words, [])
    place = Path(tempfile.mkdtemp(dir=folder))
    begun = time.perf_counter()
    status = _wait(_start(folder, place, words, [word for each in OTHERS[2:] for word in each]))
    if status:
        said = (folder / "said").read_text()
        raise RuntimeError(f"{' '.join(words)}: status {status}, said {said}")
    return place, time.perf_counter() - begun


def _resuming(place: Path) -> list[str]:
    """Resume a run if there is a state; otherwise, nothing may be in the way of a new one."""
    return ["--resume", "checkpoint"] if (place / "checkpoint").exists() else []


def _wait(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _start(folder: Path, place: Path, words: Sequence[str], others: Sequence[str]) -> int:
    """Train in a fork of this process; return its process number."""
    process = os.fork()
    if process:
        return process
    status = 70
    try:
        output = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(output, stream)
        status = _train(folder, place, words, others)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _train(folder: Path, place: Path, words: Sequence[str], others: Sequence[str]) -> int:
    """Train in a folder."""
    program, *options = words
    size = [*SIZE, *PROGRAMS[program], "--dataset", str(prepare(folder))]
    files = ["--save", "save", "--checkpoint", "checkpoint", "--quiet"]
    main, before = importlib.import_module(program).main, os.getcwd()
    os.chdir(place)
    try:
        with console.named(f"{program}.py"):
            return int(main([*size, *files, *options, *others]))
    finally:
        os.chdir(before)


def _differences(alone: Path, place: Path, others: Sequence[str]) -> str:
    """Return what is not as in the run left alone; a checkpoint contains times."""
    expected, found = _contents(alone), _contents(place)
    for name in list(expected):  # what the options did not ask for
        if name.partition("/")[0] in {"history", "snapshots"} - set(others):
            del expected[name]
    names = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    return f"other files than the one left alone: {names}" if names else ""


def _contents(place: Path) -> dict[str, Any]:
    """Return the content of all files of a run, except times."""
    found: dict[str, Any] = {}
    for path in filter(Path.is_file, place.rglob("*")):
        name = str(path.relative_to(place))
        if name == "history":
            found[name] = [{**each, "seconds": 0} for each in read_history(path).records]
        else:
            found[name] = b"" if name == "checkpoint" else path.read_bytes()
    return found
