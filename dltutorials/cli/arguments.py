"""Options of commands, one line each: name, kind of value, default and meaning.

>>> parser = argparse.ArgumentParser()
>>> add_option(parser, "--n-hidden", "N", 500, "hidden units")
>>> add_option(parser, "--quiet", None, False, "print errors only")
>>> parser.parse_args(["--n-hidden", "20"])
Namespace(n_hidden=20, quiet=False)
"""

import argparse
from typing import Any


def add_option(
    parser: argparse.ArgumentParser,
    name: str,
    metavar: str | list[str] | None,
    default: Any,
    text: str,
    **settings: Any,
) -> None:
    """Add an option whose metavar determines its type; the help ends with the default.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    name : str
        As it is written: ``--n-epochs``.
    metavar : str or list of str or None
        N means an integer, X or P a float, SEED the seed of a random generator, any other word
        a text; a list means one of its values, None a flag.
    default : object
        If None, its meaning must be explained in `text`.
    text : str
    **settings
        Other arguments of ``add_argument``.
    """
    if metavar is None:
        parser.add_argument(name, action="store_true", help=text)
        return
    if isinstance(default, list):
        text += f"; default: {' '.join(map(str, default))}" if default else ""
    elif default is not None:
        text += "; default: %(default)s"
    if isinstance(metavar, list):
        settings["choices"] = metavar
    else:
        settings.update(metavar=metavar, type=_TYPES.get(metavar, str))
    parser.add_argument(name, default=default, help=text, **settings)


def seed(text: str) -> int:
    """Read the seed of a random generator, for argparse."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"got {value}, expected an integer from 0 to {2**32 - 1}")
    return value


_TYPES: dict[str, Any] = {"X": float, "P": float, "N": int, "SEED": seed}
