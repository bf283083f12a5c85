"""docs/architecture.md, the contract in pyproject.toml and the package name the same rooms."""

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
