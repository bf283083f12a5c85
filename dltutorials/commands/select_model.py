"""Choose between models by their validation errors: train a whole grid, from several seeds."""

import argparse
import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.backend import set_floatX
from dltutorials.checks import require_integer
from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.options import check_files, check_numbers
from dltutorials.cli.signals import exit_status
from dltutorials.datasets import find_dataset, list_files
from dltutorials.exceptions import OptionError
from dltutorials.io.files import make_folder, prepare_output
from dltutorials.io.in_use import FilesInUse
from dltutorials.io.locks import hold_output
from dltutorials.loss import Loss
from dltutorials.selection.comparison import Outcome, compare
from dltutorials.selection.grid import Run, make_runs
from dltutorials.selection.parallel import run_jobs
from dltutorials.selection.records import Job, RunRecord, load_record
from dltutorials.selection.runs import describe_run
from dltutorials.selection.scripts import find_script, list_scripts, load_script
from dltutorials.selection.shared_data import share_data


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    others = arguments[end + 1 :]
    return console.run(
        lambda options: select_model(options, others), make_parser(), arguments[:end]
    )


def make_parser() -> console.Parser:
    """Return the parser of the script's options."""
    parser = console.Parser(
        description=__doc__,
        usage="%(prog)s SCRIPT --grid NAME=VALUE,... [options] [-- options of SCRIPT]",
        epilog="The results stay in the folder: what is finished there is not repeated.",
    )
    text = f"{', '.join(list_scripts())}, or the path of one like them"
    parser.add_argument("script", metavar="SCRIPT", help=text)
    add = functools.partial(add_option, parser)
    text = "values of an option of SCRIPT to combine with those of every other --grid"
    add("--grid", "NAME=VALUE,VALUE...", [], text, action="append")
    add("--seeds", "N", None, "seeds for each configuration; default: one")
    add("--jobs", "N", None, "training runs at a time; default: 1")
    add("--dask", "ADDRESS", None, "scheduler of a cluster that does the work")
    add("--results", "FOLDER", "runs", "where records and parameters are kept")
    add("--format", ["table", "json"], "table", "of the comparison")
    add("--quiet", None, False, "print the result and errors only")
    return parser


def select_model(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Carry out the runs that are not finished yet, and print the comparison."""
    if options.jobs is not None and options.dask is not None:
        raise OptionError("jobs: got it together with --dask; the cluster's workers decide")
    n_processes = 1 if options.jobs is None else options.jobs
    require_integer("jobs", n_processes, at_least=1)
    script = find_script(options.script)
    runs = make_runs(load_script(script).make_parser(), options.grid, arguments, options.seeds)
    if len(runs) == 1 and not options.grid:
        raise OptionError("grid: got none; give --grid NAME=VALUE,VALUE..., or --seeds N")
    for run in runs:
        check_numbers(argparse.Namespace(**run.options))
    jobs = make_jobs(script, runs, options.results)
    records: dict[str, RunRecord] = {}
    for job in jobs:
        finished = load_record(job)
        if finished is not None:
            records[job.key] = finished
    progress = Progress(jobs, runs, options.quiet)
    if records:
        count = f"{len(records)} of {len(jobs)} runs are finished already"
        progress.print_message(f"{count} in {options.results}")
    waiting = [job for job in jobs if job.key not in records]
    try:
        for record in run_jobs(waiting, n_processes, options.dask) if waiting else ():
            records[record["key"]] = record
            progress.report(record, len(records))
    except KeyboardInterrupt as interrupt:
        console.print_message(
            f"interrupted; {len(records)} of {len(jobs)} runs are finished in {options.results}; "
            "the same command continues with the others"
        )
        return exit_status(interrupt)
    return report([(run, records[job.key]) for run, job in zip(runs, jobs)], options)


def make_jobs(script: str, runs: Sequence[Run], folder: str) -> list[Job]:
    """Return the job of each run, with the data in a file that all jobs can share."""
    make_folder(folder)
    hold_output(folder)
    files = FilesInUse()
    dataset = find_dataset(runs[0].options["dataset"], runs[0].options["offline"])
    files.read("--dataset", *list_files(dataset))
    files.read("SCRIPT", load_script(script).__file__)
    shared: dict[str, Any] = {}
    jobs = []
    for run in runs:
        options = argparse.Namespace(**{**run.options, "quiet": True})
        options.floatX = set_floatX(options.floatX)
        if options.floatX not in shared:
            in_chunks = options.chunk_size is not None
            shuffled = all(run.options.get("shuffle") is not None for run in runs)
            how = options.offline, in_chunks, shuffled
            shared[options.floatX] = share_data(options.dataset, options.floatX, folder, *how)
        options.dataset = shared[options.floatX].path
        marks = describe_run(script, options, shared[options.floatX].digest)
        job = Job(script, vars(options), marks, str(Path(folder).resolve()))
        options.save = str(job.params_path)
        files.write("--results", job.record_path)
        files.write("--results", job.params_path)
        check_files(options)
        prepare_output(options.save)
        jobs.append(job)
    return jobs


class Progress:
    """Reports how each run ended, without its test error."""

    def __init__(self, jobs: Sequence[Job], runs: Sequence[Run], quiet: bool) -> None:
        self.names = {job.key: run.name for job, run in zip(jobs, runs)}
        self.quiet = quiet

    def report(self, record: RunRecord, n_finished: int) -> None:
        """Print one line about a run."""
        outcome = f"failed: {record['failure']}"
        if record["failure"] is None:
            loss = Loss(**record["loss"])
            value = f"validation {loss.name} {loss.format(record['best_validation_loss'])}"
            outcome = f"{value}, {record['message']}, {record['seconds']:.1f} s"
        name = self.names[record["key"]]
        self.print_message(f"{n_finished}/{len(self.names)} {name}: {outcome}")

    def print_message(self, message: str) -> None:
        """Print a message, unless --quiet is given."""
        if not self.quiet:
            console.print_message(message)


def report(outcomes: Sequence[Outcome], options: argparse.Namespace) -> int:
    """Print the comparison; return the exit status."""
    comparison = compare(outcomes)
    if options.format == "json":
        console.print_results([json.dumps(comparison.as_json(), indent=1)])
    else:
        console.print_results(comparison.lines())
    if comparison.best is None:
        return console.fail("error: all runs failed", console.FAILED)
    if not options.quiet:
        path = Path(options.results, f"{comparison.best[1]['key']}.pkl")
        console.print_message(f"the parameters of the best run are in {path}")
    return console.DONE
