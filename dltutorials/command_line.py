"""What the training scripts share: their options, their messages, their exit status.

Results go to stdout, everything else to stderr. The exit status is 0 when the
work is done, 1 when it failed, 2 when the options cannot be used, 130 after
Ctrl-C and 143 after SIGTERM; a failure is one line, without a traceback.
"""

import argparse
import os
import sys
from typing import Any, Callable, Dict

from dltutorials.checkpoint import save_params
from dltutorials.datasets import FILE_NAME, SPLITS, find_dataset
from dltutorials.errors import DataError, DLTutorialsError, OptionError
from dltutorials.files import PathLike, require_writable
from dltutorials.functions import compile_task
from dltutorials.interrupts import StopSignals
from dltutorials.losses import penalty
from dltutorials.minibatch import SharedDatasets, count_examples, floats_of, load_data
from dltutorials.options import require_integer, require_not_negative, require_positive
from dltutorials.patience import EarlyStopping
from dltutorials.report import record_lines, result_lines
from dltutorials.task import Record, Result, State, Task
from dltutorials.theano_setup import describe_engine, set_floatX
from dltutorials.trainer import train
from dltutorials.training_state import (
    digest_of_arrays,
    load_state,
    require_same,
    require_shapes,
    save_state,
)
from dltutorials.updates import sgd

import numpy
import theano
import theano.tensor as T

About = Callable[[], Dict[str, Any]]
Build = Callable[[Any, int, int], Any]

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def add_training_arguments(
    parser: argparse.ArgumentParser,
    *,
    learning_rate: float,
    batch_size: int,
    L2_reg: float,
    patience: int,
) -> None:
    """Add the options of every training script, with a chapter's own defaults."""
    add = parser.add_argument
    add(
        "--dataset",
        default=FILE_NAME,
        metavar="PATH",
        help="data set: a file like mnist.pkl.gz, an .npz file, a folder of IDX files, or "
        "fashion-mnist, which is downloaded; default: %(default)s",
    )
    add("--offline", action="store_true", help="download nothing")
    for name, default, text in (
        ("--learning-rate", learning_rate, "length of a step"),
        ("--L1-reg", 0.0, "strength of the L1 penalty"),
        ("--L2-reg", L2_reg, "strength of the squared L2 penalty"),
        ("--patience-increase", 2.0, "after an improvement in minibatch t, train to t times this"),
        ("--improvement-threshold", 0.995, "share of the best loss that counts as an improvement"),
    ):
        add(name, type=float, default=default, metavar="X", help=f"{text}; default: %(default)s")
    for name, count, text in (
        ("--n-epochs", 1000, "most epochs to train"),
        ("--batch-size", batch_size, "examples in a minibatch"),
        ("--patience", patience, "minibatches to train in any case"),
    ):
        add(name, type=int, default=count, metavar="N", help=f"{text}; default: %(default)s")
    add(
        "--chunk-size",
        type=int,
        metavar="N",
        help="minibatches in memory at a time, for data that do not fit; default: all",
    )
    add(
        "--exact-evaluation",
        action="store_true",
        help="evaluate on every example, not on whole minibatches only",
    )
    add(
        "--validation-frequency",
        type=int,
        metavar="N",
        help="minibatches between validations; default: an epoch, or half the patience if less",
    )
    add(
        "--significance",
        type=float,
        metavar="P",
        help="an improvement counts, in the place of that threshold, when McNemar's exact test on "
        "the validation mistakes is significant at this level, for example 0.05; default: off",
    )
    add(
        "--floatX",
        choices=["float32", "float64"],
        help="type of all numbers; default: Theano's configuration, or else float32",
    )
    add(
        "--save",
        default="best_model.pkl",
        metavar="FILE",
        help="file for the best parameters; default: %(default)s",
    )
    add("--checkpoint", metavar="FILE", help="file for the state of the training, to resume from")
    add(
        "--checkpoint-every",
        type=int,
        default=1,
        metavar="N",
        help="validations between two checkpoints; default: %(default)s",
    )
    add(
        "--resume",
        metavar="FILE",
        help="go on from this state, with the options it was begun with; "
        "checkpoints go to the same file unless --checkpoint names another",
    )
    add("--quiet", action="store_true", help="print the result and errors only")


def seed(text: str) -> int:
    """Read the seed of a random generator, for argparse."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"got {value}, expected an integer from 0 to {2**32 - 1}")
    return value


def run(program: Callable[[], int]) -> int:
    """Run the body of a script; turn what it raises into a line and an exit status."""
    try:
        return program()
    except OptionError as error:
        return fail(f"error: {error}", WRONG_USAGE)
    except DLTutorialsError as error:
        return fail(f"error: {error}", FAILED)
    except MemoryError:
        return fail("error: not enough memory; try --chunk-size, or float32", FAILED)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return fail(f"error: {error}", FAILED)


def check_training_options(options: argparse.Namespace) -> None:
    """Refuse what cannot be used before anything takes time or is written."""
    check_numbers(options)
    options.checkpoint = options.checkpoint or options.resume
    dataset = find_dataset(options.dataset, options.offline)
    require_writable(options.save)
    if os.path.exists(options.save) and os.path.samefile(options.save, dataset):
        raise DataError(f"--save {options.save} is the data set itself; choose another file")
    if options.checkpoint is not None:
        _check_checkpoint_path(options, dataset)


def check_numbers(options: argparse.Namespace) -> None:
    """Refuse numbers that are out of their range."""
    require_integer("n_epochs", options.n_epochs, at_least=1)
    require_integer("batch_size", options.batch_size, at_least=1)
    if options.chunk_size is not None:
        require_integer("chunk_size", options.chunk_size, at_least=1)
    require_positive("learning_rate", options.learning_rate)
    require_not_negative("L1_reg", options.L1_reg)
    require_not_negative("L2_reg", options.L2_reg)
    require_integer("checkpoint_every", options.checkpoint_every, at_least=1)
    early_stopping(options)


def _check_checkpoint_path(options: argparse.Namespace, dataset: PathLike) -> None:
    checkpoint = os.path.realpath(options.checkpoint)
    for name, other in (("--save", options.save), ("--dataset", dataset)):
        if checkpoint == os.path.realpath(other):
            raise OptionError(
                f"checkpoint: got {options.checkpoint}, which {name} names too; choose another file"
            )
    require_writable(options.checkpoint)


def train_model(program: str, options: argparse.Namespace, build: Build) -> int:
    """Load the data, build and compile a model, train it, and return the exit status.

    Parameters
    ----------
    program : str
        What a checkpoint says of who wrote it.
    options : argparse.Namespace
    build : callable(x, n_in, n_out) -> model
        See :func:`prepare_task`.
    """
    set_floatX(options.floatX)
    check_training_options(options)
    if not options.quiet:
        say(describe_engine())
    datasets = load_datasets(options)
    task = prepare_task(options, build, datasets)

    def about() -> Dict[str, Any]:
        arrays = [rows for data in datasets for rows in floats_of(data)]
        return describe_training(program, digest_of_arrays(arrays))

    return train_and_report(task, options, about)


def prepare_task(options: argparse.Namespace, build: Build, datasets: SharedDatasets) -> Task:
    """Build and compile a model as the options say.

    Parameters
    ----------
    options : argparse.Namespace
    build : callable(x, n_in, n_out) -> model
        Returns a model of the matrix `x`, with ``params``, ``weights``,
        ``negative_log_likelihood(y)``, ``errors(y)`` and ``mistakes(y)``.
    datasets : SharedDatasets
    """
    x, y = T.matrix("x"), T.ivector("y")
    model = build(x, datasets.n_in, datasets.n_out)
    cost = model.negative_log_likelihood(y)
    cost += penalty(model.weights, options.L1_reg, options.L2_reg)
    return compile_task(
        x,
        y,
        cost=cost,
        updates=sgd(cost, model.params, options.learning_rate),
        errors=model.errors(y),
        params=model.params,
        datasets=datasets,
        batch_size=options.batch_size,
        exact_evaluation=options.exact_evaluation,
        mistakes=model.mistakes(y),
    )


def load_datasets(options: argparse.Namespace, memory_map: bool = False) -> SharedDatasets:
    """Load the data as the options say, and tell how many examples are left out."""
    datasets = load_data(
        options.dataset, options.batch_size, options.chunk_size, options.offline, memory_map
    )
    n_left_out = {
        split: count_examples(data) % options.batch_size
        for split, data in zip(SPLITS, datasets)
        if split == SPLITS[0] or not options.exact_evaluation
    }
    if any(n_left_out.values()) and not options.quiet:
        counts = ", ".join(f"{n} {split}" for split, n in n_left_out.items() if n)
        message = f"left out of minibatches of {options.batch_size}: {counts} examples"
        if not options.exact_evaluation:
            message += "; --exact-evaluation counts those of validation and test"
        say(message)
    return datasets


def train_and_report(task: Task, options: argparse.Namespace, about: About) -> int:
    """Train with the options; print the tutorial's lines, save parameters and checkpoints.

    `about` returns what the training is about, for the checkpoints; it takes
    time over the data, and is called only when there are any.
    """
    best = _Keeper(options.save, save_params)

    def show(record: Record) -> None:
        if not options.quiet:
            print(*record_lines(record, task.n_train_batches), sep="\n", flush=True)

    on_checkpoint, state = None, None
    if options.checkpoint is not None:
        facts = {**deciding_options(options), **about()}
        if options.resume is not None:
            state = _load_state(options.resume, facts, task)
        checkpoint = _Keeper(options.checkpoint, lambda value, path: save_state(value, facts, path))
        on_checkpoint = checkpoint.keep
    with StopSignals() as stop_requested:
        result = train(
            task,
            options.n_epochs,
            early_stopping(options),
            on_validation=show,
            on_improvement=best.keep,
            stop_requested=stop_requested,
            on_checkpoint=on_checkpoint,
            checkpoint_every=options.checkpoint_every,
            resume=state,
        )
        best.finish()
    status = _report(result)
    if best.pending is not None:
        return fail(f"error: the best parameters are not in {options.save}", FAILED)
    if on_checkpoint is not None and checkpoint.pending is not None:
        return fail(f"error: the last state is not in {options.checkpoint}", FAILED)
    if result.best_iteration is not None and not options.quiet:
        say(f"{result.message}; the best parameters are in {options.save}")
    return stop_requested.exit_status if status == INTERRUPTED else status


def describe_training(program: str, data: str) -> Dict[str, Any]:
    """Return what decides a training beyond its options; `data` is a digest of the arrays.

    The versions are those of the libraries that compute: another one may round
    otherwise, and the resumed training would not be the same to the bit.
    """
    return {
        "program": program,
        "floatX": theano.config.floatX,
        "Theano": theano.__version__,
        "NumPy": numpy.__version__,
        "data": data,
    }


class _Keeper:
    """Writes the newest value to a file; a failure is reported, and ends no training."""

    def __init__(self, path: str, write: Callable[[Any, str], None]) -> None:
        self.path, self.write = path, write
        self.pending: Any = None  # what is not on disk yet

    def keep(self, value: Any) -> None:
        self.pending = value
        try:
            self.write(value, self.path)
            self.pending = None
        except OSError as error:
            say(f"warning: {self.path} could not be written: {error.strerror or error}")

    def finish(self) -> None:
        """Try once more what failed last."""
        if self.pending is not None:
            self.keep(self.pending)


def deciding_options(options: argparse.Namespace) -> Dict[str, Any]:
    """Return the options that decide the result; for how long and to which file do not."""
    files = {"dataset", "save", "checkpoint", "resume"}  # the data themselves are compared
    others = {"floatX", "n_epochs", "quiet", "checkpoint_every", "chunk_size", "offline"}
    return {name: value for name, value in vars(options).items() if name not in files | others}


def _load_state(path: str, facts: Dict[str, Any], task: Task) -> State:
    state, about = load_state(path)
    try:
        require_same(about, facts)
        require_shapes(state, task.get_params())
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    return state


def say(message: str) -> None:
    """Print a message that is no result."""
    print(message, file=sys.stderr, flush=True)


def early_stopping(options: argparse.Namespace) -> EarlyStopping:
    """Return the early-stopping rule that the options ask for."""
    return EarlyStopping(
        patience=options.patience,
        patience_increase=options.patience_increase,
        improvement_threshold=options.improvement_threshold,
        validation_frequency=options.validation_frequency,
        significance=options.significance,
    )


def _report(result: Result) -> int:
    if result.best_iteration is None:
        say(f"{result.message}, before the first validation: nothing is saved")
    else:
        print(*result_lines(result), sep="\n", flush=True)
    if result.stop_reason == "diverged":
        return fail(f"error: {result.message}; try a smaller --learning-rate", FAILED)
    if result.stop_reason == "interrupted":
        return INTERRUPTED
    return FAILED if result.best_iteration is None else DONE


def fail(message: str, status: int) -> int:
    """Print why a script failed; return its exit status."""
    say(f"{os.path.basename(sys.argv[0])}: {message}")
    return status
