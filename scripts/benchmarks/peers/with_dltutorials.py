"""The benchmark's loop on this project: its parts, as the scripts use them."""

import dltutorials
from dltutorials import backend
from dltutorials.models import Autoencoder

import numpy
import protocol
import theano.tensor as T


def make_model(options, x):
    n_in, n_hidden, n_out = options.n_in, options.n_hidden, options.n_out
    if options.model == "logreg":
        return dltutorials.LogisticRegression(x, n_in, n_out)
    if options.model == "mlp":
        return dltutorials.MLP(numpy.random.RandomState(1234), x, n_in, n_hidden, n_out)
    if options.model == "lenet":
        return dltutorials.LeNet(numpy.random.RandomState(23455), x, n_out)
    return Autoencoder(numpy.random.RandomState(123), x, n_in, n_hidden)


def build(sets, options):
    dltutorials.set_floatX(options.floatX)
    x, y = T.matrix("x"), T.ivector("y")
    model = make_model(options, x)
    if options.model == "da":
        y, cost = None, model.cost()
        errors = cost
    else:
        cost, errors = model.negative_log_likelihood(y), model.errors(y)
        cost += dltutorials.penalty(model.weights, L2_reg=options.L2_reg)
    train_set, valid_set = (dltutorials.shared_dataset(data) for data in sets)
    task = dltutorials.compile_task(
        x,
        y,
        cost,
        dltutorials.sgd(cost, model.params, options.learning_rate),
        errors,
        model.params,
        [train_set, valid_set, valid_set],
        options.batch_size,
    )

    def train_epoch():
        costs = [task.train_minibatch(minibatch) for minibatch in range(task.n_train_batches)]
        backend.fetch(costs)  # waits for what a device has not done yet

    return train_epoch, task.validate


protocol.run(build, backend.versions())
