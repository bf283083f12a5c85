import json

import pytest
from helpers import SCRIPTS, run_python

SCRIPT = SCRIPTS / "benchmarks" / "benchmark_device.py"


@pytest.mark.slow
def test_each_figure_is_a_row_and_is_written_at_once(tiny_file, tmp_path):
    file = tmp_path / "figures.json"
    done = run_python(
        *(SCRIPT, "--chapter", "logreg", "--batch-size", 10, "--batch-size", 1000),
        *("--dataset", tiny_file, "--seconds", 300, "--json", file),
    )
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert rows[1].startswith("| logreg | 10 | dltutorials | ")
    assert rows[2].startswith("| logreg | 1000 | dltutorials | train_logreg.py: error: batch_size:")
    small, large = json.loads(file.read_text())["figures"]
    assert small["epochs_a_second"] > 0
    assert large["epochs_a_second"] is None
