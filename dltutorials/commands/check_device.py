"""Report the device, whether the data fit on it, and how fast an epoch is.

``THEANO_FLAGS`` chooses the device, as for every script: THEANO_FLAGS=device=cuda.
"""

import argparse
import math
import shutil
import subprocess
import time
from collections.abc import Sequence

from dltutorials import backend
from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.datasets import FILE_NAME
from dltutorials.loading import SharedDatasets, load_data
from dltutorials.models.logistic import LogisticRegression
from dltutorials.training.compile import compile_task
from dltutorials.updates import sgd

import theano
import theano.tensor as T

_BATCH_SIZE = 600  # the tutorial's


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(check_device, make_parser(), argv)


def make_parser() -> console.Parser:
    """Return the parser of the command's options."""
    parser = console.Parser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_option(parser, "--dataset", "FILE", FILE_NAME, "data set")
    return parser


def check_device(options: argparse.Namespace) -> int:
    """Print what is known about the backend, the device, the data and the time of an epoch."""
    backend.set_floatX()
    console.print_results([f"backend: {backend.describe_backend()}", *_describe_device()])
    datasets = load_data(options.dataset)
    console.print_results([_describe_data(datasets), _time_an_epoch(datasets)])
    return console.DONE


def _describe_device() -> list[str]:
    if not backend.uses_jax():
        return ["device: cpu, where the data are already; THEANO_FLAGS=device=cuda selects a GPU"]
    there, back = backend.bandwidths()
    lines = [
        f"device: {theano.config.device}, {theano.device_name}",
        f"bandwidth: {there / 1e9:.1f} GB/s to the device, {back / 1e9:.1f} GB/s back",
    ]
    free = backend.free_memory()
    if free is not None:
        lines.append(f"memory: {free / 1e6:,.0f} MB free")
    driver = _ask_for_the_driver()
    return [*lines, f"driver: {driver}"] if driver else lines


def _ask_for_the_driver() -> str:
    if not shutil.which("nvidia-smi"):
        return ""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return "; ".join(answer.stdout.splitlines()) if answer.returncode == 0 else ""


def _describe_data(datasets: SharedDatasets) -> str:
    """Describe the size of the data; since they are loaded, they fit."""
    rows = [column for data in datasets for column in data.rows]
    n_bytes = sum(math.prod(column.shape) * column.dtype.itemsize for column in rows)
    return f"data: {n_bytes / 1e6:,.0f} MB of {theano.config.floatX}, which fit"


def _time_an_epoch(datasets: SharedDatasets) -> str:
    """Train for two epochs, the first of which compiles, and time the second."""
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, datasets.n_in, datasets.n_out)
    cost = model.negative_log_likelihood(y)
    batch_size = min(_BATCH_SIZE, *(data.n_examples for data in datasets))
    updates, errors = sgd(cost, model.params, 0.1), model.errors(y)
    task = compile_task(x, y, cost, updates, errors, model.params, datasets, batch_size)
    for _ in range(2):
        n_before, start = backend.n_transfers(), time.perf_counter()
        costs = [task.train_minibatch(index) for index in range(task.n_train_batches)]
        backend.fetch(costs)
        seconds, n_transfers = time.perf_counter() - start, backend.n_transfers() - n_before
    return (
        f"epoch: {seconds:.3f} s for {task.n_train_batches} minibatches of {batch_size} "
        f"(logistic regression), {n_transfers} transfers to the device"
    )
