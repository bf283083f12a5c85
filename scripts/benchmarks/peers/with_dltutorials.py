"""The benchmark's loop on this project: its parts, as the scripts use them."""

import dltutorials
from dltutorials import backend

import numpy
import protocol
import theano.tensor as T


def build(sets, options):
    dltutorials.set_floatX(options.floatX)
    x, y = T.matrix("x"), T.ivector("y")
    if options.n_hidden:
        rng = numpy.random.RandomState(1234)
        model = dltutorials.MLP(rng, x, options.n_in, options.n_hidden, options.n_out)
    else:
        model = dltutorials.LogisticRegression(x, options.n_in, options.n_out)
    cost = model.negative_log_likelihood(y)
    cost += dltutorials.penalty(model.weights, L2_reg=options.L2_reg)
    train_set, valid_set = (dltutorials.shared_dataset(data) for data in sets)
    task = dltutorials.compile_task(
        x,
        y,
        cost,
        dltutorials.sgd(cost, model.params, options.learning_rate),
        model.errors(y),
        model.params,
        [train_set, valid_set, valid_set],
        options.batch_size,
    )

    def train_epoch():
        costs = [task.train_minibatch(minibatch) for minibatch in range(task.n_train_batches)]
        backend.fetch(costs)  # waits for what a device has not done yet

    return train_epoch, task.validate


protocol.run(build, backend.versions())
