"""The scripts as one command: ``python -m dltutorials train-logreg --n-epochs 3``.

After ``pip install`` the command ``dltutorials`` does the same. A name is that
of a file in ``scripts``, with dashes for underscores; the beginning of one is enough
where only one begins so.
"""

import ast
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials._version import __version__
from dltutorials.cli import console

PACKAGE = Path(__file__).resolve().parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script that the first argument names; return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    scripts = find_scripts()
    sys.argv[0] = "dltutorials"
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help(scripts))
        return console.DONE if arguments else console.WRONG_USAGE
    if arguments[0] == "--version":
        print(f"dltutorials {__version__}")
        return console.DONE
    wanted, others = arguments[0].replace("_", "-"), arguments[1:]
    names = [name for name in scripts if name.startswith(wanted)]
    name = wanted if wanted in names else names[0] if len(names) == 1 else None
    if name is None:
        expected = ", ".join(names or scripts)
        return console.fail(
            f"error: got {arguments[0]}, expected one of {expected}", console.WRONG_USAGE
        )
    sys.argv[0] = f"dltutorials {name}"  # what the script says of itself
    return int(_load(scripts[name]).main(others))


def find_scripts() -> dict[str, Path]:
    """Return the files of the scripts, in a checkout or an installed package, by name."""
    folders = (PACKAGE / "scripts", PACKAGE.parent / "scripts")
    paths = next(paths for folder in folders for paths in [sorted(folder.glob("*.py"))] if paths)
    return {path.stem.replace("_", "-"): path for path in paths}


def _help(scripts: dict[str, Path]) -> str:
    """Return the list of the scripts, with the first line of what each says of itself."""
    width = max(map(len, scripts))
    lines = ["usage: dltutorials NAME [options]", "", "NAME is one of these (see NAME --help):"]
    for name, path in scripts.items():
        about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        lines.append(f"  {name:{width}}  {about.splitlines()[0]}")
    return "\n".join(lines)


def _load(path: Path) -> Any:
    spec: Any = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # what it hands to other processes is found there
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
