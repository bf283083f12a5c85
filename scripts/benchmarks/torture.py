#!/usr/bin/env python
"""Kill training runs, damage files, and check that nothing is lost and no code is executed.

The trials are in torture_kills.py, torture_programs.py and torture_files.py. Each has a number,
which with ``--seed`` determines its random choices. ``--results`` adds what is found to a file,
as it is found: after Ctrl-C, the same command goes on until the file has as many trials as it
says. ``stored_results.py`` makes the table of docs/robustness.md from docs/results/torture.json.
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from dltutorials.checks import require_integer
from dltutorials.cli import console

import torture_files
import torture_kills
import torture_programs
from torture_results import LABELS, Outcome, Results

# The trials by name: what does some of them, how many at a time, and the default of all.
TRIALS = {
    "files": (torture_files.damage_files, 1_000, 100_000),
    "kills": (torture_kills.kill, 5, 200),
    "storms": (torture_programs.storm, 1, 50),
    "doubles": (torture_programs.double, 1, 20),
    "fills": (torture_programs.fill, 1, 20),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    for name, (_, _, default) in TRIALS.items():
        add(f"--{name}", type=int, default=default, metavar="N", help=f"%(default)s {LABELS[name]}")
    add("--first", type=int, default=0, metavar="N", help="number of the first trial without FILE")
    add("--jobs", type=int, default=2, metavar="N", help="programs at once; default: %(default)s")
    add("--seed", type=int, default=0, metavar="N", help="of all random choices")
    add("--results", metavar="FILE", help="JSON to add to")
    return console.run(torture, parser, argv)


def torture(options: argparse.Namespace) -> int:
    """Run the trials that the options ask for, and report."""
    for name in (*TRIALS, "first"):
        require_integer(name, getattr(options, name), at_least=0)
    require_integer("jobs", options.jobs, at_least=1)
    results = Results(options.results)
    has_failed = False
    for name, outcome in _outcomes(options, results):
        for failure in outcome.failures:
            console.print_message(failure)
            has_failed = True
        if not outcome.n_tried + outcome.n_failed:
            console.print_message(f"{name}: skipped; they are not permitted here")
        results.add(name, outcome)
    for row in results.rows():
        print(": ".join(row))
    return console.FAILED if has_failed else console.DONE


def _outcomes(options: argparse.Namespace, results: Results) -> Iterator[tuple[str, Outcome]]:
    """Yield what each few trials have found; all kinds advance at the same rate."""
    begun = {name: results.count(name) for name in TRIALS}
    first = 0 if options.results else options.first
    running: dict[Future[Outcome], tuple[str, range]] = {}
    with tempfile.TemporaryDirectory() as folder, _workers(options.jobs) as pool:
        while True:
            waiting = {name for name in TRIALS if begun[name] < getattr(options, name)}
            if waiting and len(running) < options.jobs:
                name = min(waiting, key=lambda name: begun[name] / getattr(options, name))
                trial, n_at_once, _ = TRIALS[name]
                n = min(n_at_once, getattr(options, name) - begun[name])
                numbers = range(first + begun[name], first + begun[name] + n)
                running[pool.submit(trial, Path(folder), options.seed, numbers)] = name, numbers
                begun[name] += n
                continue
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, numbers = running.pop(future)
                try:
                    yield name, future.result()
                except BrokenProcessPool:
                    failure = f"{name} {numbers[0]} to {numbers[-1]}: the process died"
                    yield name, Outcome(n_failed=1, failures=(failure,))
                    return


def _workers(n_jobs: int) -> ProcessPoolExecutor:
    """Return new processes for the trials, which fork, and count the memory that they take."""
    ignore = (signal.SIGINT, signal.SIG_IGN)  # the trials in progress are finished
    return ProcessPoolExecutor(n_jobs, get_context("spawn"), signal.signal, ignore)


if __name__ == "__main__":
    sys.exit(main())
