#!/usr/bin/env python
"""Measure what the data cost: loading the standard file, and training on more than memory.

Each figure comes from separate processes that alternate, so that none helps or
hinders another; medians are printed, and ratios of neighbouring runs. The large
set consists of random floats in a temporary folder, and is deleted at the end.
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import gzip
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dltutorials
from dltutorials.cli import console
from dltutorials.datasets import loading

import numpy
import theano.tensor as T

BATCH_SIZE, N_IN, N_OUT = 600, 784, 10
ROW_BYTES = N_IN * 4
MIB = 1 << 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(description=__doc__)
    add = parser.add_argument
    add("--gigabytes", type=float, default=4.0, help="size of the large set; default: %(default)s")
    add("--chunk-size", type=int, default=10, help="minibatches of 600; default: %(default)s")
    add("--rounds", type=int, default=5, help="processes a figure; default: %(default)s")
    add("--folder", help="where to put the large set; default: the system's temporary folder")
    add("--process", nargs=3, help=argparse.SUPPRESS)  # what, file, chunk size: a measured process
    return console.run(benchmark, parser, argv)


def benchmark(options: argparse.Namespace) -> int:
    """Measure everything and print the tables; or act as one of the measured processes."""
    if options.process:
        what, file, chunk_size = options.process
        print(json.dumps(PROCESSES[what](file, int(chunk_size))))
        return console.DONE
    standard = str(loading.find_dataset())
    print("loading mnist.pkl.gz", flush=True)
    plain, ours = in_turn(["unpickle", "load_data"], standard, options)
    show("time of load_data", "of plain gzip and pickle", [ours, plain], "seconds")
    floats = sum(x.nbytes + y.size * 4 for x, y in dltutorials.load_mnist())
    peak = statistics.median(run["peak"] for run in ours)
    print(f"  its peak memory: {peak / MIB:.0f} MiB, {peak / floats:.2f} x the arrays")

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        file = os.path.join(folder, "x.f32")
        n_rows = write_large(file, options.gigabytes)
        print(f"training on {n_rows * ROW_BYTES / 1e9:.1f} GB, chunks of {options.chunk_size}")
        whole, chunked = in_turn(["train_resident", "train_chunked"], file, options)
    same = {tuple(run["params"]) for run in whole + chunked}
    print(f"  parameters after the same epochs: {'equal' if len(same) == 1 else 'DIFFERENT'}")
    show("time of an epoch in chunks", "of resident data", [chunked, whole], "seconds")
    peak = statistics.median(run["peak"] for run in chunked)
    limit = 3 * options.chunk_size * BATCH_SIZE * ROW_BYTES
    print(f"  its peak memory: {peak / MIB:.0f} MiB; three chunks are {limit / MIB:.0f} MiB")
    print(f"  that of resident data: {statistics.median(r['peak'] for r in whole) / MIB:.0f} MiB")
    return console.DONE if len(same) == 1 else console.FAILED


def in_turn(
    names: list[str], file: str, options: argparse.Namespace
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run two kinds of process alternately, and return what each printed."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            command = [sys.executable, __file__, "--process", name, file, str(options.chunk_size)]
            process = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            results[name].append(json.loads(process.stdout))
    first, second = names
    return results[first], results[second]


def show(what: str, against: str, runs: list[list[dict[str, Any]]], key: str) -> None:
    """Print the medians of two kinds of run, and the median ratio of neighbouring runs."""
    ours, theirs = ([run[key] for run in side] for side in runs)
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    medians = statistics.median(ours), statistics.median(theirs)
    print(f"  {what}: {medians[0]:.3f} s, {against}: {medians[1]:.3f} s, {ratio:.2f} x")


def write_large(file: str, gigabytes: float) -> int:
    """Write random examples, flush them to disk and evict them from memory; return how many."""
    block = numpy.random.RandomState(0).rand(20 * BATCH_SIZE, N_IN).astype("float32")
    n_blocks = max(1, round(gigabytes * 1e9 / block.nbytes))
    with open(file, "wb") as stream:
        for _ in range(n_blocks):
            stream.write(block.data)
        stream.flush()
        os.fsync(stream.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return n_blocks * len(block)


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of `work`, and its peak memory above that before the call."""
    before = memory("VmRSS")
    found = work()
    return {**found, "peak": memory("VmHWM") - before}


def memory(name: str) -> int:
    """Return a figure of this process's memory, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def unpickle(file: str, _chunk_size: int) -> dict[str, Any]:
    """Load the standard file as the chapter does."""

    def work() -> dict[str, Any]:
        start = time.perf_counter()
        with gzip.open(file, "rb") as stream:
            pickle.load(stream)
        return {"seconds": time.perf_counter() - start}

    return measured(work)


def load_data(file: str, _chunk_size: int) -> dict[str, Any]:
    """Load the standard file into shared variables."""
    dltutorials.set_floatX("float32")

    def work() -> dict[str, Any]:
        start = time.perf_counter()
        sets = dltutorials.load_data(file)
        return {"seconds": time.perf_counter() - start, "n": len(sets)}

    return measured(work)


def train_resident(file: str, _chunk_size: int) -> dict[str, Any]:
    """Train on the large set, all of it in shared variables."""
    x, y = mapped(file)
    return train(lambda: dltutorials.shared_dataset((numpy.array(x), y)))


def train_chunked(file: str, chunk_size: int) -> dict[str, Any]:
    """Train on the large set, a chunk at a time."""
    return train(lambda: dltutorials.ChunkedDataset(mapped(file), BATCH_SIZE, chunk_size))


def mapped(file: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the large set as a memory map, and labels for it."""
    x = numpy.memmap(file, "float32", "r").reshape(-1, N_IN)
    return x, (numpy.arange(len(x)) * 7919 % N_OUT).astype("int8")


def train(open_data: Callable[[], Any], n_epochs: int = 4) -> dict[str, Any]:
    """Time the epochs after the first, which also reads the file from the disk."""
    dltutorials.set_floatX("float32")
    small = (numpy.zeros((BATCH_SIZE, N_IN), "float32"), numpy.zeros(BATCH_SIZE, int))
    task_for(dltutorials.shared_dataset(small)).train_minibatch(0)  # so that Theano is set up

    def work() -> dict[str, Any]:
        task = task_for(open_data())
        seconds = []
        for _ in range(n_epochs):
            start = time.perf_counter()
            for index in range(task.n_train_batches):
                task.train_minibatch(index)
            seconds.append(time.perf_counter() - start)
        params = [float(abs(value).sum()) for value in task.get_params()]
        return {"seconds": statistics.median(seconds[1:]), "params": params}

    return measured(work)


def task_for(train_set: Any) -> dltutorials.Task:
    """Compile logistic regression on the data."""
    x, y = T.matrix("x"), T.ivector("y")
    model = dltutorials.LogisticRegression(x, N_IN, N_OUT)
    cost = model.negative_log_likelihood(y)
    updates = dltutorials.sgd(cost, model.params, 0.01)
    sets = [train_set] * 3
    errors = model.errors(y)
    return dltutorials.compile_task(x, y, cost, updates, errors, model.params, sets, BATCH_SIZE)


PROCESSES = {
    "unpickle": unpickle,
    "load_data": load_data,
    "train_resident": train_resident,
    "train_chunked": train_chunked,
}

if __name__ == "__main__":
    sys.exit(main())
