"""The benchmark's loop on this project: its parts, as the scripts use them."""

import dltutorials

import numpy
import protocol
import theano
import theano.tensor as T


def build(sets, options):
    dltutorials.set_floatX(options.floatX)
    x, y = T.matrix("x"), T.ivector("y")
    hidden, h = [], x
    if options.n_hidden:
        hidden = [theano.shared(value) for value in protocol.initial_params(options)[:2]]
        h = T.tanh(T.dot(x, hidden[0]) + hidden[1])
    n_in = options.n_hidden or options.n_in
    output = dltutorials.LogisticRegression(h, n_in=n_in, n_out=options.n_out)
    params = [*hidden, *output.params]
    cost = output.negative_log_likelihood(y)
    cost += dltutorials.penalty(params[::2], L2_reg=options.L2_reg)
    train_set, valid_set = (dltutorials.shared_dataset(data) for data in sets)
    task = dltutorials.compile_task(
        x,
        y,
        cost,
        dltutorials.sgd(cost, params, options.learning_rate),
        output.errors(y),
        params,
        [train_set, valid_set, valid_set],
        options.batch_size,
    )

    def train_epoch():
        for minibatch in range(task.n_train_batches):
            task.train_minibatch(minibatch)

    return train_epoch, task.validate


protocol.run(build, {"NumPy": numpy.__version__, "Theano": theano.__version__})
