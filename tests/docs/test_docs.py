import html
import itertools
import json
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import dltutorials
from dltutorials import models

import fontTools.ttLib
import nbclient
import numpy
import pytest
from helpers import ROOT, load_module, load_script
from markdown_blocks import blocks, place_of, require_as_shown

FOLDER = ROOT / "docs"


build = load_module(FOLDER / "build.py")
CHAPTERS = build.find_chapters()
ENGLISH = [chapter for chapter in CHAPTERS if chapter.parent == FOLDER]
PAGES = [*(FOLDER / f"{name}.md" for name in build.NOT_CHAPTERS), *CHAPTERS]
TRANSLATIONS = [chapter for chapter in CHAPTERS if chapter.parent != FOLDER]


def name_of(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def test_all_chapters_are_found():
    names = {name_of(chapter) for chapter in CHAPTERS}
    assert names >= {"getting_started", *models.CHAPTERS}


# The programs


@pytest.mark.slow
@pytest.mark.parametrize("chapter", ENGLISH, ids=name_of)
def test_a_chapter_as_a_notebook_prints_and_draws_what_is_shown(chapter, tmp_path):
    programs, shown = programs_and_outputs(chapter.read_text(encoding="utf-8"))
    notebook = build.to_notebook(chapter.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    n_pictures = [len(pictures_of(cell)) for cell in cells]
    of_chapter = [c for c in cells if c.source != build.PREPARATION and "Image(" not in c.source]
    assert [cell.source for cell in of_chapter] == [build.as_commands(each) for each in programs]
    assert [stdout_of(cell) for cell in of_chapter] == shown

    location = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=location).execute()
    for cell, program, content in zip(of_chapter, programs, shown):
        compare = require_output if cell.source.startswith("%%sh") else require_as_shown
        place = place_of(chapter, program.removeprefix("%%sh\n"))
        try:
            compare(stdout_of(cell), content)
        except AssertionError as error:
            raise AssertionError(f"{place}: the program prints something else: {error}") from None
    for cell, number in zip(cells, n_pictures):
        assert len(pictures_of(cell)) == number, place_of(chapter, cell.source)
    require_same_pictures(tmp_path.glob("*.png"))


def programs_and_outputs(text):
    """Return each program, in Python or for a shell, and what is shown directly under it."""
    programs, shown, previous = [], [], ""
    for language, content in blocks(text, "python", "text", "sh", "bash"):
        if language in ("python", "sh"):
            programs.append(("%%sh\n" if language == "sh" else "") + content.rstrip("\n"))
            shown.append("")
        elif language == "text" and previous in ("python", "sh"):
            shown[-1] = content
        previous = language
    return programs, shown


def stdout_of(cell):
    outputs = [output for output in cell.outputs if output.output_type == "stream"]
    if not cell.source.startswith("%%sh"):  # commands have messages
        assert {output.name for output in outputs} <= {"stdout"}
    return "".join(output.text for output in outputs if output.name == "stdout")


def pictures_of(cell):
    return [
        output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})
    ]


def require_same_pictures(drawn):
    for picture in drawn:
        # Other versions of the drawing library move things by a pixel.
        difference = thumbnail(picture) - thumbnail(FOLDER / "images" / picture.name)
        assert numpy.abs(difference).mean() < 4, f"docs/images/{picture.name} is out of date"


@pytest.mark.slow
def test_the_script_of_the_pictures_draws_them(tmp_path):
    assert load_module(FOLDER / "pictures.py").main(["--output", str(tmp_path)]) == 0
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {
        "digits.png",
        "patience.png",
        "activations.png",
        "network.svg",
        "overfitting.png",
        "rbm_overfitting.png",
    }
    require_same_pictures(tmp_path.glob("*.png"))


def test_pictures_are_small_and_each_is_used():
    pages = "".join(page.read_text(encoding="utf-8") for page in [*PAGES, ROOT / "README.md"])
    for picture in (FOLDER / "images").iterdir():
        assert picture.stat().st_size < 130_000, picture
        assert f"images/{picture.name})" in pages, f"no page shows {picture}"


def test_a_notebook_holds_its_pictures_and_links_to_notebooks():
    text = "See [next](logreg.md#a) and [data](data.md).\n\n![drawn](images/patience.png)\n"
    [cell] = build.to_notebook(text).cells
    assert cell.source.startswith("See [next](logreg.ipynb#a) and [data](../docs/data.md).")
    assert "(attachment:patience.png)" in cell.source
    assert list(cell.attachments["patience.png"]) == ["image/png"]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=name_of)
def test_commands_of_a_chapter_write_nothing_into_a_folder(chapter):
    for line in commands(chapter):
        outputs = re.findall(
            r"--(?:output|history|snapshots|save|checkpoint|results)[ =](\S+)", line
        )
        assert not any("/" in output for output in outputs), line


@pytest.mark.parametrize("translation", TRANSLATIONS, ids=name_of)
def test_a_translation_is_in_step_with_the_chapter(translation):
    chapter = FOLDER / translation.name
    text, translated = (page.read_text(encoding="utf-8") for page in (chapter, translation))
    languages = ("python", "text", "sh", "bash")
    for block, same in itertools.zip_longest(
        blocks(text, *languages), blocks(translated, *languages)
    ):
        places = [place_of(p, b and b[1]) for p, b in ((chapter, block), (translation, same))]
        assert block == same, " is not what is at ".join(places)
    for heading, other in itertools.zip_longest(headings(chapter), headings(translation)):
        lines = f"{chapter}:{heading and heading[0]}, {translation}:{other and other[0]}: headings"
        assert heading is not None, lines
        assert other is not None, lines
        assert heading[1] == other[1], lines
    for part in (r"\$\$.+?\$\$", r"(?<=[(/])images/[^)]+"):
        parts = [re.findall(part, each, re.DOTALL) for each in (text, translated)]
        for one, other in itertools.zip_longest(*parts):
            places = place_of(chapter, one), place_of(translation, other)
            assert one == other, " is not what is at ".join(places)


def headings(page):
    """Return the number of the line and the level of each heading."""
    found, is_code = [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        is_code ^= line.startswith("```")
        level = len(line) - len(line.lstrip("#"))
        if level and not is_code:
            found.append((number, level))
    return found


def test_every_chapter_has_a_translation():
    assert {page.name for page in TRANSLATIONS} == {page.name for page in ENGLISH}


# The commands


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_are_ones_that_the_scripts_know(page):
    for line in commands(page):
        program, script, *arguments = shlex.split(line)
        assert program == "python"
        assert (ROOT / script).exists()
        own = itertools.takewhile(lambda each: each != "--", arguments)  # others are SCRIPT's
        load_script(Path(script).stem).make_parser().parse_args(list(own))


def require_output(printed, shown):
    """Compare an output with the one shown, where a line of dots stands for any lines."""
    decimal = r"\d+\.\d+"
    escaped = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in shown.splitlines()
    )
    pattern = re.sub(r"\d+\\\.\d+", lambda _: f"({decimal})", escaped)
    found = re.fullmatch(pattern, printed)
    assert found, printed
    for number, shown_number in zip(found.groups(), re.finditer(decimal, shown)):
        if not shown.startswith(" epochs/sec", shown_number.end()):
            # Percentages; another processor rounds otherwise.
            assert float(number) == pytest.approx(float(shown_number.group()), abs=0.15)


def thumbnail(picture):
    """Return the grey values of a picture, 0 to 255, at a size at which details are gone."""
    from PIL import Image

    with Image.open(picture) as image:
        return numpy.asarray(image.convert("L").resize((60, 60)), dtype=float)


def commands(page):
    text = page.read_text(encoding="utf-8")
    found = []
    for language, content in blocks(text, "sh", "bash"):
        lines = content.replace("\\\n", " ").splitlines()
        ours = [line for line in lines if re.match(r"python scripts/\w+\.py", line)]
        found += lines if language == "sh" else ours  # bash has other commands too
    return found


# The pages


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", without_code(page)):
        path, _, anchor = target.partition("#")
        if "://" not in path:
            linked = page.parent / path if path else page
            place = f"{place_of(page, f']({target})')}: dead link to {target}"
            assert linked.exists(), place
            if anchor:
                assert anchor in anchors(linked), place


def without_code(page):
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_github_can_read_the_formulas(page):
    displayed, inline = formulas(page)
    for _, formula in [*displayed, *inline]:
        # Markdown takes the backslash away before a formula is read.
        assert not re.search(r"\\[!-/:-@\[-`{-~]", formula), formula
    # A formula begins after a space or a bracket, also between Chinese characters.
    assert {before for before, _ in inline} <= {"", " ", "("}
    assert not re.search(r"^:::|^```\{|\(path:", page.read_text(encoding="utf-8"), re.MULTILINE)


def formulas(page):
    """Return the displayed and the inline formulas, each with the character before it."""
    prose = re.sub(r"`[^`\n]*`", "", without_code(page))
    displayed = re.findall(r"(.?)\$\$(.+?)\$\$", prose, re.DOTALL)
    inline = re.findall(r"(.?)\$([^$]+)\$", re.sub(r"\$\$.+?\$\$", "", prose, flags=re.DOTALL))
    return displayed, inline


@pytest.mark.slow
def test_html_without_a_warning_or_the_network(tmp_path):
    command = [sys.executable, str(FOLDER / "build.py"), "html", "--output", str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")
    for page in PAGES:
        text = (tmp_path / name_of(page)).with_suffix(".html").read_text(encoding="utf-8")
        assert not re.search(r'(src="|rel="stylesheet"[^>]*href=")(https?:)?//', text)
        if page.stem != "api":  # docstrings have formulas too
            assert ("<math" in text) == ("$" in without_code(page))
        assert "merror" not in text
        assert f'lang="{"zh-CN" if page.parent.name == "zh" else "en"}"' in text
    for sheet in (tmp_path / "_static").rglob("*.css"):
        for target in re.findall(r"url\([\"']?([^\"')]+)", sheet.read_text(encoding="utf-8")):
            assert target.startswith("data:") or (sheet.parent / target).exists(), (sheet, target)
    # Of Chinese, every pair of characters is a word.
    index = (tmp_path / "searchindex.js").read_text(encoding="utf-8")
    script = (tmp_path / "_static" / "language_data.js").read_text(encoding="utf-8")
    assert "splitQuery" in script
    assert re.search(r"window\.Stemmer = \w+;|var Stemmer = function", script)
    assert all(json.dumps(pair) in index for pair in ("梯度", "度下", "下降", "正则", "则化"))
    # What readers look for, by its stem.
    for word in ("regular", "hyperparamet", "entropi", "general", "overfit", "backpropag"):
        assert re.search(rf'\b"?{word}"?:', index), word
    assert 'id="dltutorials.train"' in (tmp_path / "api.html").read_text(encoding="utf-8")

    require_characters_of_formulas(tmp_path)


def require_characters_of_formulas(folder):
    """A character that the shipped font lacks would be drawn from whatever the machine has."""
    font = fontTools.ttLib.TTFont(folder / "_static" / "fonts" / "formulas.woff").getBestCmap()
    for page in folder.rglob("*.html"):
        for formula in re.findall(r"<math.*?</math>", page.read_text(encoding="utf-8")):
            characters = set(html.unescape(re.sub(r"<[^>]*>", "", formula))) - {"\n", " "}
            for character in {*characters, *(italic(each) for each in characters)}:
                assert ord(character) in font, f"{page.name}: {character!r} in {formula}"


def italic(character):
    """Return what a browser draws for a Greek letter that stands alone."""
    is_greek = "\u03b1" <= character <= "\u03c9"
    return chr(0x1D6FC + ord(character) - 0x3B1) if is_greek else character


@pytest.mark.parametrize(
    ("remote", "place"),
    [
        ("https://github.com/someone/copy.git", "gh/someone/copy"),
        ("git@github.com:someone/copy.git", "gh/someone/copy"),
        ("https://gitlab.com/a/group/copy", "gl/a%2Fgroup%2Fcopy"),
        ("/srv/copy.git", None),
        (None, None),
    ],
)
def test_a_chapter_is_launched_where_the_clone_comes_from(remote, place, tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    if remote:
        subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", remote], check=True)
    link = build.find_launch_link("zh/mlp", tmp_path)
    notebook = "HEAD?urlpath=lab/tree/notebooks/zh/mlp.ipynb"
    assert link == (place and f"https://mybinder.org/v2/{place}/{notebook}")


def test_without_git_there_is_no_launch_link(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.find_launch_link("mlp") is None


def test_binder_installs_what_there_is_and_makes_the_notebooks():
    folder, setup = ROOT / ".binder", (ROOT / "setup.py").read_text(encoding="utf-8")
    requirement = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()[-1]
    for extra in re.fullmatch(r"\.\[(.*)\]", requirement).group(1).split(","):
        assert f'"{extra}": ' in setup
    version = (folder / "runtime.txt").read_text(encoding="utf-8").strip().rpartition(".")[2]
    assert int(version) in range(10, 15)
    *_, command = (folder / "postBuild").read_text(encoding="utf-8").splitlines()
    program, script, *arguments = command.split()
    assert (program, ROOT / script) == ("python", FOLDER / "build.py")
    assert build.make_parser().parse_args(arguments).output == ROOT / "notebooks"


def test_the_reference_has_every_public_name():
    text = (FOLDER / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"`([\w.]+)`", text.partition("## Data")[2])
    assert len(set(listed)) == len(listed)
    assert all(pkgutil.resolve_name(f"dltutorials.{name}") for name in listed)
    assert {*dltutorials.__all__} - {*listed} == {"__version__"}
    of_chapters = {f"models.{name}" for name in {*models.__all__} - {*dltutorials.__all__}}
    assert of_chapters - {*listed} == {
        "models.ACTIVATIONS",
        "models.CHAPTERS",
        "models.Chapter",
    }
    plotting = {f"plotting.{name}" for name in dltutorials.plotting.__all__}
    assert plotting - {*listed} == {"plotting.tile_raster_images"}


@pytest.mark.slow
def test_a_page_with_a_warning_is_an_error(tmp_path):
    copy = tmp_path / "docs"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("_build"))
    (copy / "mlp.md").write_text("# Broken\n\n[nothing](nowhere.md)\n", encoding="utf-8")
    command = [sys.executable, str(copy / "build.py"), "html", "--output", str(tmp_path / "html")]
    assert subprocess.run(command, capture_output=True).returncode != 0


def test_what_was_built_is_no_chapter(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    for name in ("one.md", "index.md", "zh/one.md", "_build/html/_downloads/1/README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert build.find_chapters() == [tmp_path / "one.md", tmp_path / "zh" / "one.md"]


def test_notebooks_are_written_beside_each_other(tmp_path, capsys):
    assert build.main(["notebooks", "--output", str(tmp_path)]) == 0
    written = sorted(tmp_path.rglob("*.ipynb"))
    assert [name_of(FOLDER / path.relative_to(tmp_path)) for path in written] == [
        name_of(chapter) for chapter in CHAPTERS
    ]
    assert capsys.readouterr().out.split() == [str(path) for path in written]


@pytest.mark.parametrize(
    ("kind", "module"), [("html", "sphinx.cmd.build"), ("notebooks", "nbformat")]
)
def test_a_missing_extra_is_named(kind, module, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert build.main([kind, "--output", str(tmp_path)]) == 1
    assert "pip install 'dltutorials[docs]'" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert build.main(["notebooks", "--output", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
