#!/usr/bin/env python
"""Compare the start, speed and memory of this project with those of its peers, on the same loop.

Every peer trains the same model on the same data from the same initial values,
in its own process and environment (created by setup_peers.sh), and has to reach
the same validation errors, epoch by epoch. Runs of the peers alternate; each is
reported as it ends, and kept in the ``--json`` file. The table, printed even after
Ctrl-C, has medians, and ratios to this project.
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials.checks import require_integer
from dltutorials.cli import console
from dltutorials.datasets import find_dataset, list_files
from dltutorials.exceptions import DLTutorialsError, OptionError
from dltutorials.io.in_use import FilesInUse
from dltutorials.io.targets import check_output
from dltutorials.selection.scripts import load_script

from figures import ALL_SIZES, OURS, Figures
from machine import describe_machine
from stored_results import describe_run

FOLDER = Path(__file__).resolve().with_name("peers")
# The peers by name: the script in the folder peers, and its variant.
SCRIPTS = {
    OURS: ("with_dltutorials.py", ""),
    "dltutorials-pytensor": ("with_dltutorials.py", ""),
    "blas": ("with_blas.py", ""),
    "numpy": ("with_numpy.py", ""),
    "theano": ("with_theano.py", ""),
    "pytensor": ("with_theano.py", "pytensor"),
    "torch": ("with_torch.py", ""),
    "torch-compiled": ("with_torch.py", "compiled"),
    "jax": ("with_jax.py", ""),
    "jax-scan": ("with_jax.py", "scan"),
    "sklearn": ("with_sklearn.py", ""),
}
IN_OUR_ENVIRONMENT = (OURS, "blas", "numpy")
N_EPOCHS = {"logreg": 20, "mlp": 3, "lenet": 3, "da": 3}
N_TRAIN = {"lenet": 5_000, "da": 10_000}  # of the training set; all by default
LIBRARIES = (OURS, "dltutorials-pytensor", "torch", "torch-compiled", "jax", "jax-scan")
# A model that is not here has all peers; one of a later chapter must be written for each.
PEERS_OF = {"lenet": LIBRARIES, "da": (*LIBRARIES, "numpy")}
SIZE = {"n_in": 784, "n_out": 10, "times_data": 1}
GROWTH = {
    "batch_size": (1, 20, 600, 5000),
    "times_data": (1, 2, 4, 8),
    "n_in": (784, 1568, 3136),
    "n_out": (10, 100, 1000),
}


class Peer(NamedTuple):
    """A peer and the Python that runs it."""

    name: str
    python: str


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--benchmark", choices=list(N_EPOCHS), default="logreg", help="default: %(default)s")
    add(
        *("--peer", "-p"),
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="a peer and the Python that has it; names: "
        + ", ".join(name for name in SCRIPTS if name not in IN_OUR_ENVIRONMENT),
    )
    add("--runs", type=int, default=5, metavar="N", help="runs of each; default: %(default)s")
    add("--n-epochs", type=int, metavar="N", help="epochs of a run; default: the benchmark's own")
    add("--n-train", type=int, metavar="N", help="examples; default: the benchmark's own")
    add("--batch-size", type=int, metavar="N", help="default: the benchmark's own")
    add("--floatX", choices=["float32", "float64"], default="float32", help="default: %(default)s")
    add("--dataset", metavar="FILE", help="default: the project's MNIST")
    add("--growth", action="store_true", help="the cost as batch, data and model grow instead")
    add("--json", metavar="FILE", help="file for all figures")
    return console.run(benchmark, parser, argv)


def chapter_settings(name: str) -> dict[str, Any]:
    """Return the settings of a chapter's own script."""
    parser = load_script(f"train_{name}").make_parser()
    chosen = {option: parser.get_default(option) for option in ("learning_rate", "batch_size")}
    chosen.update(L2_reg=parser.get_default("L2_reg") or 0.0, n_epochs=N_EPOCHS[name])
    return {**chosen, "n_train": N_TRAIN[name]} if name in N_TRAIN else chosen


def benchmark(options: argparse.Namespace) -> int:
    """Measure and print."""
    require_integer("runs", options.runs, at_least=1)
    check_output_file(options)
    settings = {**chapter_settings(options.benchmark), **SIZE, "model": options.benchmark}
    settings.update(dataset=find_dataset(options.dataset), floatX=options.floatX)
    for name in ("n_epochs", "batch_size", "n_train"):
        if getattr(options, name) is not None:
            require_integer(name, getattr(options, name), at_least=1)
            settings[name] = getattr(options, name)
    peers = choose_peers(options)
    shown = {**settings, "dataset": Path(settings["dataset"]).name}
    about = {**describe_run(), "machine": describe_machine(), "settings": shown}
    figures = Figures(about, options.json, is_growth=options.growth)
    measure = measure_growth if options.growth else measure_peers
    try:
        with tempfile.TemporaryDirectory() as name:
            measure(peers, settings, options.runs, Path(name), figures)
    finally:  # also after Ctrl-C, or when a peer fails: what there is
        for line in figures.table():
            print(line)
    return console.DONE


def choose_peers(options: argparse.Namespace) -> list[Peer]:
    """Return ours and the user's peers that have the benchmark's model."""
    if options.growth and options.benchmark in PEERS_OF:
        raise OptionError(
            f"growth: got --benchmark {options.benchmark}, expected logreg or mlp, whose sizes grow"
        )
    peers = [Peer(name, sys.executable) for name in IN_OUR_ENVIRONMENT]
    peers += [parse_peer(text) for text in options.peer]
    for peer in peers:
        if not has_model(peer, options.benchmark):
            print(f"{peer.name}: left out, has no {options.benchmark}", file=sys.stderr)
    return [peer for peer in peers if has_model(peer, options.benchmark)]


def has_model(peer: Peer, name: str) -> bool:
    """Return whether a peer has this benchmark's model."""
    return name in N_EPOCHS and peer.name in PEERS_OF.get(name, SCRIPTS)


def check_output_file(options: argparse.Namespace) -> None:
    """Refuse a file for the figures that cannot be written, or is the data set."""
    if options.json is not None:
        files = FilesInUse()
        files.read("--dataset", *list_files(find_dataset(options.dataset)))
        check_output(options.json)
        files.write("--json", options.json)


def measure_peers(
    peers: list[Peer], settings: dict, n_runs: int, folder: Path, figures: Figures
) -> None:
    """Run every peer with an empty cache, then `n_runs` times with a filled one."""
    # The user's first: if such a Python lacks a package, that is found out at once.
    for peer in reversed(peers):
        figures.add(ALL_SIZES, peer.name, run_peer(peer, settings, folder))
    for _ in range(n_runs):
        for peer in peers:
            figures.add(ALL_SIZES, peer.name, run_peer(peer, settings, folder))


def measure_growth(
    peers: list[Peer], settings: dict, n_runs: int, folder: Path, figures: Figures
) -> None:
    """Measure a training epoch while one size grows at a time."""
    settings = {**settings, "n_epochs": 3}
    for name, sizes in GROWTH.items():
        for size in sizes:
            for _ in range(n_runs):
                for peer in peers:
                    report = run_peer(peer, {**settings, name: size}, folder)
                    figures.add(f"{name} {size}", peer.name, report)


def run_peer(peer: Peer, settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run a peer in a separate process; return its report."""
    script, variant = SCRIPTS[peer.name]
    command = [peer.python, str(FOLDER / script), "--variant", variant]
    for name, value in settings.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    cache = folder / peer.name
    own = "blas.ldflags=," if peer.name == "theano" else ""  # stock Theano finds no BLAS
    changes = {
        "THEANO_FLAGS": f"{os.environ.get('THEANO_FLAGS', '')},{own}base_compiledir={cache}",
        "PYTENSOR_FLAGS": f"base_compiledir={cache}",
        "NUMBA_CACHE_DIR": str(cache),
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
    }
    try:
        result = subprocess.run(
            [*command, "--started", repr(time.time())],
            env={**os.environ, **changes},
            capture_output=True,
            text=True,
        )
    except OSError as error:
        raise DLTutorialsError(f"peer {peer.name}: {peer.python}: {error.strerror}") from None
    try:
        report = json.loads(result.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (result.stderr.strip() or "it printed no report").splitlines()[-1]
        status = f"exit status {result.returncode}"
        raise DLTutorialsError(f"peer {peer.name} failed, {status}: {last[:300]}") from None
    return report


def parse_peer(text: str) -> Peer:
    """Return the peer that an option names."""
    name, separator, python = text.partition("=")
    if not separator or not python or name not in SCRIPTS:
        names = ", ".join(SCRIPTS)
        raise OptionError(f"peer: got {text!r}, expected NAME=PYTHON with one of the names {names}")
    return Peer(name, os.path.expanduser(python))


if __name__ == "__main__":
    sys.exit(main())
