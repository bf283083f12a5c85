"""Training programs that are killed, interrupted, doubled or left without disk space.

Every failure has to end as documented: a killed run resumes to the same bytes, a signal gives
one line and its exit status, the second of two programs is refused, and a full disk leaves
the previous files.
"""

import gzip
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from torture_kinds import make_sets

TRAIN = Path(__file__).resolve().parents[1] / "train_logreg.py"
N_EPOCHS = 200
FILES = ("save", "checkpoint", "history", "snapshots")
# Everything that a state has to hold, in one run.
ALL_OPTIONS = ["--significance", "0.05", "--chunk-size", "2", "--snapshot-every", "50"]
ALL_OPTIONS += ["--momentum", "0.5", "--learning-rate-decay", "0.999", "--shuffle", "7"]


class Outcome(NamedTuple):
    """The number of trials and of signals, and what went wrong."""

    n_tried: int
    n_signals: int
    failures: list[str]


def prepare(folder: Path) -> Path:
    """Write a small data set; return its path."""
    dataset = folder / "tiny.pkl.gz"
    dataset.write_bytes(gzip.compress(pickle.dumps(make_sets(30), 4)))
    return dataset


def command(dataset: Path, place: Path, n_epochs: int = N_EPOCHS) -> list[str]:
    """Return a training run that uses all options and keeps its files in a folder."""
    place.mkdir(exist_ok=True)
    files = [word for name in FILES for word in (f"--{name}", str(place / name))]
    size = ["--batch-size", "10", "--n-epochs", str(n_epochs), "--learning-rate", "0.003"]
    size += ["--patience", "1000000"]
    return [sys.executable, str(TRAIN), "--dataset", str(dataset), *files, *size, *ALL_OPTIONS]


def kill(folder: Path, number: int, n_jobs: int, seed: int) -> Outcome:
    """Kill training runs at random moments, resume them, and compare with an undisturbed one."""
    dataset = prepare(folder)
    subprocess.run(command(dataset, folder / "alone"), check=True, stdout=subprocess.DEVNULL)
    expected = _results(folder / "alone")

    def attempt(which: int) -> tuple[int, str]:
        place = folder / f"kill{which}"
        rng = random.Random(f"{seed} {which}")
        n_kills, error = _kill_and_resume(command(dataset, place), place, rng)
        if not error and _results(place) != expected:
            error = "ended otherwise than the one left alone"
        shutil.rmtree(place)
        return n_kills, error and f"run {which}: {error}"

    return _in_parallel(attempt, number, n_jobs)


def _results(place: Path) -> dict[str, bytes]:
    """Return the contents of all files in a folder, empty for those that contain times."""
    names = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    kept = names - {"checkpoint", "history"}  # these contain times
    return {**dict.fromkeys(names, b""), **{name: (place / name).read_bytes() for name in kept}}


def _kill_and_resume(program: list[str], place: Path, rng: random.Random) -> tuple[int, str]:
    n_kills = 0
    for _ in range(rng.choice([1, 1, 2])):
        process = subprocess.Popen(_resuming(program, place), stdout=-1, stderr=-1)
        assert process.stdout is not None
        for _ in range(rng.randrange(1, N_EPOCHS)):  # lines, one or two per epoch
            if not process.stdout.readline():
                break
        time.sleep(rng.uniform(0, 0.003))
        process.kill()
        process.communicate()
        n_kills += process.returncode == -signal.SIGKILL
    done = subprocess.run(_resuming(program, place), capture_output=True, text=True)
    return n_kills, "" if done.returncode == 0 else done.stderr[-300:]


def _resuming(program: list[str], place: Path) -> list[str]:
    """Resume a run, or start it anew, as the messages ask, if there is no state yet."""
    if (place / "checkpoint").exists():
        return [*program, "--resume", str(place / "checkpoint")]
    (place / "history").unlink(missing_ok=True)
    shutil.rmtree(place / "snapshots", ignore_errors=True)
    return program


def storm(folder: Path, number: int, n_jobs: int, seed: int) -> Outcome:
    """Send several signals at random moments, from the first line of the script on."""
    dataset = prepare(folder)

    def attempt(which: int) -> tuple[int, str]:
        rng = random.Random(f"{seed} {which}")
        place = folder / f"storm{which}"
        program = [*command(dataset, place, n_epochs=10**6), "--quiet"]
        process = subprocess.Popen(program, stdout=-1, stderr=-1, text=True, preexec_fn=_usual)
        _wait_for_own_code(process.pid)
        time.sleep(rng.uniform(0, 5) ** 2 / 5)
        n_signals = rng.randrange(1, 4)
        for _ in range(n_signals):
            process.send_signal(signal.SIGINT)
            time.sleep(rng.choice([0, 0, 0.0005, 0.01]))
        _, err = process.communicate(timeout=120)
        shutil.rmtree(place)
        if process.returncode == 130 and err.count("\n") == 1:
            return n_signals, ""
        return n_signals, f"storm {which}: status {process.returncode}, said {err[-300:]!r}"

    return _in_parallel(attempt, number, n_jobs)


def _usual() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it


def _wait_for_own_code(process: int) -> None:
    """Wait for the script's own handler; before that, Python's own start would be interrupted."""
    for _ in range(10_000):
        status = Path(f"/proc/{process}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        stack = Path(f"/proc/{process}/maps").read_text()
        if caught >> (signal.SIGINT - 1) & 1 and "numpy" in stack:
            return
        time.sleep(0.001)


def double(folder: Path, number: int, n_jobs: int, seed: int) -> Outcome:
    """Start two programs on the same files: one trains, the other is refused and names it."""
    dataset = prepare(folder)

    def attempt(which: int) -> tuple[int, str]:
        place = folder / f"double{which}"
        program = [*command(dataset, place, n_epochs=10**6), "--quiet"]
        pair = [subprocess.Popen(program, stdout=-1, stderr=-1, text=True) for _ in range(2)]
        while all(process.poll() is None for process in pair):
            time.sleep(0.05)
        refused = next(process for process in pair if process.poll() is not None)
        other = next(process for process in pair if process is not refused)
        err = refused.communicate()[1]
        other.kill()
        other.communicate()
        shutil.rmtree(place)
        is_named = refused.returncode == 1 and "writes it" in err and err.count("\n") == 1
        return 1, "" if is_named else f"pair {which}: status {refused.returncode}, {err[-300:]!r}"

    return _in_parallel(attempt, number, n_jobs)


def fill(folder: Path, number: int, n_jobs: int, seed: int) -> Outcome:
    """Train on a disk that fills up at some stage; the previous file stays, and is named."""
    dataset = prepare(folder)
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        return Outcome(0, 0, [])  # not permitted here
    try:

        def attempt(which: int) -> tuple[int, str]:
            rng = random.Random(f"{seed} {which}")
            place = disk / f"fill{which}"
            program = [*command(dataset, place, n_epochs=20), "--quiet"]
            (place / "save").write_bytes(b"before")
            (disk / "ballast").write_bytes(bytes(rng.randrange(0, 1 << 20, 4096)))
            done = subprocess.run(program, capture_output=True, text=True)
            saved = (place / "save").read_bytes()
            shutil.rmtree(place)
            if done.returncode == 0 or (
                done.returncode == 1 and str(place) in done.stderr and saved[:1] in (b"b", b"\x80")
            ):
                return 1, "" if "Traceback" not in done.stderr else f"disk {which}: a traceback"
            return 1, f"disk {which}: status {done.returncode}, {done.stderr[-300:]!r}"

        return _in_parallel(attempt, number, n_jobs=1)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _in_parallel(attempt: Callable[[int], tuple[int, str]], number: int, n_jobs: int) -> Outcome:
    with ThreadPoolExecutor(n_jobs or os.cpu_count()) as pool:
        outcomes = list(pool.map(attempt, range(number)))
    failures = [failure for _, failure in outcomes if failure]
    return Outcome(number, sum(n for n, _ in outcomes), failures)
