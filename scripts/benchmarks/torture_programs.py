"""Training programs that are interrupted, doubled or left without disk space.

Every failure has to end as documented: a signal gives one line and its exit status, the second of
two programs is refused, and a full disk leaves the previous files.
"""

import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dltutorials.exceptions import DataError
from dltutorials.training.checkpoint import load_state
from dltutorials.training.history import read_history
from dltutorials.training.parameters import read_params

from torture_kills import PROGRAMS, SIZE, WEIGHTS, prepare
from torture_results import Outcome

SCRIPTS = Path(__file__).resolve().parents[1]
FILES = ("save", "checkpoint", "history", "snapshots")
FOR_EVER = ["--n-epochs", "1000000"]
SECONDS_TO_END = 120
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def command(folder: Path, place: Path, rng: random.Random) -> list[str]:
    """Return a training run that keeps its files in a folder."""
    place.mkdir(exist_ok=True)
    program = rng.choices(list(PROGRAMS), WEIGHTS)[0]
    words = [sys.executable, str(SCRIPTS / f"{program}.py"), "--dataset", str(prepare(folder))]
    files = [word for name in FILES for word in (f"--{name}", str(place / name))]
    return [*words, *SIZE, *PROGRAMS[program], "--quiet", *files]


def _try_each(
    attempt: Callable[[Path, random.Random], tuple[int, str]],
    folder: Path,
    seed: int,
    numbers: Sequence[int],
) -> Outcome:
    outcome = Outcome()
    for number in numbers:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            try:
                n_signals, error = attempt(Path(place), random.Random(f"{seed} {number}"))
            except subprocess.TimeoutExpired:
                n_signals, error = 0, f"it did not end within {SECONDS_TO_END} s"
        failures = (f"{attempt.__name__.strip('_')} {number}: {error}",) if error else ()
        outcome += Outcome(1, n_signals, n_failed=len(failures), failures=failures)
    return outcome


@contextlib.contextmanager
def _programs(words: list[str], number: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start the same program so many times; none survives the block."""
    processes = [
        subprocess.Popen(words, stdout=-1, stderr=-1, text=True, preexec_fn=_usual)
        for _ in range(number)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _usual() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it


def storm(folder: Path, seed: int, numbers: Sequence[int]) -> Outcome:
    """Send several signals at random moments, from the first line of the script on."""
    return _try_each(_storm, folder, seed, numbers)


def _storm(folder: Path, rng: random.Random) -> tuple[int, str]:
    number, n_signals = rng.choice([signal.SIGINT, signal.SIGINT, signal.SIGTERM]), 0
    with _programs([*command(folder, folder / "run", rng), *FOR_EVER], 1) as [process]:
        _wait_for_own_code(process.pid)
        time.sleep(rng.uniform(0, 5) ** 2 / 5)
        for _ in range(rng.randrange(1, 4)):
            process.send_signal(number)
            n_signals += 1
            time.sleep(rng.choice([0, 0, 0.0005, 0.01]))
        _, err = process.communicate(timeout=SECONDS_TO_END)
        if process.returncode == SIGNALS[number] and err.count("\n") == 1:
            return n_signals, ""
        return n_signals, f"{number.name}: status {process.returncode}, said {err[-300:]!r}"


def _wait_for_own_code(process: int) -> None:
    """Wait for the script's own handler; before that, Python's own start would be interrupted."""
    for _ in range(10_000):
        status = Path(f"/proc/{process}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        stack = Path(f"/proc/{process}/maps").read_text()
        if caught >> (signal.SIGINT - 1) & 1 and "numpy" in stack:
            return
        time.sleep(0.001)


def double(folder: Path, seed: int, numbers: Sequence[int]) -> Outcome:
    """Start two programs on the same files: one trains, the other is refused and names it."""
    return _try_each(_double, folder, seed, numbers)


def _double(folder: Path, rng: random.Random) -> tuple[int, str]:
    words = [*command(folder, folder / "run", rng), *FOR_EVER]
    deadline = time.monotonic() + SECONDS_TO_END
    with _programs(words, 2) as pair:
        while all(process.poll() is None for process in pair):
            if time.monotonic() > deadline:
                return 0, "neither was refused"
            time.sleep(0.05)
        refused = next(process for process in pair if process.poll() is not None)
        other = next(process for process in pair if process is not refused)
        _, err = refused.communicate()
        is_named = f"process {other.pid} " in err and err.count("\n") == 1
        if refused.returncode == 1 and is_named and other.poll() is None:
            return 0, ""
        return 0, f"status {refused.returncode}, said {err[-300:]!r}"


def fill(folder: Path, seed: int, numbers: Sequence[int]) -> Outcome:
    """Train on a disk that fills up at some stage; the previous file stays, and is named."""
    try:
        with _disk(folder / "trial"):
            pass
    except PermissionError:
        return Outcome()
    return _try_each(_fill, folder, seed, numbers)


def _fill(folder: Path, rng: random.Random) -> tuple[int, str]:
    with _disk(folder / "disk") as disk:
        place = disk / "run"
        words = command(folder, place, rng)
        (place / "save").write_bytes(b"before")
        _fill_up(disk / "ballast", n_free=rng.randrange(rng.choice([16, 64, 256])) << 10)
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_TO_END)
        fault = _find_loss(place)
        is_named = done.returncode == 0 or (done.returncode == 1 and str(place) in done.stderr)
        if fault or not is_named or "Traceback" in done.stderr:
            return 0, f"{fault} status {done.returncode}, said {done.stderr[-300:]!r}".lstrip()
        return 0, ""


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of 1 MiB in memory."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        raise PermissionError("no disk may be mounted")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill_up(path: Path, n_free: int) -> None:
    """Write a file that leaves only some bytes of the disk free."""
    with open(path, "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        file.truncate(max(0, file.tell() - n_free))


def _find_loss(place: Path) -> str:
    """Return what is wrong with the files of a run that found its disk full, or nothing."""
    readers = {"save": read_params, "checkpoint": load_state, "history": read_history}
    for path in filter(Path.is_file, place.rglob("*")):
        read = readers.get(path.name, read_params if path.suffix == ".pkl" else None)
        try:
            if path.name == "save" and path.read_bytes() == b"before":
                continue
            if read is not None and path.stat().st_size:
                read(path)
            elif path.name.endswith((".part", ".lock")):
                return f"{path.name} is left;"
        except DataError as error:
            return f"{error};"
    return "" if (place / "save").exists() else "save is lost;"
