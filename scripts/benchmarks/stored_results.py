#!/usr/bin/env python
"""Write the tables of docs/benchmarks.md and docs/robustness.md from docs/results.

Each file there has a date, a commit, a machine, and the figures: the output of ``benchmark.py
--json``, or the head and rows of a table. On a page, its table stands between two comments.
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import datetime
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.cli import console
from dltutorials.exceptions import DataError
from dltutorials.io.files import durable_writer

import figures

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("benchmarks", "robustness")
MARKED = re.compile(r"(<!-- (results/[\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(write_tables, console.Parser(description=__doc__.splitlines()[0]), argv)


def write_tables(options: argparse.Namespace) -> int:
    """Bring the pages up to date."""
    for name in PAGES:
        path = DOCS / f"{name}.md"
        text = fill_in(path.read_text(encoding="utf-8"))
        with durable_writer(path) as file:
            file.write(text.encode())
    return console.DONE


def fill_in(text: str) -> str:
    """Return a page with its tables replaced by those of the results."""
    return MARKED.sub(lambda found: found[1] + "\n" + describe(DOCS / found[2]) + found[3], text)


def describe(path: Path) -> str:
    """Return the origin of a result, and its table, in Markdown."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        place = f"{result['machine']}, {result['date']}, commit {result['commit']}:"
        lines = make_table(result)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: got {type(error).__name__}: {error}, expected a result with date, commit, "
            "machine and figures"
        ) from None
    return "\n".join([place, "", *lines, "", ""])


def make_table(result: dict[str, Any]) -> list[str]:
    """Return the lines of a table."""
    if "peers" in result:
        return figures.peer_table(result)
    if "growth" in result:
        return figures.growth_table(result)
    if "trials" in result:
        import torture_results  # it imports this module

        rows = torture_results.trial_rows(result["trials"])
        result = {"head": ["what", "figure"], "rows": [*rows, *result.get("rows", [])]}
    rows = [result["head"], ["---"] * len(result["head"]), *result["rows"]]
    return ["| " + " | ".join(row) + " |" for row in rows]


def describe_run() -> dict[str, str]:
    """Return the date and commit of the present measurement."""
    command = ["git", "-C", str(DOCS), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return {"date": datetime.date.today().isoformat(), "commit": commit or "unknown"}


if __name__ == "__main__":
    sys.exit(main())
