"""Download published data sets, check them, and store them in the tutorial's format.

Intact files are not downloaded again. DLTUTORIALS_MIRROR names a server to try first,
HTTPS_PROXY a proxy.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.datasets import find_dataset, open_dataset
from dltutorials.datasets.catalogue import CATALOGUE
from dltutorials.datasets.download import cache_folder, download
from dltutorials.exceptions import DataError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(download_data, make_parser(), argv)


def make_parser() -> console.Parser:
    """Return the parser of the command's options."""
    parser = console.Parser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_option(parser, "name", [*CATALOGUE, "all"], "mnist", "data set", nargs="?")
    add_option(parser, "--offline", None, False, "only check what is there")
    return parser


def download_data(options: argparse.Namespace) -> int:
    """Download each data set, and print where it is."""
    for name in CATALOGUE if options.name == "all" else [options.name]:
        console.print_results([f"{CATALOGUE[name].title}: {_have(name, options.offline)}"])
    return console.DONE


def _have(name: str, offline: bool) -> Path:
    """Return an intact file of a data set; download it if it is missing or damaged."""
    try:
        file = find_dataset(name, offline=True)
    except DataError:
        if offline:
            raise
        return download(CATALOGUE[name])
    try:
        open_dataset(name, offline=True)
    except DataError as error:
        if offline or file.parent != cache_folder():
            raise
        console.print_message(f"{error}; it is fetched again")
        return download(CATALOGUE[name])
    return Path(os.path.abspath(file))
