#!/usr/bin/env python
"""Measure how fast every chapter trains on the device of THEANO_FLAGS, at several batch sizes.

Each chapter's own script runs for a while and is stopped as by ``kill``. Its history gives the
epochs a second, validation included, compilation before the first validation excluded. Each
figure is printed and written to the ``--json`` file as it comes, so that a time limit loses only
the later ones. Peers train the first chapters' models on the same machine.
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import contextlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dltutorials import backend
from dltutorials.__main__ import find_commands
from dltutorials.checks import require_integer
from dltutorials.cli import console
from dltutorials.datasets import find_dataset
from dltutorials.exceptions import DLTutorialsError
from dltutorials.io.files import durable_writer
from dltutorials.selection.scripts import load_script
from dltutorials.training.history import read_history

import benchmark as peers

SCRIPTS = Path(__file__).resolve().parents[1]
CHAPTERS = [name.removeprefix("train-") for name in find_commands() if name.startswith("train-")]
LARGER = (600, 5000)
N_EPOCHS_OF_PEERS = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--chapter", action="append", choices=CHAPTERS, help="default: all of them")
    add("--seconds", type=int, default=30, metavar="N", help="of each run; default: %(default)s")
    add("--batch-size", type=int, action="append", metavar="N", help="default: several")
    add("--dataset", metavar="FILE", help="default: the project's MNIST")
    add("--peer", action="append", default=[], metavar="NAME=PYTHON", help="as for benchmark.py")
    add("--json", metavar="FILE", help="file for all figures")
    return console.run(measure, parser, argv)


def measure(options: argparse.Namespace) -> int:
    """Print and write each figure as it comes."""
    require_integer("seconds", options.seconds, at_least=1)
    backend.set_floatX()
    peers.check_output_file(options)
    options.dataset = str(find_dataset(options.dataset))
    others = [peers.parse_peer(text) for text in options.peer]
    result: dict[str, Any] = {"machine": peers.describe_machine(), "figures": []}
    result["backend"] = backend.describe_backend()
    print(f"{result['backend']}; {result['machine']}\n")
    print("| chapter | batch size | who | epochs a second |\n|---|---|---|---|", flush=True)
    for figure in figures(options, others):
        result["figures"].append(figure)
        cells = [figure[name] for name in ("chapter", "batch_size", "who", "found")]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        if options.json:
            with durable_writer(options.json) as file:
                file.write(json.dumps(result, indent=1).encode() + b"\n")
    return console.DONE


def figures(options: argparse.Namespace, others: Sequence[peers.Peer]) -> Iterator[dict[str, Any]]:
    """Measure: each chapter, each batch size, ours and then the peers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for chapter in options.chapter or CHAPTERS:
            own = load_script(f"train_{chapter}").make_parser().get_default("batch_size")
            sizes = options.batch_size or [own, *(size for size in LARGER if size > own)]
            for batch_size in sizes:
                about = {"chapter": chapter, "batch_size": batch_size}
                yield {**about, "who": peers.OURS, **run_ours(about, options, folder)}
                for peer in (each for each in others if peers.has_model(each, chapter)):
                    yield {**about, "who": peer.name, **run_peer(peer, about, options, folder)}


def run_ours(about: dict[str, Any], options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the chapter's script until its time is up; return the figures from its history."""
    history = folder / "history.jsonl"
    history.unlink(missing_ok=True)
    command = [sys.executable, str(SCRIPTS / f"train_{about['chapter']}.py"), "--quiet"]
    command += ["--dataset", options.dataset, "--batch-size", str(about["batch_size"])]
    command += ["--save", str(folder / "best.pkl"), "--history", str(history)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(options.seconds)
            process.terminate()  # it ends after the current step
            process.wait()
        finally:  # also after Ctrl-C
            process.kill()
            process.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    header, records = read_history(history) if history.exists() else ({}, [])
    phase = [record for record in records if record.get("phase") == records[0].get("phase")]
    if process.returncode not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
        reason = said[-1] if said else f"exit status {process.returncode}"
        return {"epochs_a_second": None, "found": reason}
    if len(phase) < 2:
        return {"epochs_a_second": None, "found": f"none in {options.seconds} s"}
    first, last = phase[0], phase[-1]
    steps = (last["iteration"] - first["iteration"]) / (last["seconds"] - first["seconds"])
    return _rate(steps / header["n_train_batches"])


def run_peer(
    peer: peers.Peer, about: dict[str, Any], options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Run a peer for a few epochs, the first of which compiles."""
    settings = {**peers.chapter_settings(about["chapter"]), **peers.SIZE, "floatX": "float32"}
    settings.update(model=about["chapter"], batch_size=about["batch_size"])
    settings.pop("n_train", None)  # as ours: all examples
    settings.update(dataset=options.dataset, n_epochs=N_EPOCHS_OF_PEERS)
    try:
        report = peers.run_peer(peer, settings, folder)
    except DLTutorialsError as error:
        return {"epochs_a_second": None, "found": str(error)}
    return _rate(1 / statistics.median(map(sum, report["seconds"][1:])))


def _rate(epochs_a_second: float) -> dict[str, Any]:
    return {"epochs_a_second": epochs_a_second, "found": f"{epochs_a_second:.3g}"}


if __name__ == "__main__":
    sys.exit(main())
