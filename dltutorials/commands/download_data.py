#!/usr/bin/env python
"""Fetch published data sets, check them, and keep them in the tutorial's format.

What is there already and sound is not fetched again. DLTUTORIALS_MIRROR names
a server to try first, HTTPS_PROXY a proxy.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

try:
    from dltutorials.cli import console
    from dltutorials.datasets import find_dataset, open_dataset
    from dltutorials.datasets.catalogue import CATALOGUE
    from dltutorials.datasets.download import cache_folder, download
    from dltutorials.exceptions import DataError
except ImportError as error:
    sys.exit(f"download_data.py: error: {error}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "name",
        nargs="?",
        default="mnist",
        choices=[*CATALOGUE, "all"],
        help="data set; default: %(default)s",
    )
    parser.add_argument("--offline", action="store_true", help="only check what is there")
    options = parser.parse_args(argv)
    names = list(CATALOGUE) if options.name == "all" else [options.name]
    return console.run(lambda: download_data(names, options.offline))


def download_data(names: Sequence[str], offline: bool) -> int:
    """Have each data set, and print where it is."""
    for name in names:
        print(f"{CATALOGUE[name].title}: {_have(name, offline)}", flush=True)
    return console.DONE


def _have(name: str, offline: bool) -> Path:
    """Return a sound file of a data set; fetch it if there is none, or a damaged one."""
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
        console.say(f"{error}; it is fetched again")
        return download(CATALOGUE[name])
    return Path(os.path.abspath(file))


if __name__ == "__main__":
    sys.exit(main())
