"""Labels are checked before they are used as an index.

An index from the data, ``T.log(p_y_given_x)[T.arange(y.shape[0]), y]``, may lie outside
the array. Theano takes -1 for the last label, and Numba reads and writes whatever is
there in memory. :func:`checked_labels` puts an operation between the labels and their
use that raises a :class:`LabelError` before anything is computed with them; it costs
less than a microsecond.

>>> import theano, theano.tensor as T
>>> p_y_given_x, y = T.dmatrix("p_y_given_x"), T.ivector("y")
>>> f = theano.function([p_y_given_x, y], checked_labels(y, *p_y_given_x.shape))
>>> f([[0.5, 0.5]], [1]).tolist()
[1]
>>> try:
...     f([[0.5, 0.5]], [2])
... except LabelError as error:
...     print(error)
y: got label 2 for example 0, expected 0 to 1
"""

from typing import Any, NoReturn

from dltutorials.exceptions import DataError
from dltutorials.types import Expression

import numpy
import theano
import theano.tensor as T

UNLIMITED = numpy.iinfo("int64").max  # for `n_out`, where it is not known


class LabelError(DataError):
    """Labels that are not those of the examples, met while computing."""

    def __init__(self, *what: Any) -> None:
        # Compiled code gives numbers. Theano adds pages on the operation to the message.
        message = str(what[0]).partition("\n")[0] if len(what) == 1 else _describe(*what)
        super().__init__(message)


def _describe(n_labels: int, n_rows: int, example: int = 0, label: int = 0, n_out: int = 0) -> str:
    if n_labels != n_rows:
        return f"y: got {n_labels} labels for {n_rows} examples, expected one for each"
    last = "any" if n_out == UNLIMITED else n_out - 1
    return f"y: got label {label} for example {example}, expected 0 to {last}"


def refuse(y: numpy.ndarray, n_rows: int, n_out: int) -> NoReturn:
    """Raise what is wrong with labels that are known to be wrong."""
    wrong = numpy.flatnonzero((y < 0) | (y >= n_out)) if len(y) == n_rows else [-1]
    raise LabelError(len(y), n_rows, wrong[0], y[wrong[0]] if len(y) else 0, n_out)


class CheckedLabels(theano.Op):
    """The operation: of labels, the number of rows and of labels, to the same labels."""

    __props__ = ()
    view_map = {0: [0]}  # noqa: RUF012 (Theano's protocol)

    def make_node(self, y: Any, n_rows: Any, n_out: Any) -> Any:
        """Return the application of the operation."""
        y = T.as_tensor_variable(y)
        numbers = [T.cast(T.as_tensor_variable(n), "int64") for n in (n_rows, n_out)]
        return theano.Apply(self, [y, *numbers], [y.type()])

    def perform(self, node: Any, inputs: Any, outputs: Any, params: Any = None) -> None:
        """Compute it in NumPy, for a machine without a compiler."""
        y, n_rows, n_out = inputs
        if len(y) != n_rows or (len(y) and (y.min() < 0 or y.max() >= n_out)):
            refuse(y, int(n_rows), int(n_out))
        outputs[0][0] = y

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """Return the number of rows, which is that of the labels, or an error."""
        return [(node.inputs[1],)]

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Say that nothing has a gradient."""
        return [[False], [False], [False]]

    def do_constant_folding(self, *graph: Any) -> bool:
        """Leave constant labels to the call, where an error has a clear message."""
        return False

    def c_code_cache_version(self) -> Any:
        """Return the version of the C code below."""
        return (1,)

    def c_code(self, node: Any, name: str, inputs: Any, outputs: Any, sub: Any) -> str:
        """Return the loop over the labels."""
        [y, n_rows, n_out], [z], fail = inputs, outputs, sub["fail"]
        label = f"(npy_int64)*(npy_{node.inputs[0].dtype}*)PyArray_GETPTR1({y}, i)"
        return f"""
        {{
            npy_int64 n_rows = *(npy_int64*)PyArray_DATA({n_rows});
            npy_int64 n_out = *(npy_int64*)PyArray_DATA({n_out});
            bool is_wrong = PyArray_DIM({y}, 0) != n_rows;
            for (npy_intp i = 0; i < PyArray_DIM({y}, 0); ++i) {{
                npy_int64 label = {label};
                is_wrong |= label < 0 || label >= n_out;
            }}
            if (is_wrong) {{
                PyObject* module = PyImport_ImportModule("{__name__}");
                if (module) {{
                    Py_XDECREF(PyObject_CallMethod(
                        module, "refuse", "OLL", {y}, (long long)n_rows, (long long)n_out));
                    Py_DECREF(module);
                }}
                {fail}
            }}
        }}
        Py_XDECREF({z});
        {z} = {y};
        Py_INCREF({z});
        """


def checked_labels(y: Expression, n_rows: Expression, n_out: Expression = UNLIMITED) -> Expression:
    """Return the labels `y`, which raise an error when they are computed, if they are wrong.

    Parameters
    ----------
    y : integer vector
    n_rows : integer scalar
        The number of examples; there must be as many labels.
    n_out : integer scalar
        The number of labels that there are; each must be from 0 to ``n_out - 1``.

    Returns
    -------
    integer vector of the type of `y`
        Computing it raises a :class:`LabelError` if the labels are not as they should be.
    """
    return CheckedLabels()(y, n_rows, n_out)


def shape_of_probabilities(p_y_given_x: Expression) -> Expression:
    """Return the shape; that of a softmax's argument, where it is a softmax.

    Theano makes the softmax and its loss one operation, which takes the labels: their check
    must not wait for the softmax, or the graph becomes a circle.
    """
    p_y_given_x = T.as_tensor_variable(p_y_given_x)
    node = p_y_given_x.owner
    if node is not None and type(node.op).__name__ == "Softmax":
        [p_y_given_x] = node.inputs
    return p_y_given_x.shape
