import pytest
from helpers import ROOT
from markdown_blocks import blocks, place_of

PAGE = ROOT / "docs" / "recipes.md"
RECIPES = PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_recipe_prints_what_is_shown(capsys):
    namespace, printed = {}, ""
    for language, block in blocks(RECIPES, "python", "text"):
        if language == "python":
            assert printed == "", "a recipe prints, and the page does not show what"
            exec(compile(block, "recipes.md", "exec"), namespace)
            printed = capsys.readouterr().out
        else:
            assert printed == block, place_of(PAGE, block)
            printed = ""
    assert printed == ""
