r"""What a training prints: the tutorial's own lines.

Errors are shares of a set; they are printed as percentages with six decimals,
which for 9,600 images is every digit that there is.

>>> record = {"epoch": 1, "minibatch": 83, "validation_loss": 1196 / 9600, "test_score": 0.12375}
>>> print(*record_lines(record, n_train_batches=83), sep="\n")
epoch 1, minibatch 83/83, validation error 12.458333 %
     epoch 1, minibatch 83/83, test error of best model 12.375000 %
"""

from dltutorials.training.task import Record, Result


def record_lines(record: Record, n_train_batches: int) -> list[str]:
    """Return the lines for one record of the history.

    Parameters
    ----------
    record : dict
        As :class:`dltutorials.training.task.Result` describes it.
    n_train_batches : int
        Minibatches in an epoch.

    Returns
    -------
    list of str
        One line; a second one where the test set was looked at.

    Notes
    -----
    Source: Classifying MNIST digits using Logistic Regression, its output.
    """
    place = f"epoch {record['epoch']}, minibatch {record['minibatch']}/{n_train_batches}"
    if record["validation_loss"] is None:
        return [f"{place}, cost {record['cost']:f}"]
    lines = [f"{place}, validation error {record['validation_loss'] * 100:f} %"]
    if record["test_score"] is not None:
        lines.append(f"     {place}, test error of best model {record['test_score'] * 100:f} %")
    return lines


def result_lines(result: Result) -> list[str]:
    """Return the two closing lines of a training with a validation and a test set.

    Parameters
    ----------
    result : Result

    Returns
    -------
    list of str

    Notes
    -----
    Source: Classifying MNIST digits using Logistic Regression, its output.
    """
    test = (
        ""
        if result.test_score is None
        else f", with test performance {result.test_score * 100:f} %"
    )
    speed = result.n_epochs / result.seconds
    return [
        "Optimization complete with best validation score of "
        f"{result.best_validation_loss * 100:f} %{test}",
        f"The code ran for {result.n_epochs} epochs, with {speed:f} epochs/sec",
    ]
