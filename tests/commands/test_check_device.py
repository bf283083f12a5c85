"""What check_device.py says of the machine."""

import re

from dltutorials import backend


def test_it_names_what_computes_and_times_an_epoch(find_main, tiny_file, capsys):
    assert find_main("check_device")(["--dataset", str(tiny_file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"backend: {backend.describe_backend()}"
    assert lines[1].startswith("device: cpu")
    assert lines[-2] == "data: 0 MB of float32, which fit"
    assert re.fullmatch(
        r"epoch: \d+\.\d{3} s for 2 minibatches of 30 \(logistic regression\), "
        r"0 transfers to the device",
        lines[-1],
    )
