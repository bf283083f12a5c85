"""What Theano 1.0.5 computes with random numbers and loops, kept as ``theano_numbers.json``.

Where Theano is installed, ``python tests/backend/theano_numbers.py`` writes the file
again. :func:`compute` runs a case on the engine that is there: shapes, types and numbers of
the outputs of a few calls in a row.
"""

import json
from pathlib import Path

import dltutorials

import numpy
import theano
import theano.tensor as T
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.shared_randomstreams import RandomStreams

FILE = Path(__file__).resolve().parent / "engines" / "theano_numbers.json"


def mrg():
    """Draw from MRG streams: sizes that are known and not, both types, both seeds."""
    rng, x = MRG_RandomStreams(seed=123), T.matrix("x")
    pvals = T.as_tensor_variable(numpy.array([[0.2, 0.3, 0.5], [0.1, 0.9, 0.0]], "float32"))
    outputs = [
        rng.uniform((3, 5)),
        rng.uniform(x.shape, low=-1.0, high=3.0),
        rng.uniform((2,), dtype="float64", nstreams=1),
        rng.binomial(size=x.shape, n=1, p=0.7, dtype="float32"),
        rng.binomial(size=(2, x.shape[0]), p=x[:, 0]),
        rng.multinomial(pvals=pvals),
        rng.multinomial(n=4, pvals=pvals),
    ]
    return call(theano.function([x], outputs), numpy.full((2, 3), 0.4, "float32"))


def mrg_normal():
    """Draw from the normal distribution by MRG streams."""
    rng, x = MRG_RandomStreams(seed=123), T.matrix("x")
    outputs = [rng.normal((3,)), rng.normal(x.shape, avg=1.0, std=2.0, dtype="float64")]
    return call(theano.function([x], outputs), numpy.zeros((2, 3), "float32"))


def mrg_streams():
    """Return the states of the streams of some draws."""
    rng = MRG_RandomStreams(seed=[1, 2, 3, 4, 5, 6])
    for size in ((7,), (600, 700), T.ivector("size")):
        rng.uniform(size, ndim=1 if size != (600, 700) else 2)
    states = [update[0].get_value() for update in rng.state_updates]
    return [[rng.rstate, *(part for state in states for part in (state[-1], state.sum(0)))]]


def old_streams():
    """Draw from NumPy's old generators: each distribution, with odd numbers of normal ones."""
    rng, x = RandomStreams(seed=234), T.matrix("x")
    outputs = [
        rng.uniform((2, 3)),
        rng.uniform(x.shape, low=-1.0, high=3.0, dtype="float64"),
        rng.normal((3,), avg=1.0, std=x[0, 0]),
        rng.binomial(x.shape, n=5, p=x),
        rng.random_integers((4,), low=-2, high=6),
        rng.permutation(n=5),
        rng.permutation((2,), n=3),
        rng.poisson((3,), lam=2.5),
        rng.normal(avg=x),
    ]
    return call(theano.function([x], outputs), numpy.full((1, 2), 0.4, "float32"))


def loop():
    """Let numbers grow in a loop, with a gradient through it, and draw in it."""
    rng, x = MRG_RandomStreams(seed=123), T.vector("x")

    def step(factor, value, x):
        return factor * value + x, value < rng.uniform(value.shape)

    (values, drawn), updates = theano.scan(
        step, sequences=T.arange(1.0, 4.0), outputs_info=[x, None], non_sequences=x
    )
    outputs = [values, drawn, T.grad(T.sum(values[-1]), x)]
    return call(theano.function([x], outputs, updates=updates), numpy.array([0.5, 0.25], "float32"))


def rbm():
    """Train a machine of 6 visible and 4 hidden units by persistent contrastive divergence."""
    rng, numpy_rng, x = MRG_RandomStreams(seed=5), numpy.random.RandomState(1), T.matrix("x")
    values = [numpy_rng.uniform(-0.5, 0.5, (6, 4)), numpy.zeros(4), numpy.zeros(6)]
    params = [theano.shared(value.astype("float32")) for value in values]
    W, hbias, vbias = params
    chain = theano.shared(numpy.zeros((3, 4), "float32"))

    def sample(scores):
        p = T.nnet.sigmoid(scores)
        return rng.binomial(size=p.shape, n=1, p=p, dtype="float32")

    def gibbs(h):
        v = sample(T.dot(h, W.T) + vbias)
        return v, sample(T.dot(v, W) + hbias)

    def free_energy(v):
        return -T.dot(v, vbias) - T.sum(T.nnet.softplus(T.dot(v, W) + hbias), 1)

    (v, h), updates = theano.scan(gibbs, outputs_info=[None, chain], n_steps=15)
    chain_end = v[-1]
    cost = T.mean(free_energy(x)) - T.mean(free_energy(chain_end))
    gradients = T.grad(cost, params, consider_constant=[chain_end])
    for param, gradient in zip(params, gradients):
        updates[param] = param - T.cast(0.1, "float32") * gradient
    updates[chain] = h[-1]
    step = theano.function([x], [cost, chain_end, *gradients], updates=updates)
    return call(step, numpy_rng.randint(0, 2, (3, 6)).astype("float32"))


def make_task():
    """Return a task with random streams of both kinds."""
    x, W = T.matrix("x"), theano.shared(numpy.ones((3, 3), "float32"))
    mask = MRG_RandomStreams(seed=5).binomial((3, 3), p=0.5, dtype="float32")
    noise = RandomStreams(seed=6).normal(x.shape, std=T.cast(0.1, "float32"), dtype="float32")
    cost = T.mean((T.dot(x * mask, W) + noise) ** 2)
    data = theano.shared(numpy.arange(9, dtype="float32").reshape(3, 3) / 9)
    updates = dltutorials.sgd(cost, [W], 0.1)
    return dltutorials.compile_task(x, None, cost, updates, None, [W], [(data,)], batch_size=3)


def interrupted():
    """Take a step, look at parameters and streams, and take another."""
    task = make_task()
    task.train_minibatch(0)
    state = [*task.get_params(), *task.get_rest()]
    return [state, [task.train_minibatch(0)]]


def call(function, *arguments):
    """Return what two calls in a row return."""
    return [function(*arguments) for _ in range(2)]


CASES = (mrg, mrg_normal, mrg_streams, old_streams, loop, rbm, interrupted)


def compute(case):
    """Return what a case gives, as JSON has it."""
    with dltutorials.backend.temporary_floatX("float32"):
        calls = case()
    return [[[str(a.dtype), a.tolist()] for a in map(numpy.asarray, one)] for one in calls]


def expected(case):
    """Return what Theano gives."""
    return json.loads(FILE.read_text(encoding="utf-8"))[case.__name__]


if __name__ == "__main__":
    lines = [f'"{case.__name__}": {json.dumps(compute(case))}' for case in CASES]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
