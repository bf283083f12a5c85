import re

import dltutorials

import numpy
import pytest
import theano
from helpers import ROOT
from markdown_blocks import blocks, percentages, place_of, require_as_shown

README = (ROOT / "README.md").read_text(encoding="utf-8")
TRAINING = (ROOT / "docs/training.md").read_text(encoding="utf-8")
CSV_EXAMPLE = """\
frame = pandas.read_csv("mine.csv")
datasets = load_data((frame.drop(columns="label"), frame["label"]))
"""


@pytest.mark.slow
def test_the_notebook_example_gives_what_is_shown(capsys):
    [program] = [block for _, block in blocks(README, "python") if "import dltutorials" in block]
    [shown] = [
        block for _, block in blocks(README, "text") if "test error of the best model" in block
    ]
    assert len([line for line in program.splitlines() if line]) <= 21
    namespace = {}
    exec(compile(program, "README.md", "exec"), namespace)
    printed = capsys.readouterr().out
    assert len(percentages(printed)) == 4
    require_as_shown(printed, shown)
    [bar] = [block for _, block in blocks(TRAINING, "python") if "ProgressBar" in block]
    exec(compile(bar, "training.md", "exec"), namespace)
    assert namespace["result"].n_epochs == 1


def test_the_saved_parameters_load_as_shown(tmp_path, monkeypatch):
    [program] = [block for _, block in blocks(TRAINING, "python") if "import pickle" in block]
    monkeypatch.chdir(tmp_path)
    dltutorials.save_params([numpy.eye(2), numpy.ones(2)], "best_model.pkl")
    namespace = {}
    exec(compile(program, "training.md", "exec"), namespace)
    assert namespace["W"].tolist() == [[1, 0], [0, 1]]
    assert namespace["b"].tolist() == [1, 1]


def test_a_saved_model_predicts_as_shown(tmp_path, monkeypatch, capsys):
    text = (ROOT / "docs/prediction.md").read_text("utf-8")
    [program] = [block for _, block in blocks(text, "python")]
    x = theano.tensor.matrix("x")
    model = dltutorials.LogisticRegression(x, n_in=3, n_out=3)
    model.W.set_value(numpy.eye(3, dtype=model.W.dtype))
    model.class_names = ("cat", "dog", "owl")
    monkeypatch.chdir(tmp_path)
    dltutorials.save_params(model, "best_model.pkl")
    exec(compile(program, "prediction.md", "exec"), {"images": numpy.eye(3)[[0, 2]]})
    assert capsys.readouterr().out in [block for _, block in blocks(text, "text")]


def test_the_examples_on_data_print_what_is_shown(capsys):
    shown = []
    for language, block in blocks((ROOT / "docs/data.md").read_text("utf-8"), "python", "text"):
        if language == "python":
            exec(compile(block, "data.md", "exec"), {})
            shown.append(capsys.readouterr().out)
        elif shown:
            assert block in (shown[-1], CSV_EXAMPLE)
    assert len(shown) == 2


def test_a_frame_from_a_csv_file_is_loaded_as_shown(tmp_path):
    pandas = pytest.importorskip("pandas")
    rng = numpy.random.RandomState(0)
    frame = pandas.DataFrame(rng.rand(60, 3), columns=["a", "b", "c"])
    frame["label"] = rng.choice(["yes", "no"], 60)
    frame.to_csv(tmp_path / "mine.csv", index=False)
    program = CSV_EXAMPLE.replace("mine.csv", str(tmp_path / "mine.csv"))
    namespace = {"pandas": pandas, "load_data": dltutorials.load_data}
    exec(compile(program, "data.md", "exec"), namespace)
    assert namespace["datasets"].class_names == ("no", "yes")


def test_readme_fits_its_readers():
    assert len(README.splitlines()) <= 140
    assert len(README.split()) <= 1100


def test_the_test_command_is_the_one_that_ci_runs():
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    [command] = re.findall(r'^test_command="(.+?)"', run, re.MULTILINE)
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    commands = [block for text in (README, contributing) for _, block in blocks(text, "sh")]
    assert any(f" && .venv/bin/{command}\n" in block for block in commands)
    assert any(re.search(rf"^{command} +#", block, re.MULTILINE) for block in commands)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    for check in re.findall(r"entry: ([^,]+),", hooks):
        assert re.search(rf"^{check}\b", run, re.MULTILINE), check


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), place_of(ROOT / "README.md", target)
