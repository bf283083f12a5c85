"""The benchmark's loop in plain NumPy, with the gradients written out by hand."""

import numpy
import protocol


def build(sets, options):
    return (build_autoencoder if options.model == "da" else build_perceptron)(sets, options)


def build_perceptron(sets, options):
    (train_x, train_y), (valid_x, valid_y) = sets
    params = protocol.initial_params(options)
    *hidden, W, b = params
    B, rate = options.batch_size, options.learning_rate
    decay = 1 - 2 * rate * options.L2_reg
    rows = numpy.arange(B)

    def features(x):
        return numpy.tanh(x @ hidden[0] + hidden[1]) if hidden else x

    def scores(x):
        return features(x) @ W + b

    def step(x, y):
        h = features(x)
        p = h @ W + b
        p -= p.max(axis=1, keepdims=True)
        numpy.exp(p, out=p)
        p /= p.sum(axis=1, keepdims=True)
        p[rows, y] -= 1
        p *= rate / B
        if hidden:
            back = (p @ W.T) * (1 - h * h)
            for param in (hidden[0], W):
                param *= decay
            hidden[0] -= x.T @ back
            hidden[1] -= back.sum(axis=0)
        elif decay != 1:
            W.__imul__(decay)
        W.__isub__(h.T @ p)
        b.__isub__(p.sum(axis=0))

    def train_epoch():
        for start in range(0, len(train_x), B):
            step(train_x[start : start + B], train_y[start : start + B])

    def validation_error():
        wrong = [
            scores(valid_x[start : start + B]).argmax(axis=1) != valid_y[start : start + B]
            for start in range(0, len(valid_x), B)
        ]
        return numpy.mean(wrong)

    return train_epoch, validation_error


def build_autoencoder(sets, options):
    (train_x, _), (valid_x, _) = sets
    W, b, b_prime = protocol.initial_params(options)
    B, rate = options.batch_size, options.learning_rate

    def sigmoid(z):
        return 1 / (1 + numpy.exp(-z))

    def step(x):
        h = sigmoid(x @ W + b)
        d = (sigmoid(h @ W.T + b_prime) - x) * (rate / B)
        back = (d @ W) * h * (1 - h)
        W.__isub__(x.T @ back + d.T @ h)
        b.__isub__(back.sum(axis=0))
        b_prime.__isub__(d.sum(axis=0))

    def train_epoch():
        for start in range(0, len(train_x), B):
            step(train_x[start : start + B])

    def validation_cost():
        costs = []
        for start in range(0, len(valid_x), B):
            x = valid_x[start : start + B]
            scores = sigmoid(x @ W + b) @ W.T + b_prime
            costs.append((numpy.logaddexp(0, scores) - x * scores).sum(axis=1).mean())
        return numpy.mean(costs)

    return train_epoch, validation_cost


protocol.run(build, {"NumPy": numpy.__version__})
