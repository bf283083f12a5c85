import re
from xml.etree import ElementTree

from dltutorials import Result


def record(iteration, loss):
    return {"iteration": iteration, "epoch": iteration // 10 + 1, "validation_loss": loss}


def make_result(losses, **others):
    history = [record(10 * n + 9, loss) for n, loss in enumerate(losses)]
    best = min(history, key=lambda record: record["validation_loss"])
    return Result(
        best_validation_loss=best["validation_loss"],
        best_iteration=best["iteration"],
        history=history,
        n_epochs=len(losses),
        seconds=1.25,
        message="patience ran out",
        **others,
    )


def test_a_result_is_one_line():
    text = repr(make_result([0.5, 0.075, 0.1], test_score=0.08))
    assert text == (
        "<Result: validation error 7.500000 %, test error 8.000000 %, "
        "3 epochs in 1.2 s, patience ran out>"
    )
    assert repr(Result()) == "<Result: 0 epochs in 0.0 s>"


def test_the_table_and_the_curve_of_a_notebook():
    result = make_result([0.5, 0.075, 0.1], test_score=0.08)
    page = ElementTree.fromstring(f"<page>{result._repr_html_()}</page>")
    rows = {row.find("th").text: row.find("td").text for row in page.iter("tr")}
    assert rows == {
        "best validation error": "7.500000 % in epoch 2",
        "its test error": "8.000000 %",
        "epochs": "3 in 1.2 s",
        "ended because": "patience ran out",
    }
    points = [
        tuple(map(float, point.split(",")))
        for point in page.find("svg/polyline").get("points").split()
    ]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert points[0][1] < points[2][1] < points[1][1]  # y grows downwards
    dot = page.find("svg/circle")
    assert (float(dot.get("cx")), float(dot.get("cy"))) == points[1]


def test_results_without_a_curve():
    for result in (Result(), make_result([0.5]), Result(message="<b>", history=[record(9, None)])):
        html = result._repr_html_()
        assert "<svg" not in html
        assert not re.search("<b>", html)
        ElementTree.fromstring(f"<page>{html}</page>")
