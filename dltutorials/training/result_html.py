"""A result as a notebook shows it: a small table, and the curve of the validation error.

>>> from dltutorials.training.task import Result
>>> record = {"iteration": 82, "epoch": 1, "validation_loss": 0.125}
>>> result = Result(best_validation_loss=0.125, best_iteration=82, test_score=0.12,
...                 history=[record], n_epochs=1, seconds=2.0, message="all 1 epochs are done")
>>> "12.500000 %" in result_html(result)
True
"""

import html

from dltutorials.training.task import Record, Result

_WIDTH, _HEIGHT, _MARGIN = 320, 120, 8  # of the curve, in pixels


def result_html(result: Result) -> str:
    """Return a table of the figures of a result, and its curve, as HTML.

    Parameters
    ----------
    result : Result

    Returns
    -------
    str
        Without scripts, styles for the page, or anything to load.
    """
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in _rows(result)
    )
    return f"<table>{rows}</table>{_curve(result)}"


def _rows(result: Result) -> list[tuple[str, str]]:
    rows = []
    if result.best_iteration is not None:
        best = next((r for r in result.history if r["iteration"] == result.best_iteration), {})
        place = f" in epoch {best['epoch']}" if best else ""
        rows.append(("best validation error", _percent(result.best_validation_loss) + place))
    if result.test_score is not None:
        rows.append(("its test error", _percent(result.test_score)))
    rows.append(("epochs", f"{result.n_epochs} in {result.seconds:.1f} s"))
    if result.message:
        rows.append(("ended because", result.message))
    return rows


def _curve(result: Result) -> str:
    records = [record for record in result.history if record["validation_loss"] is not None]
    if len(records) < 2:
        return ""
    points = [_place(record, records) for record in records]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    best = [p for p, r in zip(points, records) if r["iteration"] == result.best_iteration]
    dots = "".join(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='#d55e00'/>" for x, y in best)
    losses = [record["validation_loss"] for record in records]
    return (
        f"<div>validation error over {result.n_epochs} epochs, from {_percent(max(losses))} "
        f"at the top to {_percent(min(losses))}; the dot is the best model</div>"
        f"<svg width='{_WIDTH}' height='{_HEIGHT}' role='img' style='background:#fff'>"
        f"<polyline points='{line}' fill='none' stroke='#0072b2' stroke-width='2'/>{dots}</svg>"
    )


def _place(record: Record, records: list[Record]) -> tuple[float, float]:
    """Return where in the curve a record is, in pixels."""
    losses = [other["validation_loss"] for other in records]
    x = _share(record["iteration"], records[0]["iteration"], records[-1]["iteration"])
    y = _share(record["validation_loss"], max(losses), min(losses))
    return (
        _MARGIN + x * (_WIDTH - 2 * _MARGIN),
        _MARGIN + y * (_HEIGHT - 2 * _MARGIN),
    )


def _percent(share: float) -> str:
    return f"{share * 100:f} %"


def _share(value: float, first: float, last: float) -> float:
    return 0.5 if first == last else (value - first) / (last - first)
