import re

import pytest
from helpers import ROOT
from markdown_blocks import blocks

PAGE = (ROOT / "docs" / "your_own_model.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["dropout", "train_dropout", "autoencoder", "train_autoencoder"])
def test_the_page_shows_the_toy_as_it_is(name):
    toy = (ROOT / "tests" / "toys" / f"{name}.py").read_text(encoding="utf-8")
    assert ("python", toy) in list(blocks(PAGE, "python"))


def test_the_program_prints_what_is_shown(capsys):
    shown = list(blocks(PAGE, "python", "text"))
    [at] = [i for i, (_, block) in enumerate(shown) if "decaying_learning_rate(" in block]
    exec(compile(shown[at][1], "your_own_model.md", "exec"), {})
    assert ("text", capsys.readouterr().out) == shown[at + 1]


def test_the_modules_that_the_page_names_are_there():
    for name in re.findall(r"`dltutorials\.([\w.]+)`", PAGE):
        module, _, attribute = name.rpartition(".")
        imported = __import__(f"dltutorials.{module}", fromlist=[attribute])
        assert hasattr(imported, attribute), name
