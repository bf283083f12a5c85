#!/usr/bin/env python
"""Make HTML or notebooks of the chapters."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
GUIDES = ("data", "training", "plotting", "prediction", "selection")
PROJECT = ("backends", "benchmarks", "robustness", "architecture")
NOT_CHAPTERS = ("index", *GUIDES, *PROJECT)
SHELL_CELL = "%%sh\n"
SHOWN_OUTPUT = re.compile(r"```text\n(.*?)```\n*", re.DOTALL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    options = make_parser().parse_args(argv)
    try:
        return options.build(options.output)
    except ImportError as error:
        print(f"build.py: error: {error}; pip install 'dltutorials[docs]'", file=sys.stderr)
    except OSError as error:
        print(f"build.py: error: cannot write: {error}", file=sys.stderr)
    return 1


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, build, folder, text in (
        ("html", build_html, FOLDER / "_build" / "html", "pages to read in a browser"),
        ("notebooks", build_notebooks, FOLDER, "Jupyter notebooks, to run the programs in"),
    ):
        command = commands.add_parser(name, help=text, description=f"Make {text}.")
        command.add_argument(
            "--output",
            type=Path,
            default=folder,
            metavar="FOLDER",
            help="folder to write to; default: %(default)s",
        )
        command.set_defaults(build=build)
    return parser


def build_html(output: Path) -> int:
    """Write the pages; a warning of Sphinx is an error. Return the exit status."""
    from sphinx.cmd.build import build_main

    options = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(output / ".doctrees")]
    status = build_main([*options, str(FOLDER), str(output)])
    if status == 0:
        print(output / "index.html")
    return status


def build_notebooks(output: Path) -> int:
    """Write a notebook for each chapter; return the exit status."""
    import nbformat

    for chapter in find_chapters():
        path = (output / chapter.relative_to(FOLDER)).with_suffix(".ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(to_notebook(chapter.read_text(encoding="utf-8")), path)
        print(path)
    return 0


def find_chapters() -> list[Path]:
    """Return the Markdown files of the chapters, those in other languages too."""
    paths = [*FOLDER.glob("*.md"), *FOLDER.glob("[a-z]*/*.md")]  # what is built is in _build
    return sorted(path for path in paths if path.stem not in NOT_CHAPTERS)


def to_notebook(text: str) -> Any:
    """Return a chapter as a notebook; what a program is shown to print is its output.

    Parameters
    ----------
    text : str
        Markdown. Blocks of Python become cells of code; commands for a shell
        stay text, since they belong into the folder of the clone.

    Returns
    -------
    nbformat.NotebookNode
    """
    import jupytext
    import nbformat
    from nbformat.v4 import new_markdown_cell, new_output

    notebook = jupytext.reads(text, fmt="md")
    cells: list[Any] = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith(SHELL_CELL):
            cells.append(new_markdown_cell(f"```sh\n{cell.source[len(SHELL_CELL) :]}\n```"))
            continue
        shown = SHOWN_OUTPUT.match(cell.source) if cell.cell_type == "markdown" else None
        if shown and cells and cells[-1].cell_type == "code":
            cells[-1].outputs = [new_output("stream", name="stdout", text=shown.group(1))]
            cell.source = cell.source[shown.end() :]
        if cell.source:
            cells.append(cell)
    notebook.cells = cells
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel})
    return notebook


if __name__ == "__main__":
    sys.exit(main())
