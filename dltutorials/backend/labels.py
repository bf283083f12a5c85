"""A check of labels before they are used as an index.

An index from the data, ``T.log(p_y_given_x)[T.arange(y.shape[0]), y]``, may lie outside
the array. Theano takes -1 for the last label, and Numba reads and writes whatever is in memory
there. :func:`checked_labels` inserts an operation that raises a :class:`LabelError` before
anything is computed with wrong labels; it costs less than a microsecond.

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

UNLIMITED = numpy.iinfo("int64").max  # for `n_out`, if it is unknown


class LabelError(DataError):
    """Labels that do not fit the examples, found during computation."""

    def __init__(self, *what: Any) -> None:
        # Compiled code passes numbers. Theano adds pages about the operation to the message.
        message = str(what[0]).partition("\n")[0] if len(what) == 1 else _describe(*what)
        super().__init__(message)


def _describe(n_labels: int, n_rows: int, example: int = 0, label: int = 0, n_out: int = 0) -> str:
    if n_labels != n_rows:
        return f"y: got {n_labels} labels for {n_rows} examples, expected one for each"
    last = "any" if n_out == UNLIMITED else n_out - 1
    return f"y: got label {label} for example {example}, expected 0 to {last}"


def refuse(y: numpy.ndarray, n_rows: int, n_out: int) -> NoReturn:
    """Raise the error that describes labels known to be wrong."""
    wrong = numpy.flatnonzero((y < 0) | (y >= n_out)) if len(y) == n_rows else [-1]
    raise LabelError(len(y), n_rows, wrong[0], y[wrong[0]] if len(y) else 0, n_out)


class CheckedLabels(theano.Op):
    """The operation: returns the labels, given the numbers of rows and of classes."""

    __props__ = ()
    view_map = {0: [0]}  # noqa: RUF012 (Theano's protocol)

    def make_node(self, y: Any, n_rows: Any, n_out: Any) -> Any:
        """Return the application of the operation."""
        y = T.as_tensor_variable(y)
        numbers = [T.cast(T.as_tensor_variable(n), "int64") for n in (n_rows, n_out)]
        return theano.Apply(self, [y, *numbers], [y.type()])

    def perform(self, node: Any, inputs: Any, outputs: Any, params: Any = None) -> None:
        """Compute the output with NumPy, for a machine without a compiler."""
        y, n_rows, n_out = inputs
        if len(y) != n_rows or (len(y) and (y.min() < 0 or y.max() >= n_out)):
            refuse(y, int(n_rows), int(n_out))
        outputs[0][0] = y

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """Return the number of rows: there are as many labels, or an error."""
        return [(node.inputs[1],)]

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Declare that nothing has a gradient."""
        return [[False], [False], [False]]

    def do_constant_folding(self, *graph: Any) -> bool:
        """Check constant labels at the call only, where an error has a clear message."""
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
    """Return the labels `y`; if they are wrong, computing them raises an error.

    Parameters
    ----------
    y : integer vector
    n_rows : integer scalar
        The number of examples; there must be as many labels.
    n_out : integer scalar
        The number of classes; each label must be from 0 to ``n_out - 1``.

    Returns
    -------
    integer vector of the type of `y`
        Computing it raises a :class:`LabelError` if a label or their number is wrong.
    """
    return CheckedLabels()(y, n_rows, n_out)


def shape_of_probabilities(p_y_given_x: Expression) -> Expression:
    """Return the shape, taken from a softmax's argument if it is a softmax.

    Theano fuses the softmax and its loss into one operation that takes the labels: if their check
    needed the softmax, the graph would have a cycle.
    """
    p_y_given_x = T.as_tensor_variable(p_y_given_x)
    node = p_y_given_x.owner
    if node is not None and type(node.op).__name__ == "Softmax":
        [p_y_given_x] = node.inputs
    return p_y_given_x.shape
