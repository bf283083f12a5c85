"""The tables of docs/benchmarks.md and docs/robustness.md are made of stored results."""

import json
import re

import pytest
import stored_results
from helpers import ROOT

RESULTS = sorted((ROOT / "docs" / "results").glob("*.json"))


@pytest.mark.parametrize("name", stored_results.PAGES)
def test_a_page_has_the_tables_of_its_results_and_no_other(name):
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for line, made in zip(page.splitlines(), stored_results.fill_in(page).splitlines()):
        assert line == made, "run scripts/benchmarks/stored_results.py"
    assert page == stored_results.fill_in(page)
    assert not re.search(r"^\|", stored_results.MARKED.sub("", page), re.MULTILINE)


def test_every_result_is_shown():
    pages = [(ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in stored_results.PAGES]
    shown = re.findall(r"<!-- results/([\w.-]+) -->", "".join(pages))
    assert sorted(shown) == [path.name for path in RESULTS]


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_result_says_when_and_where(path):
    result = json.loads(path.read_text(encoding="utf-8"))
    assert re.fullmatch(r"2026-\d\d-\d\d", result["date"])
    assert re.fullmatch(r"[0-9a-f]{7,}(, [0-9a-f]{7,})*", result["commit"])
    assert "core" in result["machine"] or " x " in result["machine"]


def test_a_changed_result_changes_the_page_and_a_broken_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(stored_results, "DOCS", tmp_path)
    (tmp_path / "results").mkdir()
    file = tmp_path / "results" / "one.json"
    result = {"date": "2026-11-28", "commit": "abc1234", "machine": "2 x CPU"}
    file.write_text(json.dumps({**result, "head": ["a", "b"], "rows": [["1", "2 s"]]}))
    page = "before\n\n<!-- results/one.json -->\nold\n<!-- end -->\nafter\n"
    made = stored_results.fill_in(page)
    assert (
        "\n2 x CPU, 2026-11-28, commit abc1234:\n\n| a | b |\n| --- | --- |\n| 1 | 2 s |\n" in made
    )
    assert stored_results.fill_in(made) == made
    file.write_text(json.dumps({"date": "2026-11-28"}))
    with pytest.raises(Exception, match=r"one.json: got KeyError: 'machine', expected a result"):
        stored_results.fill_in(page)
