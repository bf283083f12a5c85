"""Check that a model's placeholders and sizes fit the data, before anything is compiled.

The engine notices a mismatch only when it runs, and reports it in many lines. Here the
expressions themselves are examined: the types of `x` and `y`, the rows of the matrix that `x`
is multiplied by, and the columns that labels select from.

>>> import theano, theano.tensor as T, numpy
>>> x, W = T.matrix("x"), theano.shared(numpy.zeros((5, 2)))
>>> find_n_in([T.tanh(T.dot(x, W)).sum()], x)
5
"""

from collections.abc import Iterator, Sequence
from typing import Any

from dltutorials.exceptions import OptionError
from dltutorials.shared import SharedDataset
from dltutorials.types import Expression

import numpy

_MAKERS = {0: "scalar", 1: "vector", 2: "matrix", 3: "tensor3", 4: "tensor4"}


def check_placeholders(
    placeholders: Sequence[Expression],
    outputs: Sequence[Expression],
    data: SharedDataset,
    split: str,
) -> None:
    """Refuse placeholders and models that do not fit the type and size of the data.

    Parameters
    ----------
    placeholders : sequence of Theano variables
        ``(x, y)``, or ``(x,)`` for a model that needs no labels.
    outputs : sequence of Theano expressions
        Expressions of the placeholders, such as the cost.
    data : SharedDataset
    split : str
        The name of the set, for the message.

    Raises
    ------
    OptionError
    """
    for name, placeholder, column in zip("xy", placeholders, data.columns):
        _check_type(name, placeholder, column, split)
    n_in = find_n_in(outputs, placeholders[0])
    if n_in not in (None, data.n_in):
        raise OptionError(
            f"n_in: the model has {n_in} inputs, and the {split} set {data.n_in} numbers an "
            f"example; make the model with n_in={data.n_in}"
        )
    highest = _highest_label(data) if len(placeholders) > 1 else None
    n_out = find_n_out(outputs, placeholders[1]) if highest is not None else None
    if n_out is not None and highest is not None and highest >= n_out:
        raise OptionError(
            f"n_out: the model has {n_out} labels, and the {split} set labels up to {highest}; "
            f"make the model with n_out={highest + 1}"
        )


def find_n_in(outputs: Sequence[Expression], x: Expression) -> int | None:
    """Return how many columns the matrix product with `x` requires; None without a product."""
    for variable in _ancestors(outputs):
        if _is_op(variable, "Dot") and _has_columns_of(variable.owner.inputs[0], x):
            shape = _shape(variable.owner.inputs[1])
            if shape:
                return shape[0]
    return None


def find_n_out(outputs: Sequence[Expression], y: Expression) -> int | None:
    """Return the number of columns that the labels `y` select from; None if unknown."""
    for variable in _ancestors(outputs):
        if _is_op(variable, "AdvancedSubtensor"):
            matrix, *indices = variable.owner.inputs
            if any(y in _ancestors([index]) for index in indices[-1:]):
                n_columns = _n_columns(matrix)
                if n_columns is not None:
                    return n_columns
    return None


def _check_type(name: str, placeholder: Any, column: Any, split: str) -> None:
    got, expected = getattr(placeholder, "type", None), column.type
    form: Any = (getattr(got, "dtype", None), getattr(got, "ndim", None))
    if form == (expected.dtype, expected.ndim):
        return
    letter = "i" if expected.dtype == "int32" else ""
    maker = f'T.{letter}{_MAKERS[expected.ndim]}("{name}")'
    what = {"x": "examples, one a row", "y": "labels, integers from 0 on"}[name]
    if name == "y" and expected.dtype != "int32":
        what = "targets"
    shown = f"{form[0]} {_MAKERS.get(form[1], 'array')}" if got is not None else repr(placeholder)
    raise OptionError(
        f"{name}: got a placeholder for a {shown:.80}, and the {split} set has {what}, a "
        f"{expected.dtype} {_MAKERS[expected.ndim]}; make it with {maker}"
    )


def _ancestors(variables: Sequence[Any]) -> Iterator[Any]:
    """Yield all variables that the given ones are computed from, themselves included."""
    seen: set[Any] = set()
    waiting = list(variables)
    while waiting:
        variable = waiting.pop()
        if variable not in seen:
            seen.add(variable)
            yield variable
            waiting.extend(getattr(variable.owner, "inputs", ()) if variable.owner else ())


def _is_op(variable: Any, *names: str) -> bool:
    return variable.owner is not None and type(variable.owner.op).__name__ in names


def _has_columns_of(variable: Any, x: Any) -> bool:
    """Return whether a matrix is `x`, or an elementwise function of it."""
    if variable is x:
        return True
    return _is_op(variable, "Elemwise") and any(
        _has_columns_of(operand, x) for operand in variable.owner.inputs
    )


def _shape(variable: Any) -> tuple[int, ...] | None:
    """Return the shape of a shared variable or a constant; None for anything else."""
    if hasattr(variable, "get_value"):
        return numpy.shape(variable.get_value(borrow=True))
    return numpy.shape(variable.data) if hasattr(variable, "data") else None


def _n_columns(matrix: Any) -> int | None:
    """Return how many columns a matrix has; None if its parameters do not tell."""
    shape = _shape(matrix)
    if shape is not None:
        return shape[-1] if shape else None
    if _is_op(matrix, "Dot"):
        return _n_columns(matrix.owner.inputs[1])
    if _is_op(matrix, "Softmax", "SoftmaxWithBias", "Elemwise", "DimShuffle", "LogSoftmax"):
        if _is_op(matrix, "DimShuffle") and matrix.owner.op.new_order[-1:] != (
            matrix.owner.inputs[0].ndim - 1,
        ):
            return None
        found = [_n_columns(operand) for operand in matrix.owner.inputs]
        return max((n for n in found if n is not None), default=None)
    return None


def _highest_label(data: SharedDataset) -> int | None:
    """Return the largest label; None if finding it would read a whole file."""
    if data.targets != "labels" or len(data.columns) < 2:
        return None
    y = getattr(data.rows[1], "source", data.rows[1])
    return int(y.max()) if isinstance(y, numpy.ndarray) and y.size else None
