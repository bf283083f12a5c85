"""What every peer of the benchmark does alike: options, data, clock, report.

A peer is a script in this folder, run by its own Python. It hands :func:`run` a
function that builds the model and returns two callables: one trains an epoch,
one gives the validation error, or the cost of a model without labels. The report is
one line of JSON on stdout. Only NumPy is needed here, and nothing of ``dltutorials``.
"""

import argparse
import gzip
import json
import pickle
import platform
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy

N_HIDDEN = 500
NKERNS, FILTER, POOL = (20, 50), (5, 5), 2  # of LeNet
Sets = tuple[tuple[numpy.ndarray, numpy.ndarray], tuple[numpy.ndarray, numpy.ndarray]]
Build = Callable[[Sets, argparse.Namespace], tuple[Callable[[], None], Callable[[], float]]]


def run(build: Build, versions: dict[str, str]) -> None:
    """Train as the command line says, and print the report."""
    options = parse_options()
    sets = load(options)
    train_epoch, validation_error = build(sets, options)
    seconds, errors = [], []
    first_epoch = 0.0
    for epoch in range(options.n_epochs):
        start = time.perf_counter()
        train_epoch()
        trained = time.perf_counter()
        if epoch == 0:
            first_epoch = time.time() - options.started
        errors.append(float(validation_error()))
        seconds.append((trained - start, time.perf_counter() - trained))
    report = {
        "first_epoch": first_epoch,
        "seconds": seconds,
        "errors": None if numpy.isnan(errors).any() else errors,
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "versions": {"Python": platform.python_version(), **versions},
    }
    print(json.dumps(report))


def parse_options() -> argparse.Namespace:
    """Return the options, the same for every peer."""
    parser = argparse.ArgumentParser()
    add = parser.add_argument
    add("--variant", default="")  # for the peers that have several
    add("--model", choices=["logreg", "mlp", "lenet", "da"], required=True)
    add("--dataset", required=True)
    add("--started", type=float, required=True)
    add("--floatX", default="float32")
    for name in ("--n-epochs", "--batch-size", "--n-in", "--n-out", "--times-data"):
        add(name, type=int, required=True)
    add("--n-train", type=int)  # by default all
    add("--learning-rate", type=float, required=True)
    add("--L2-reg", type=float, required=True)
    options = parser.parse_args()
    options.n_hidden = 0 if options.model == "logreg" else N_HIDDEN
    return options


def load(options: argparse.Namespace) -> Sets:
    """Return the training and validation set in whole minibatches, of the sizes asked for.

    The first `n_train` images are repeated `times_data` times, pixels until there are `n_in`;
    labels are spread over `n_out`.
    """
    with gzip.open(options.dataset, "rb") as file:
        train_set, valid_set, _ = pickle.load(file, encoding="latin1")
    train_set = [array[: options.n_train] for array in train_set]
    sets = []
    for (x, y), times in ((train_set, options.times_data), (valid_set, 1)):
        if options.n_in != x.shape[1]:
            x = x[:, numpy.arange(options.n_in) % x.shape[1]]
        if options.n_out != 10:
            y = (y + 10 * numpy.arange(len(y))) % options.n_out
        x, y = numpy.tile(x, (times, 1)), numpy.tile(y, times)
        n_used = len(x) // options.batch_size * options.batch_size
        sets.append((x[:n_used].astype(options.floatX, copy=False), y[:n_used]))
    return sets[0], sets[1]


def initial_params(options: argparse.Namespace) -> Any:
    """Return the tutorial's initial values: [W, b] for each layer, the first one first.

    Those of LeNet's filters are for a convolution, which turns them, as few libraries do. An
    autoencoder has one W, and a b for the code and the reconstruction.
    """
    n_in, n_out, n_hidden = options.n_in, options.n_out, options.n_hidden
    params: list[Any] = []
    if options.model == "logreg":
        params += [numpy.zeros((n_in, n_out)), numpy.zeros(n_out)]
    elif options.model == "da":
        rng = numpy.random.RandomState(123)
        rng.randint(2**30)  # the seed of the noise
        W = _uniform(rng, (n_in, n_hidden), n_in + n_hidden) * 4  # for the sigmoid
        params += [W, numpy.zeros(n_hidden), numpy.zeros(n_in)]
    else:
        rng = numpy.random.RandomState(1234 if options.model == "mlp" else 23455)
        if options.model == "lenet":
            for n_maps, n_filters in zip((1, *NKERNS), NKERNS):
                n_weights = FILTER[0] * FILTER[1]
                n_both = n_maps * n_weights + n_filters * n_weights // POOL**2
                W = _uniform(rng, (n_filters, n_maps, *FILTER), n_both)
                params += [W, numpy.zeros(n_filters)]
            n_in = NKERNS[-1] * 4 * 4
        params += [_uniform(rng, (n_in, n_hidden), n_in + n_hidden), numpy.zeros(n_hidden)]
        params += [numpy.zeros((n_hidden, n_out)), numpy.zeros(n_out)]
    return [param.astype(options.floatX) for param in params]


def turn(W: numpy.ndarray) -> numpy.ndarray:
    """Return filters turned by 180 degrees, for a library that does not turn them itself."""
    return numpy.ascontiguousarray(W[..., ::-1, ::-1]) if W.ndim == 4 else W


def _uniform(rng: numpy.random.RandomState, shape: Any, n_in_and_out: int) -> numpy.ndarray:
    bound = numpy.sqrt(6.0 / n_in_and_out)
    return rng.uniform(-bound, bound, shape)


if __name__ == "__main__":
    sys.exit("protocol.py: this is what the peers share; run one of them")
