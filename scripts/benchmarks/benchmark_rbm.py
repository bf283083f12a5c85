#!/usr/bin/env python
"""Compare a training step of the restricted Boltzmann machine with NumPy, PyTorch and scan.

Every library takes the same steps on the same images, each in its own process; runs alternate.
Processor time is measured, with one thread, so that a busy machine matters little. The
pseudo-likelihoods have to agree within 5 %, since random numbers differ.
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
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials import load_mnist
from dltutorials.checks import require_integer
from dltutorials.cli import console
from dltutorials.exceptions import DLTutorialsError
from dltutorials.io.files import durable_writer
from dltutorials.io.targets import check_output

import numpy
from machine import describe_machine
from stored_results import describe_run, make_table

PEER = Path(__file__).resolve().with_name("peers") / "with_rbm_steps.py"
N_IMAGES = 2000
TOLERANCE = 0.05
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
HEAD = ["library", "processor time of a step", "against ours", "pseudo-likelihood"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(description=__doc__.splitlines()[0])
    for name in ("torch", "dltutorials-pytensor"):
        parser.add_argument(f"--{name}", metavar="PYTHON", help="a Python that has it")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument("--json", metavar="FILE", help="file for the figures")
    return console.run(benchmark, parser, argv)


def benchmark(options: argparse.Namespace) -> int:
    """Measure and print."""
    require_integer("runs", options.runs, at_least=1)
    if options.json is not None:
        check_output(options.json)
    pythons = dict.fromkeys(("dltutorials", "dltutorials-scan", "numpy"), sys.executable)
    pythons["dltutorials-pytensor"], pythons["torch"] = options.dltutorials_pytensor, options.torch
    reports: dict[str, list[dict]] = {name: [] for name, python in pythons.items() if python}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "images.npy")
        numpy.save(images, load_mnist()[0][0][:N_IMAGES])
        for _ in range(options.runs):
            for name, runs in reports.items():
                runs.append(run_peer(name, str(pythons[name]), images))
                print(name, runs[-1], file=sys.stderr, flush=True)
    result = {**describe_run(), "machine": describe_machine(), "head": HEAD, "rows": rows(reports)}
    if options.json is not None:
        with durable_writer(options.json) as file:
            file.write(json.dumps(result, indent=1).encode() + b"\n")
    console.print_results(make_table(result))
    return console.DONE


def run_peer(name: str, python: str, images: Path) -> dict[str, Any]:
    """Run a library in a process of its own; return its report."""
    command, env = [python, str(PEER), name, str(images)], {**os.environ, **ONE_THREAD}
    try:
        result = subprocess.run(command, env=env, capture_output=True, text=True)
        report: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    except OSError as error:
        raise DLTutorialsError(f"{name}: {python}: {error.strerror}") from None
    except (IndexError, ValueError):
        last = (result.stderr.strip() or "it printed no report").splitlines()[-1]
        raise DLTutorialsError(f"{name} failed: {last[:300]}") from None
    return report


def rows(reports: dict[str, list[dict]]) -> list[list[str]]:
    """Return the rows of the table: medians over all epochs but the first of each run.

    Raises
    ------
    DLTutorialsError
        If a pseudo-likelihood differs too much from ours.
    """
    ours = reports["dltutorials"]
    step = median_of(ours)
    table = []
    for name, runs in reports.items():
        expected, reached = (each[0]["pseudo_likelihood"] for each in (ours, runs))
        if abs(reached / expected - 1) > TOLERANCE:
            raise DLTutorialsError(f"{name}: pseudo-likelihood {reached:.2f}, ours {expected:.2f}")
        seconds = median_of(runs)
        versions = ", ".join(map(" ".join, runs[0]["versions"].items()))
        cells = [f"{seconds * 1e3:.1f} ms", f"{seconds / step:.2f} x", f"{reached:.1f}"]
        table.append([f"{name} ({versions})", *cells])
    return table


def median_of(runs: list[dict]) -> float:
    """Return the median processor time of a step, over all epochs of all runs."""
    return statistics.median(seconds for run in runs for seconds in run["seconds"])


if __name__ == "__main__":
    sys.exit(main())
