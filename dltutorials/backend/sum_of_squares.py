"""The sum of squares as one operation, for the L2 penalty.

Theano's own C code for ``T.sum(W**2)`` stores all squares, and then adds them one by one, each
addition waiting for the one before. For a multilayer perceptron and minibatches of 20 examples,
this took two fifths of a training step. The operation here reads the matrix once and keeps sixteen
independent sums, which the compiler turns into vector instructions; they are float64 for both
types, as in Theano.

>>> import numpy, theano
>>> W = theano.shared(numpy.array([[1.0, 2.0], [3.0, 4.0]]))
>>> total = sum_of_squares(W)
>>> float(total.eval()), theano.grad(total, W).eval().tolist()
(30.0, [[2.0, 4.0], [6.0, 8.0]])
"""

from typing import Any

import numpy
import theano
import theano.tensor as T


class SumOfSquares(theano.Op):
    """The operation, from a float tensor of any shape to a scalar of its dtype."""

    __props__ = ()

    def make_node(self, x: Any) -> Any:
        """Return the application of the operation to `x`."""
        x = T.as_tensor_variable(x)
        return theano.Apply(self, [x], [T.TensorType(x.dtype, ())()])

    def perform(self, node: Any, inputs: Any, outputs: Any, params: Any = None) -> None:
        """Compute the output with NumPy, for a machine without a compiler."""
        [x] = inputs
        total = numpy.square(x, dtype="float64").sum()
        outputs[0][0] = numpy.asarray(total, dtype=node.outputs[0].dtype)

    def grad(self, inputs: Any, output_gradients: Any) -> list[Any]:
        """Return the gradient, in a form that Theano fuses with a matrix product."""
        [x], [gradient] = inputs, output_gradients
        return [2 * x * gradient]

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """Return the shape of a scalar."""
        return [()]

    def c_code_cache_version(self) -> Any:
        """Return the version of the C code below."""
        return (1,)

    def c_support_code(self) -> str:
        """Return the loop."""
        return """
        template <typename number> static double dltutorials_sum_of_squares(
            const number* values, npy_intp n)
        {
            double sums[16] = {0};
            npy_intp i = 0;
            for (; i + 16 <= n; i += 16)
                for (int j = 0; j < 16; ++j)
                    sums[j] += (double)values[i + j] * (double)values[i + j];
            for (; i < n; ++i)
                sums[0] += (double)values[i] * (double)values[i];
            double total = 0;
            for (int j = 0; j < 16; ++j)
                total += sums[j];
            return total;
        }
        """

    def c_code(self, node: Any, name: str, inputs: Any, outputs: Any, sub: Any) -> str:
        """Return the call of the loop."""
        [x], [z], fail = inputs, outputs, sub["fail"]
        number = f"npy_{node.inputs[0].dtype}"
        return f"""
        if (!{z}) {{
            {z} = (PyArrayObject*)PyArray_EMPTY(0, NULL, PyArray_TYPE({x}), 0);
            if (!{z}) {fail}
        }}
        {{
            PyArrayObject* whole = PyArray_GETCONTIGUOUS({x});
            if (!whole) {fail}
            *({number}*)PyArray_DATA({z}) = ({number})dltutorials_sum_of_squares(
                (const {number}*)PyArray_DATA(whole), PyArray_SIZE(whole));
            Py_DECREF(whole);
        }}
        """


def sum_of_squares(x: Any) -> Any:
    """Return ``T.sum(x**2)``.

    Parameters
    ----------
    x : float tensor
        Anything else is left to Theano's own operations.

    Returns
    -------
    scalar of the dtype of `x`
    """
    x = T.as_tensor_variable(x)
    if x.dtype in ("float32", "float64"):
        return SumOfSquares()(x)
    return T.sum(x**2)
