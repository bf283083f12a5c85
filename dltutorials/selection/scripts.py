"""Training scripts: the project's by name, all others by path.

>>> [name for name in list_scripts() if name.endswith("mlp")]
['train_mlp']
>>> load_script("train_mlp").make_parser().get_default("n_hidden")
500
"""

import importlib
import importlib.util
import pkgutil
from pathlib import Path
from typing import Any

import dltutorials
from dltutorials.exceptions import DLTutorialsError, OptionError, reason_of


def list_scripts() -> dict[str, str]:
    """Return the modules of the project's training scripts, keyed by the script's name."""
    names = [module.name for module in pkgutil.iter_modules(_package().__path__)]
    return {name: f"dltutorials.scripts.{name}" for name in names if name.startswith("train_")}


def find_script(name: str) -> str:
    """Return the name of one of the project's training scripts, or the full path of another.

    Raises
    ------
    OptionError
        If it is neither.
    """
    scripts = list_scripts()
    if name in scripts:
        return name
    path = Path(name).resolve()
    if not path.is_file():
        raise OptionError(f"script: got {name}, expected {', '.join(scripts)}, or a path")
    return str(path)


def load_script(script: str) -> Any:
    """Import a training script.

    It must have ``make_parser()``, which returns the parser of its options, and
    ``make_model(options)``: see :func:`dltutorials.cli.train.train_model`.

    Parameters
    ----------
    script : str
        As :func:`find_script` returns it.

    Raises
    ------
    OptionError
        If it is not a training script.
    """
    own = list_scripts().get(script)
    try:
        module = _import_file(script) if own is None else importlib.import_module(own)
        if not callable(module.make_parser) or not callable(module.make_model):
            raise TypeError("they are not functions")
    except (Exception, SystemExit) as error:
        raise OptionError(
            f"script: got {script}, expected a training script with make_parser and make_model "
            f"({one_line(error)})"
        ) from None
    return module


def one_line(error: BaseException) -> str:
    """Return a short message for an error, with its type if it is not one of ours."""
    reason, kind = reason_of(error), type(error).__name__
    is_ours = isinstance(error, (DLTutorialsError, OSError)) or reason == kind
    return reason if is_ours else f"{kind}: {reason}"


def _import_file(path: str) -> Any:
    spec: Any = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _package() -> Any:
    """Import the project's scripts, which an uninstalled checkout has beside the package."""
    try:
        return importlib.import_module("dltutorials.scripts")
    except ModuleNotFoundError:
        dltutorials.__path__.append(str(Path(dltutorials.__file__).resolve().parents[1]))
        return importlib.import_module("dltutorials.scripts")
