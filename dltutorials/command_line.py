"""What the training scripts share: their options, their messages, their exit status.

Results go to stdout, everything else to stderr. The exit status is 0 when the
work is done, 1 when it failed, 2 when the options cannot be used, 130 after
Ctrl-C and 143 after SIGTERM; a failure is one line, without a traceback.
"""

import argparse
import os
import sys
from typing import Any, Callable, List

from dltutorials.checkpoint import save_params
from dltutorials.errors import DataError, DLTutorialsError, OptionError
from dltutorials.files import require_writable
from dltutorials.interrupts import StopSignals
from dltutorials.mnist import FILE_NAME, find_dataset
from dltutorials.options import require_integer, require_not_negative, require_positive
from dltutorials.patience import EarlyStopping
from dltutorials.report import record_lines, result_lines
from dltutorials.trainer import Record, Result, Task, train

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
    add("--dataset", default=FILE_NAME, metavar="FILE", help="data set; default: %(default)s")
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
        "--validation-frequency",
        type=int,
        metavar="N",
        help="minibatches between validations; default: an epoch, or half the patience if less",
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
    add("--quiet", action="store_true", help="print the result and errors only")


def run(program: Callable[[], int]) -> int:
    """Run the body of a script; turn what it raises into a line and an exit status."""
    try:
        return program()
    except OptionError as error:
        return _fail(f"error: {error}", WRONG_USAGE)
    except DLTutorialsError as error:
        return _fail(f"error: {error}", FAILED)
    except MemoryError:
        return _fail("error: not enough memory; use a smaller data set or float32", FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return _fail(f"error: {error}", FAILED)


def check_training_options(options: argparse.Namespace) -> None:
    """Refuse what cannot be used before anything takes time or is written."""
    require_integer("n_epochs", options.n_epochs, at_least=1)
    require_integer("batch_size", options.batch_size, at_least=1)
    require_positive("learning_rate", options.learning_rate)
    require_not_negative("L1_reg", options.L1_reg)
    require_not_negative("L2_reg", options.L2_reg)
    _early_stopping(options)
    dataset = find_dataset(options.dataset)
    require_writable(options.save)
    if os.path.exists(options.save) and os.path.samefile(options.save, dataset):
        raise DataError(f"--save {options.save} is the data set itself; choose another file")


def train_and_report(task: Task, options: argparse.Namespace) -> int:
    """Train with the options; print the tutorial's lines and save the best parameters."""
    unsaved: List[Any] = []

    def save(best_params: List[Any]) -> None:
        """Keep what there is on disk; a failure is reported and tried again at the end."""
        unsaved[:] = best_params  # until it is done: Ctrl-C may come in between
        try:
            save_params(best_params, options.save)
            unsaved.clear()
        except OSError as error:
            say(f"warning: {options.save} could not be written: {error.strerror or error}")

    def show(record: Record) -> None:
        if not options.quiet:
            print(*record_lines(record, task.n_train_batches), sep="\n", flush=True)

    with StopSignals() as stop_requested:
        result = train(task, options.n_epochs, _early_stopping(options), show, save, stop_requested)
        if unsaved:
            save(result.best_params)
    status = _report(result)
    if status == INTERRUPTED:
        status = stop_requested.exit_status
    if unsaved:
        return _fail(f"error: the best parameters are not in {options.save}", FAILED)
    if result.best_iteration is not None and not options.quiet:
        say(f"{result.message}; the best parameters are in {options.save}")
    return status


def say(message: str) -> None:
    """Print a message that is no result."""
    print(message, file=sys.stderr, flush=True)


def _early_stopping(options: argparse.Namespace) -> EarlyStopping:
    return EarlyStopping(
        patience=options.patience,
        patience_increase=options.patience_increase,
        improvement_threshold=options.improvement_threshold,
        validation_frequency=options.validation_frequency,
    )


def _report(result: Result) -> int:
    if result.best_iteration is None:
        say(f"{result.message}, before the first validation: nothing is saved")
    else:
        print(*result_lines(result), sep="\n", flush=True)
    if result.stop_reason == "diverged":
        return _fail(f"error: {result.message}; try a smaller --learning-rate", FAILED)
    if result.stop_reason == "interrupted":
        return INTERRUPTED
    return FAILED if result.best_iteration is None else DONE


def _fail(message: str, status: int) -> int:
    say(f"{os.path.basename(sys.argv[0])}: {message}")
    return status
