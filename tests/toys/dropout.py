"""A network that learns with dropout: each step leaves out hidden units, drawn at random.

What remains is scaled up, so that prediction, which uses all units, needs no change.
"""

from dltutorials.losses import negative_log_likelihood
from dltutorials.models import Classifier, LogisticRegression
from dltutorials.models.mlp import HiddenLayer

import theano
import theano.tensor as T
from theano.sandbox.rng_mrg import MRG_RandomStreams


class Dropout(Classifier):
    """One hidden layer, of which each step keeps the fraction `kept`, and a softmax layer."""

    chapter = "dropout"

    def __init__(self, rng, input, n_in, n_hidden, n_out, kept=0.5):
        self.input, self.n_in, self.n_out = input, n_in, n_out
        self.options = {"kept": kept}
        hidden = HiddenLayer(rng, input, n_in, n_hidden)
        output = LogisticRegression(hidden.output, n_hidden, n_out)
        self.params = [*hidden.params, *output.params]
        self.weights = [hidden.W, output.W]
        self.p_y_given_x, self.y_pred = output.p_y_given_x, output.y_pred
        streams = MRG_RandomStreams(int(rng.randint(1, 2**30)))
        shape, floatX = hidden.output.shape, theano.config.floatX
        mask = streams.binomial(size=shape, p=kept, nstreams=64, dtype=floatX)
        thinned = hidden.output * mask / T.cast(kept, floatX)
        self.p_in_training = T.nnet.softmax(T.dot(thinned, output.W) + output.b)

    def cost(self, y):
        """Return the mean negative log-likelihood of the labels, with the units that are kept."""
        return negative_log_likelihood(self.p_in_training, y)

    @staticmethod
    def sizes(shapes):
        """Return the numbers of units of a model with such parameters, or None."""
        match shapes:
            case [(n_in, n_hidden), (_,), (_, n_out), (_,)]:
                return {"n_in": n_in, "n_hidden": n_hidden, "n_out": n_out}
        return None
