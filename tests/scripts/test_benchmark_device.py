import json
import types

import benchmark_device
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


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--json", "DATA"), 2, "json: got DATA, which --dataset reads"),
        (("--json", "none/figures.json"), 1, "cannot write"),
        (("--peer", "nobody"), 2, "peer: got 'nobody', expected NAME=PYTHON"),
    ],
)
def test_what_cannot_be_used_is_said_before_the_first_run(
    tiny_file, tmp_path, monkeypatch, capsys, arguments, status, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmark_device, "run_ours", lambda *_: pytest.fail("it ran"))
    before = tiny_file.read_bytes()
    arguments = [str(tiny_file) if word == "DATA" else word for word in arguments]
    assert benchmark_device.main(["--dataset", str(tiny_file), *arguments]) == status
    assert message.replace("DATA", str(tiny_file)) in capsys.readouterr().err
    assert tiny_file.read_bytes() == before


LATE_DEATH = """
import json, sys
history = sys.argv[sys.argv.index("--history") + 1]
records = [{"epoch": n, "iteration": n, "seconds": n} for n in range(5)]
lines = [{"dltutorials history": 1, "n_train_batches": 1}, *records]
open(history, "w").writelines(json.dumps(line) + "\\n" for line in lines)
sys.exit("the device is gone")
"""


def test_a_run_that_dies_late_has_no_figure(tmp_path, monkeypatch):
    (tmp_path / "train_mlp.py").write_text(LATE_DEATH)
    monkeypatch.setattr(benchmark_device, "SCRIPTS", tmp_path)
    options = types.SimpleNamespace(dataset="none", seconds=60)
    about = {"chapter": "mlp", "batch_size": 1}
    found = benchmark_device.run_ours(about, options, tmp_path)
    assert found == {"epochs_a_second": None, "found": "the device is gone"}
