"""The benchmark's loop on stock Theano or PyTensor, in the style of the original tutorial."""

import sys

import numpy
import protocol

if "pytensor" in sys.argv:
    import pytensor as theano
    import pytensor.tensor as T
    from pytensor.tensor.special import softmax
else:
    import theano
    import theano.tensor as T

    softmax = T.nnet.softmax


def build(sets, options):
    theano.config.floatX = options.floatX
    shared = [
        (theano.shared(x, borrow=True), T.cast(theano.shared(y.astype(x.dtype)), "int32"))
        for x, y in sets
    ]
    (train_x, train_y), (valid_x, valid_y) = shared
    params = [theano.shared(value) for value in protocol.initial_params(options)]
    *hidden, W, b = params
    x, y, index = T.matrix("x"), T.ivector("y"), T.lscalar("index")
    h = T.tanh(T.dot(x, hidden[0]) + hidden[1]) if hidden else x
    scores = T.dot(h, W) + b
    p_y_given_x = softmax(scores) if "pytensor" not in sys.argv else softmax(scores, axis=-1)
    cost = -T.mean(T.log(p_y_given_x)[T.arange(y.shape[0]), y])
    if options.L2_reg:
        cost = cost + options.L2_reg * sum((weights**2).sum() for weights in params[::2])
    errors = T.mean(T.neq(T.argmax(p_y_given_x, axis=1), y))
    updates = [
        (param, param - numpy.asarray(options.learning_rate, options.floatX) * gradient)
        for param, gradient in zip(params, T.grad(cost, params))
    ]
    B = options.batch_size
    rows = slice(index * B, (index + 1) * B)
    step = theano.function(
        [index], cost, updates=updates, givens={x: train_x[rows], y: train_y[rows]}
    )
    validate = theano.function([index], errors, givens={x: valid_x[rows], y: valid_y[rows]})
    n_train, n_valid = len(sets[0][0]) // B, len(sets[1][0]) // B

    def train_epoch():
        for minibatch in range(n_train):
            step(minibatch)

    def validation_error():
        return numpy.mean([validate(minibatch) for minibatch in range(n_valid)])

    return train_epoch, validation_error


versions = {"NumPy": numpy.__version__}
versions["PyTensor" if "pytensor" in sys.argv else "Theano"] = theano.__version__
protocol.run(build, versions)
