#!/usr/bin/env python
"""Kill training runs and damage files, and check that nothing is lost or executed.

Each killed training is resumed, and must end in the same bytes as one that was
left alone. Each damaged file must be refused with a documented error or give
plain values, without running anything, within 5 seconds.
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import gzip
import hashlib
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dltutorials import DataError, EarlyStopping, TrainingState
from dltutorials.cli import console
from dltutorials.datasets import load_mnist
from dltutorials.training.checkpoint import load_state, save_state
from dltutorials.training.parameters import load_params, save_params

import numpy

TRAIN = Path(__file__).resolve().parents[1] / "train_logreg.py"
N_EPOCHS = 200
SECONDS_ALLOWED = 5
# Python reports these to audit hooks; reading a file must cause none of them.
FORBIDDEN = {"os.system", "os.exec", "os.fork", "subprocess.Popen", "exec", "pickle.find_class"}
# What a hostile or damaged file is likely to hold.
SNIPPETS = [
    *(b"cos\nsystem\n", b"cbuiltins\neval\n", b"cnumpy.f2py.diagnose\nrun_command\n", b"R", b"b"),
    *(b"X\x05\0\0\0touch\x85R", b"\x8e" + b"\xff" * 8, b"\x95" + b"\xff" * 8, b"r\xff\xff\xff\x7f"),
    *(b"\x93", b"\x81", b"(i__main__\nX\n", b"P1\n", b"\x82\x01", b"2\x86" * 30, b"O", b"}", b"\0"),
]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--kills", type=int, default=200, metavar="N", help="trainings; default: %(default)s")
    add("--mutants", type=int, default=100_000, metavar="N", help="files; default: %(default)s")
    add("--jobs", type=int, default=2, metavar="N", help="trainings at once; default: %(default)s")
    add("--seed", type=int, default=0, metavar="N", help="of all random choices")
    return console.run(torture, parser, argv)


def torture(options: argparse.Namespace) -> int:
    """Do both, and report."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        failures = kill_trainings(folder, options) if options.kills else []
        failures += damage_files(folder, options) if options.mutants else []
    for failure in failures:
        console.print_message(failure)
    return console.FAILED if failures else console.DONE


def kill_trainings(folder: Path, options: argparse.Namespace) -> list[str]:
    """Kill training runs at random moments; resume them; compare with one left alone."""
    dataset = folder / "tiny.pkl.gz"
    dataset.write_bytes(gzip.compress(pickle.dumps(_make_sets(30), 4)))
    reference = folder / "reference"
    reference.mkdir()
    subprocess.run(_command(dataset, reference), check=True, stdout=subprocess.DEVNULL)
    expected = (reference / "best.pkl").read_bytes()

    def attempt(number: int) -> tuple[int, str]:
        place = folder / f"kill{number}"
        place.mkdir()
        kills = _kill_and_resume(
            _command(dataset, place), place, random.Random(f"{options.seed} {number}")
        )
        if (place / "best.pkl").read_bytes() != expected:
            return kills, f"training {number}: the resumed training ended in other parameters"
        left = sorted(path.name for path in place.iterdir())
        if left != ["best.pkl", "state"]:
            return kills, f"training {number}: left {left}"
        return kills, ""

    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(attempt, range(options.kills)))
    failures = [failure for _, failure in outcomes if failure]
    print(
        f"{len(outcomes)} trainings killed {sum(kills for kills, _ in outcomes)} times: "
        f"{len(outcomes) - len(failures)} ended in the same bytes as one left alone",
        flush=True,
    )
    return failures


def _command(dataset: Path, place: Path) -> list[str]:
    files = ["--dataset", str(dataset), "--save", str(place / "best.pkl")]
    size = ["--batch-size", "10", "--n-epochs", str(N_EPOCHS), "--learning-rate", "0.003"]
    return [sys.executable, str(TRAIN), *files, *size, "--checkpoint", str(place / "state")]


def _kill_and_resume(command: list[str], place: Path, rng: random.Random) -> int:
    """Kill a training run once or twice, then let it end; return how often it was killed."""
    kills = 0
    for _ in range(rng.choice([1, 1, 2])):
        process = subprocess.Popen(
            _resuming(command, place), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        for _ in range(rng.randrange(1, N_EPOCHS)):  # lines, one or two an epoch
            if not process.stdout.readline():
                break
        time.sleep(rng.uniform(0, 0.003))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    subprocess.run(
        _resuming(command, place), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return kills


def _resuming(command: list[str], place: Path) -> list[str]:
    state = place / "state"
    return [*command, "--resume", str(state)] if state.exists() else command


def _make_sets(n_examples: int) -> tuple:
    rng = numpy.random.RandomState(0)
    return tuple(
        (rng.randint(0, 256, (n, 784)).astype("float32") / 256, numpy.arange(n) % 10)
        for n in (2 * n_examples, n_examples, n_examples)
    )


class _Slot:
    """Stands for a shared variable."""

    def __init__(self, name: str, value: numpy.ndarray) -> None:
        self.name, self.value = name, value

    def get_value(self, borrow: bool = False) -> numpy.ndarray:
        return self.value

    def set_value(self, value: numpy.ndarray, borrow: bool = False) -> None:
        self.value = value


def damage_files(folder: Path, options: argparse.Namespace) -> list[str]:
    """Damage data, parameter and state files at random; read them; watch what happens."""
    forbidden: list[str] = []
    watching = [False]

    def watch(event: str, _arguments: Any) -> None:
        if watching[0] and event in FORBIDDEN:
            forbidden.append(event)

    sys.addaudithook(watch)
    rng, path = random.Random(options.seed), folder / "mutant"
    kinds = _kinds(folder)
    failures: list[str] = []
    refused, slowest = 0, 0.0
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(options.mutants):
        kind = rng.choice(sorted(kinds))
        sound, finish, read = kinds[kind]
        path.write_bytes(finish(_mutate(sound, rng)))
        begun, watching[0] = time.perf_counter(), True
        try:
            read(path)
        except DataError:
            refused += 1
        except Exception as error:
            failures.append(f"mutant {number} ({kind}): {type(error).__name__}: {error}")
        watching[0] = False
        seconds = time.perf_counter() - begun
        slowest = max(slowest, seconds)
        if forbidden or seconds > SECONDS_ALLOWED:
            failures.append(f"mutant {number} ({kind}): {seconds:.1f} s, {forbidden}")
            forbidden.clear()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(
        f"{options.mutants} damaged files: {refused} refused, {len(failures)} failures, nothing "
        f"run; the slowest took {slowest:.2f} s, memory grew by {grown:.0f} MiB",
        flush=True,
    )
    return failures


def _kinds(folder: Path) -> dict[str, tuple[bytes, Callable, Callable]]:
    """Return, for each kind of file, a sound one, how to finish a damaged one, and its reader."""
    values = [numpy.ones((4, 3), "float32"), numpy.zeros(3, "float32")]
    slots = [_Slot("W", values[0]), _Slot("b", values[1])]
    save_params(slots, folder / "params")
    patience = EarlyStopping(significance=0.05).start(n_train_batches=2)
    patience.best_iteration, patience.best_misclassified = 1, numpy.arange(9) % 2 == 0
    state = TrainingState(patience, 2, iteration=1, params=values, best_params=values)
    state.rest = [numpy.arange(6)]
    save_state(state, folder / "state")
    sets, saved = pickle.dumps(_make_sets(2), 4), (folder / "state").read_bytes()
    pairs = zip(("train", "valid", "test"), _make_sets(2))
    named = {f"{part}_{kind}": array for part, pair in pairs for kind, array in zip("xy", pair)}
    numpy.savez(folder / "npz", **named)
    load_mnist(folder / "npz.npz")  # has Python import what it reads names in zip files with

    def compress(data: bytes) -> bytes:
        return gzip.compress(data, 1)

    def sign(data: bytes) -> bytes:
        return data + hashlib.sha256(data).hexdigest().encode()

    return {
        "data": (sets, compress, load_mnist),
        "gzip": (compress(sets), bytes, load_mnist),
        "npz": ((folder / "npz.npz").read_bytes(), bytes, load_mnist),
        "params": ((folder / "params").read_bytes(), bytes, lambda path: load_params(slots, path)),
        "signed state": (saved[:-64], sign, load_state),
        "state": (saved, bytes, load_state),
    }


def _mutate(sound: bytes, rng: random.Random) -> bytes:
    """Change, insert, remove or cut, once to four times, more often near the beginning."""
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


if __name__ == "__main__":
    sys.exit(main())
