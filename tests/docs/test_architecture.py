"""docs/architecture.md, the contract in pyproject.toml and the package name the same rooms."""

import ast
import graphlib
import re
from pathlib import Path

import dltutorials

from helpers import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = Path(dltutorials.__file__).parent


def rooms():
    return {
        path.stem
        for path in PACKAGE.iterdir()
        if not path.stem.startswith("_") and (path.is_dir() or path.suffix == ".py")
    }


def test_the_sentence_names_every_room_in_the_order_of_the_contract():
    sentence = PAGE[PAGE.index("Imports go one way: ") : PAGE.index("A\nroom may import")]
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = settings[settings.index("layers = [") :].partition("]")[0]
    contract = re.findall(r'"(.*)"', layers)
    in_contract = [set(re.findall(r"\b[a-z]\w*", layer)) for layer in contract]
    named = [set(re.findall(r"`(\w+)`", layer)) for layer in sentence.split("→")]
    assert named[0] == {"scripts"}
    assert named[1:] == [layer for layer in in_contract if layer]
    assert set().union(*named[1:]) == rooms()


def test_the_picture_names_every_room():
    picture = (ROOT / "docs" / "images" / "architecture.svg").read_text(encoding="utf-8")
    names = set(re.findall(r"\w+", " ".join(re.findall(r'class="name"[^>]*>([^<]*)<', picture))))
    assert rooms() <= names


def test_what_lives_somewhere_is_there():
    for path in re.findall(r"`([\w/]+(?:/|\.py|\.toml))`", PAGE):
        if path != "dltutorials/x/y.py" and not path.startswith("tests/x"):
            assert (PACKAGE / path).exists() or (ROOT / path).exists(), path


def modules_imported_by(path, modules):
    """Yield the package's modules that a file imports, wherever in it, also by import_module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dltutorials"):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in modules else node.module
        elif isinstance(node, ast.Constant) and node.value in modules:
            yield node.value


def test_modules_do_not_import_each_other_in_a_circle_at_any_time():
    modules = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    graph = {name: set(modules_imported_by(path, modules)) for name, path in modules.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) > 100
