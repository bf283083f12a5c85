from xml.etree import ElementTree

from dltutorials import Loss, Result
from dltutorials.loss import COST
from dltutorials.training.result import record_lines, result_lines


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


def rows_of(result):
    page = ElementTree.fromstring(f"<page>{result._repr_html_()}</page>")
    assert not list(page.iter("svg"))
    return {row.find("th").text: row.find("td").text for row in page.iter("tr")}


def test_the_table_of_a_notebook():
    assert rows_of(make_result([0.5, 0.075, 0.1], test_score=0.08)) == {
        "best validation error": "7.500000 % in epoch 2",
        "test error": "8.000000 %",
        "epochs": "3 in 1.2 s",
        "ended because": "patience ran out",
    }
    assert rows_of(Result()) == {"epochs": "0 in 0.0 s"}
    assert rows_of(Result(message="<b>"))["ended because"] == "<b>"


UNVALIDATED = Result(
    best_iteration=19,
    history=[{**record(19, None), "epoch": 2, "minibatch": 10, "cost": 63.289169}],
    n_epochs=2,
    seconds=4.0,
    message="all 2 epochs are done",
    loss=COST,
)


def test_a_run_without_validation_shows_its_cost():
    assert repr(UNVALIDATED) == (
        "<Result: cost 63.289169, 2 epochs in 4.0 s, all 2 epochs are done>"
    )
    assert rows_of(UNVALIDATED)["cost"] == "63.289169"
    assert result_lines(UNVALIDATED) == [
        "Optimization complete with cost 63.289169",
        "The code ran for 2 epochs, with 0.500000 epochs/sec",
    ]
    [line] = record_lines(UNVALIDATED.history[0], 10, COST)
    assert line == "epoch 2, minibatch 10/10, cost 63.289169"


def test_other_losses_have_their_names_and_units():
    likelihood = Loss("pseudo-likelihood", is_fraction=False, larger_is_better=True)
    result = Result(best_validation_loss=-89.5596, loss=likelihood, test_score=-90)
    assert repr(result).startswith(
        "<Result: validation pseudo-likelihood -89.559600, test pseudo-likelihood -90.000000, "
    )
    lines = record_lines(
        {
            "phase": "layer 1",
            "epoch": 1,
            "minibatch": 5,
            "validation_loss": -89.5,
            "test_score": -90,
        },
        n_train_batches=5,
        loss=likelihood,
    )
    assert lines == [
        "layer 1, epoch 1, minibatch 5/5, validation pseudo-likelihood -89.500000",
        "     layer 1, epoch 1, minibatch 5/5, test pseudo-likelihood of best model -90.000000",
    ]
