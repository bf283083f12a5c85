#!/usr/bin/env python
"""Make HTML or notebooks of the chapters."""

import argparse
import base64
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
NOTEBOOKS = FOLDER.parent / "notebooks"  # programs that run there write nothing among these files
GUIDES = ("recipes", "your_own_model", "data", "training", "plotting", "prediction", "selection")
PROJECT = ("api", "backends", "benchmarks", "robustness", "architecture")
NOT_CHAPTERS = ("index", *GUIDES, *PROJECT)
SHOWN_OUTPUT = re.compile(r"```text\n(.*?)```\n*", re.DOTALL)
SHOWN_PICTURE = re.compile(r"!\[[^]]*\]\(((?:\.\./)?images/[\w.]+)\)\n*")
PREPARATION = """\
# The commands below run with the Python of this notebook.
import os
import sys

os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
"""
MIME_TYPES = {".gif": "image/gif", ".png": "image/png", ".svg": "image/svg+xml"}


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
        ("notebooks", build_notebooks, NOTEBOOKS, "Jupyter notebooks, to run the programs in"),
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

    options = [
        "-W",
        "--keep-going",
        "-q",
        "-a",
        "-E",
        "-b",
        "html",
        "-d",
        str(output / ".doctrees"),
    ]
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
        nbformat.write(to_notebook(chapter.read_text(encoding="utf-8"), chapter.parent), path)
        print(path)
    return 0


def find_chapters() -> list[Path]:
    """Return the Markdown files of the chapters, those in other languages too."""
    paths = [*FOLDER.glob("*.md"), *FOLDER.glob("[a-z]*/*.md")]  # what is built is in _build
    return sorted(path for path in paths if path.stem not in NOT_CHAPTERS)


def to_notebook(text: str, folder: Path = FOLDER) -> Any:
    """Return a chapter as a notebook, with what the programs are shown to print and to draw.

    Parameters
    ----------
    text : str
        Markdown. Blocks of Python and of sh become cells of code; blocks of bash,
        commands that take long, stay text.
    folder : path
        Of the chapter; its pictures become part of the notebook.

    Returns
    -------
    nbformat.NotebookNode
    """
    import jupytext
    import nbformat

    notebook = jupytext.reads(text, fmt="md")
    cells: list[Any] = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith("%%bash\n"):
            cell = nbformat.v4.new_markdown_cell(cell.source.replace("%%", "```", 1) + "\n```")
        if cell.cell_type == "code":
            cell.source = as_commands(cell.source)
        else:
            cells += move_outputs(cell, cells, folder)
            attach_pictures(cell, folder)
            cell.source = link_notebooks(cell.source, folder)
        if cell.source:
            cells.append(cell)
    if any(cell.source.startswith("%%sh") for cell in cells):
        cells.insert(1, nbformat.v4.new_code_cell(PREPARATION))
    notebook.cells = cells
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel})
    return notebook


def as_commands(source: str) -> str:
    """Return a cell for a shell with commands that run in any folder."""
    if not source.startswith("%%sh\n"):
        return source
    command = r"^python scripts/(\w+)\.py"
    return re.sub(
        command,
        lambda found: "python -m dltutorials " + found.group(1).replace("_", "-"),
        source,
        flags=re.MULTILINE,
    )


def move_outputs(cell: Any, cells: list[Any], folder: Path) -> list[Any]:
    """Make what a text begins with, an output or a picture, the output of the program before it.

    A picture that a command writes gets a cell of its own, which is returned.
    """
    from nbformat.v4 import new_code_cell, new_output

    if not cells or cells[-1].cell_type != "code":
        return []
    program = cells[-1]
    shown = SHOWN_OUTPUT.match(cell.source)
    if shown:
        program.outputs = [new_output("stream", name="stdout", text=shown.group(1))]
        cell.source = cell.source[shown.end() :]
    picture = SHOWN_PICTURE.match(cell.source)
    if not picture or not re.search(r"--output |^plot_", program.source, re.MULTILINE):
        return []
    cell.source = cell.source[picture.end() :]
    path = folder / picture.group(1)
    drawn = new_output("display_data", data=picture_data(path))
    if "--output " not in program.source:
        program.outputs.append(drawn)
        return []
    source = f'from IPython.display import Image\n\nImage("{path.name}")'
    return [new_code_cell(source, outputs=[drawn])]


def attach_pictures(cell: Any, folder: Path) -> None:
    """Make the pictures of a text a part of its cell."""
    for picture in SHOWN_PICTURE.findall(cell.source):
        name = Path(picture).name
        cell.setdefault("attachments", {})[name] = picture_data(folder / picture)
        cell.source = cell.source.replace(f"({picture})", f"(attachment:{name})")


def picture_data(path: Path) -> dict[str, str]:
    """Return a picture as notebooks hold it."""
    return {MIME_TYPES[path.suffix]: base64.b64encode(path.read_bytes()).decode()}


def find_launch_link(chapter: str, folder: Path = FOLDER) -> str | None:
    """Return where Binder runs a chapter's notebook, from the place that a clone comes from.

    There is none unless the clone's ``origin`` is on GitHub or GitLab. Binder makes the notebooks
    itself, as ``.binder`` says.
    """
    command = ["git", "-C", str(folder), "remote", "get-url", "origin"]
    try:
        remote = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:  # no git
        return None
    host = re.fullmatch(
        r"(?:https://|git@|ssh://git@)(github|gitlab)\.com[:/](.+?)(?:\.git)?/?", remote
    )
    if not host:
        return None
    kind, name = host.groups()
    place = f"gh/{name}" if kind == "github" else f"gl/{name.replace('/', '%2F')}"
    return f"https://mybinder.org/v2/{place}/HEAD?urlpath=lab/tree/notebooks/{chapter}.ipynb"


def link_notebooks(text: str, folder: Path) -> str:
    """Let links to chapters lead to their notebooks, and those to other pages back to docs."""
    chapters = {path.stem for path in find_chapters()}
    up = "../" * (1 + len(folder.relative_to(FOLDER).parts))

    def link(found: re.Match) -> str:
        path, name = found.groups()
        if name in chapters:
            return f"]({path}{name}.ipynb"
        return f"]({up}docs/{name}.md" if name in NOT_CHAPTERS else found.group()

    return re.sub(r"\]\(((?:\.\./)?(?:zh/)?)(\w+)\.md", link, text)


if __name__ == "__main__":
    sys.exit(main())
