import re
from pathlib import Path

import dltutorials

import numpy
import pytest
import theano

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def _keep_floatX():  # noqa: N802
    before = theano.config.floatX
    yield
    theano.config.floatX = before


def percentages(text):
    return [float(number) for number in re.findall(r"([\d.]+)%", text)]


@pytest.mark.usefixtures("_keep_floatX")
def test_the_notebook_example_gives_what_is_shown(capsys):
    [program] = [block for block in blocks("python") if "import dltutorials" in block]
    [shown] = [block for block in blocks("text") if "test error of the best model" in block]
    assert len([line for line in program.splitlines() if line]) <= 21
    exec(compile(program, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    # Another processor rounds otherwise, which over three epochs moves a few of 10,000 images.
    assert len(percentages(printed)) == 4
    assert percentages(printed) == pytest.approx(percentages(shown), abs=0.15)
    assert re.sub(r"[\d.]+%", "", printed) == re.sub(r"[\d.]+%", "", shown)


def test_the_saved_parameters_load_as_shown(tmp_path, monkeypatch):
    [program] = [block for block in blocks("python") if "import pickle" in block]
    monkeypatch.chdir(tmp_path)
    dltutorials.save_params([numpy.eye(2), numpy.ones(2)], "best_model.pkl")
    namespace = {}
    exec(compile(program, "README.md", "exec"), namespace)
    assert namespace["W"].tolist() == [[1, 0], [0, 1]]
    assert namespace["b"].tolist() == [1, 1]


def test_every_module_is_in_the_table_of_parts():
    package = Path(dltutorials.__file__).parent
    modules = {path.stem for path in package.rglob("*.py")} - {"__init__", "errors", "options"}
    table = README[README.index("## The parts") : README.index("## The data")]
    assert {name for name in modules if not re.search(rf"\b{name}`", table)} == set()


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (Path(__file__).resolve().parent.parent / target).exists(), target
