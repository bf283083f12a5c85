"""The scripts as one command: ``python -m dltutorials train-logreg --n-epochs 3``.

After ``pip install`` the command ``dltutorials`` does the same. A command has the name of its
file, with dashes for underscores; any unambiguous prefix is enough.
"""

import ast
import difflib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from dltutorials import commands
from dltutorials._version import __version__
from dltutorials.cli import console
from dltutorials.selection.scripts import list_scripts


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; return its exit status."""
    with console.named("dltutorials"):
        return _main(list(sys.argv[1:] if argv is None else argv))


def _main(arguments: list[str]) -> int:
    modules = find_commands()
    if not arguments or arguments[0] in ("-h", "--help"):
        console.print_results(_help(modules))
        return console.DONE if arguments else console.WRONG_USAGE
    if arguments[0] == "--version":
        console.print_results([f"dltutorials {__version__}"])
        return console.DONE
    wanted, others = arguments[0].replace("_", "-"), arguments[1:]
    names = [name for name in modules if name.startswith(wanted)]
    name = wanted if wanted in names else names[0] if len(names) == 1 else None
    if name is None:
        message = f"error: got {arguments[0]}, expected one of {', '.join(names or modules)}"
        similar = difflib.get_close_matches(wanted, modules, n=1)
        if similar and not names:
            message += f"; did you mean {similar[0]}?"
        return console.fail(message, console.WRONG_USAGE)
    with console.named(f"dltutorials {name}"):
        return int(importlib.import_module(modules[name]).main(others))


def find_commands() -> dict[str, str]:
    """Return the module of each command, keyed by the command's name."""
    found = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    modules = {name: f"{commands.__name__}.{name}" for name in found}
    modules.update(list_scripts())
    return {name.replace("_", "-"): modules[name] for name in sorted(modules)}


def _help(modules: dict[str, str]) -> list[str]:
    """Return the list of commands, each with the first line of its docstring."""
    width = max(map(len, modules))
    lines = ["usage: dltutorials NAME [options]", "", "NAME is one of these (see NAME --help):"]
    return lines + [f"  {name:{width}}  {_describe(module)}" for name, module in modules.items()]


def _describe(module: str) -> str:
    """Return the first line of a module's docstring, without importing it."""
    spec = importlib.util.find_spec(module)
    source = Path((spec and spec.origin) or "")
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
