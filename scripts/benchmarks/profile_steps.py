#!/usr/bin/env python
"""Show where the time of a training step goes, in any training script.

    profile_steps.py train_mlp --n-epochs 1 --quiet

runs the script in Theano's profiling mode, one operation at a time instead of one module for
the whole function, and prints a table of the operations of each compiled function that was
called more than once: the training step, then the evaluation. Inputs are given by dtype and
number of dimensions. (A file named ``profile.py`` would hide Python's own module.)
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from dltutorials import backend
from dltutorials.cli import console
from dltutorials.exceptions import SetupError
from dltutorials.selection.scripts import load_script

import theano

_MIN_SHARE, _MAX_LENGTH = 0.01, 60


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("script", help="a training script, such as train_mlp")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its options")
    return console.run(profile_script, parser, argv)


def profile_script(options: argparse.Namespace) -> int:
    """Run a script, and print the tables; return the script's exit status."""
    if backend.name() != "Theano":
        raise SetupError(
            f"profile_steps: got {backend.name()}, which compiles a function as a whole, expected "
            "Theano; use Python 3.10 or 3.11"
        )
    from theano.compile import profiling

    functions: list[Any] = []
    profiling._atexit_print_list, kept = functions, profiling._atexit_print_list
    before, theano.config.profile = theano.config.profile, True
    try:
        status = int(load_script(options.script).main(options.arguments))
    finally:
        theano.config.profile = before
        profiling._atexit_print_list = kept
    for function in functions:
        if function.fct_callcount > 1:
            print("\n".join(["", *make_table(function)]))
    return status


def make_table(function: Any) -> Iterator[str]:
    """Yield the lines of a table of a function's operations, the slowest first."""
    n_calls = function.fct_callcount
    total = sum(function.apply_time.values())
    call, in_theano = (1e6 * t / n_calls for t in (function.fct_call_time, total))
    yield f"{n_calls} calls, {call:.0f} us each, of which operations {in_theano:.0f} us"
    yield ""
    yield "| operation | inputs | us | share |"
    yield "| --- | --- | --- | --- |"
    slowest = sorted(function.apply_time.items(), key=lambda item: -item[1])
    for node, seconds in slowest:
        if seconds >= _MIN_SHARE * total:
            us, share = 1e6 * seconds / n_calls, seconds / total
            name, inputs = str(node.op), ", ".join(describe_type(x.type) for x in node.inputs)
            yield f"| {name[:_MAX_LENGTH]} | {inputs[:_MAX_LENGTH]} | {us:.1f} | {share:.0%} |"


def describe_type(kind: Any) -> str:
    """Return the dtype of a variable, and its number of dimensions.

    >>> describe_type(theano.tensor.fmatrix)
    'float32 2'
    """
    return f"{getattr(kind, 'dtype', kind)} {getattr(kind, 'ndim', 0)}"


if __name__ == "__main__":
    sys.exit(main())
