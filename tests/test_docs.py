import re
from pathlib import Path

import pytest
import theano
from markdown_blocks import blocks, require_as_shown

FOLDER = Path(__file__).resolve().parent.parent / "docs"
CHAPTERS = sorted(FOLDER.glob("*.md"))


def test_there_are_chapters():
    assert FOLDER / "mlp.md" in CHAPTERS


@pytest.fixture
def _keep_floatX():  # noqa: N802
    before = theano.config.floatX
    yield
    theano.config.floatX = before


@pytest.mark.usefixtures("_keep_floatX")
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_the_programs_of_a_chapter_print_what_is_shown(chapter, capsys):
    namespace, printed = {}, ""
    for language, content in blocks(chapter.read_text(encoding="utf-8"), "python", "text"):
        if language == "python":
            assert printed == "", "a program prints, and the chapter does not show what"
            exec(compile(content, chapter.name, "exec"), namespace)
            printed = capsys.readouterr().out
        else:
            require_as_shown(printed, content)
            printed = ""
    assert printed == ""


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_links_lead_somewhere(chapter):
    prose = re.sub(r"```.*?```", "", chapter.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert "://" in target or (FOLDER / target).exists(), target
