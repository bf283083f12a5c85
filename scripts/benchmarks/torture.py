#!/usr/bin/env python
"""Kill training runs, damage files, and check that nothing is lost and no code is executed.

The trials are in torture_programs.py and torture_files.py. ``--results`` keeps the rows of one
call. Those of several, each with its commit, are collected in docs/results/torture.json, from
which ``stored_results.py`` makes the table of docs/robustness.md.
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dltutorials.cli import console
from dltutorials.io.files import durable_writer

import torture_files
import torture_programs
from stored_results import describe_run

# Trials with programs: the option, its default, and the row of the table.
PROGRAMS = {
    "kill": (200, "training runs with all options, killed with SIGKILL, resumed to the same bytes"),
    "storm": (50, "training runs that got up to three Ctrl-C, ended with one line and 130"),
    "double": (20, "pairs of programs on the same files, of which one was refused"),
    "fill": (20, "training runs on a disk of 1 MiB that was full, which lost nothing"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    for name, (default, row) in PROGRAMS.items():
        add(f"--{name}s", type=int, default=default, metavar="N", help=f"{row}; %(default)s")
    add("--files", type=int, default=100_000, metavar="N", help="damaged files; %(default)s")
    add("--jobs", type=int, default=2, metavar="N", help="programs at once; default: %(default)s")
    add("--seed", type=int, default=0, metavar="N", help="of all random choices")
    add("--machine", default="unknown", metavar="TEXT", help="what the results say of it")
    add("--results", metavar="FILE", help="JSON to write")
    return console.run(torture, parser, argv)


def torture(options: argparse.Namespace) -> int:
    """Run the trials that the options ask for, and report."""
    rows: list[list[str]] = []
    failures: list[str] = []
    for name, (_, row) in PROGRAMS.items():
        number = getattr(options, f"{name}s")
        if number:
            with tempfile.TemporaryDirectory() as folder:
                outcome = getattr(torture_programs, name)(
                    Path(folder), number, options.jobs, options.seed
                )
            failures += outcome.failures
            n_right = outcome.n_tried - len(outcome.failures)
            rows.append([row, f"{n_right:,} of {outcome.n_tried:,}, {outcome.n_signals:,} times"])
            print(": ".join(rows[-1]), flush=True)
    if options.files:
        with tempfile.TemporaryDirectory() as folder:
            figures = torture_files.damage_files(Path(folder), options.files, options.seed)
        print(figures, flush=True)
        failures += figures.failures
        rows += figures.rows()
    for failure in failures:
        console.print_message(failure)
    if options.results:
        result = {**describe_run(), "machine": options.machine, "head": ["what", "figure"]}
        with durable_writer(options.results) as file:
            file.write(json.dumps({**result, "rows": rows}, indent=1).encode() + b"\n")
    return console.FAILED if failures else console.DONE


if __name__ == "__main__":
    sys.exit(main())
