import re

import dltutorials

import numpy
import pytest
from helpers import ROOT
from markdown_blocks import blocks, percentages, require_as_shown

README = (ROOT / "README.md").read_text(encoding="utf-8")


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
    [bar] = [block for _, block in blocks(README, "python") if "ProgressBar" in block]
    exec(compile(bar, "README.md", "exec"), namespace)
    assert namespace["result"].n_epochs == 1


def test_the_saved_parameters_load_as_shown(tmp_path, monkeypatch):
    [program] = [block for _, block in blocks(README, "python") if "import pickle" in block]
    monkeypatch.chdir(tmp_path)
    dltutorials.save_params([numpy.eye(2), numpy.ones(2)], "best_model.pkl")
    namespace = {}
    exec(compile(program, "README.md", "exec"), namespace)
    assert namespace["W"].tolist() == [[1, 0], [0, 1]]
    assert namespace["b"].tolist() == [1, 1]


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
            assert (ROOT / target).exists(), target
