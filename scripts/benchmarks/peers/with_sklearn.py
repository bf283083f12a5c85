"""The benchmark's loop in scikit-learn: its MLPClassifier, with or without a hidden layer.

``partial_fit`` passes over the training set once, in minibatches in the given
order, with plain gradient descent when told so. Its initial values are its own;
they are replaced by the tutorial's after a first call that makes the arrays.
"""

import numpy
import protocol
import sklearn
from sklearn.neural_network import MLPClassifier


def build(sets, options):
    (train_x, train_y), (valid_x, valid_y) = sets
    B = options.batch_size
    model = MLPClassifier(
        hidden_layer_sizes=(options.n_hidden,) if options.n_hidden else (),
        activation="tanh",
        solver="sgd",
        alpha=2 * options.L2_reg * B,  # its penalty is alpha / (2 B) times the squares
        batch_size=B,
        learning_rate_init=options.learning_rate,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
    )
    model.partial_fit(train_x[:B], train_y[:B], classes=numpy.arange(options.n_out))
    initial = protocol.initial_params(options)
    for array, value in zip(model.coefs_, initial[::2]):
        array[...] = value
    for array, value in zip(model.intercepts_, initial[1::2]):
        array[...] = value
    return (
        lambda: model.partial_fit(train_x, train_y),
        lambda: numpy.mean(model.predict(valid_x) != valid_y),
    )


protocol.run(build, {"NumPy": numpy.__version__, "scikit-learn": sklearn.__version__})
