"""An autoencoder: it learns, without labels, to find its input again from a few features.

The decoder's weights are the encoder's, transposed.
"""

import numpy
import theano
import theano.tensor as T


class Autoencoder:
    """A hidden layer of logistic units, and the reconstruction of the input from it."""

    chapter = "autoencoder"
    is_supervised = False

    def __init__(self, rng, input, n_in, n_hidden):
        floatX, bound = theano.config.floatX, 4 * (6 / (n_in + n_hidden)) ** 0.5
        W = rng.uniform(-bound, bound, (n_in, n_hidden)).astype(floatX)
        self.W = theano.shared(W, "W")
        self.b = theano.shared(numpy.zeros(n_hidden, floatX), "b")
        self.b_prime = theano.shared(numpy.zeros(n_in, floatX), "b_prime")
        self.params, self.weights, self.options = [self.W, self.b, self.b_prime], [self.W], {}
        self.input = input
        self.hidden = T.nnet.sigmoid(T.dot(input, self.W) + self.b)
        self.reconstruction = T.nnet.sigmoid(T.dot(self.hidden, self.W.T) + self.b_prime)

    def cost(self):
        """Return the cross-entropy of the reconstruction: a sum over inputs, a mean of examples."""
        cross_entropy = T.nnet.binary_crossentropy(self.reconstruction, self.input)
        return T.mean(T.sum(cross_entropy, axis=1))

    @staticmethod
    def sizes(shapes):
        """Return the numbers of units of a model with such parameters, or None."""
        match shapes:
            case [(n_in, n_hidden), (_,), (n_visible,)] if n_visible == n_in:
                return {"n_in": n_in, "n_hidden": n_hidden}
        return None
