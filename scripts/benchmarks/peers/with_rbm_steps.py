"""Training steps of a restricted Boltzmann machine: ``with_rbm_steps.py NAME IMAGES``.

Run by benchmark_rbm.py, with NAME a library. Each takes the same steps: Gibbs sampling
from persistent chains, the gradient, the update, and the pseudo-likelihood of one pixel. Random
numbers differ between libraries, so results agree only roughly.
"""

import json
import platform
import sys
import time

import numpy

BATCH_SIZE, N_HIDDEN, K, RATE = 20, 500, 15, numpy.float32(0.1)
N_EPOCHS = 3


def initial_weights(n_in):
    bound = 4 * numpy.sqrt(6.0 / (n_in + N_HIDDEN))
    W = numpy.random.RandomState(123).uniform(-bound, bound, (n_in, N_HIDDEN))
    return W.astype("float32")


def with_numpy(images):
    """Return a step of a minibatch's number, and the versions."""
    n_done, rng, n_in = 0, numpy.random.default_rng(0), images.shape[1]
    W, b = initial_weights(n_in), numpy.zeros(N_HIDDEN, "float32")
    b_prime = numpy.zeros(n_in, "float32")
    h = numpy.zeros((BATCH_SIZE, N_HIDDEN), "float32")

    def sigmoid(scores):
        numpy.negative(scores, out=scores)
        numpy.exp(scores, out=scores)
        scores += 1
        return numpy.reciprocal(scores, out=scores)

    def draw(p):
        return (rng.random(p.shape, "float32") < p).astype("float32")

    def softplus(scores):
        return numpy.maximum(scores, 0) + numpy.log1p(numpy.exp(-abs(scores)))

    def step(number):
        nonlocal h, n_done
        x = images[number * BATCH_SIZE : (number + 1) * BATCH_SIZE]
        for _ in range(K):
            v = draw(sigmoid(h @ W.T + b_prime))
            p = sigmoid(v @ W + b)
            h = draw(p)
        pixel, rounded = n_done % n_in, (x > 0.5).astype("float32")
        change, scores = 1 - 2 * rounded[:, pixel], rounded @ W + b
        flipped = softplus(scores + numpy.outer(change, W[pixel]))
        gain = (softplus(scores) - flipped).sum(axis=1)
        watched = numpy.mean(-n_in * softplus(change * b_prime[pixel] - gain))
        n_done += 1
        code, rate = sigmoid(x @ W + b), RATE / BATCH_SIZE
        W.__iadd__(rate * (x.T @ code - v.T @ p))
        b.__iadd__(rate * (code - p).sum(axis=0))
        b_prime.__iadd__(rate * (x - v).sum(axis=0))
        return watched

    return step, {"NumPy": numpy.__version__}


def with_torch(images):
    """Return a step of a minibatch's number, and the versions."""
    import torch

    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    images, W = torch.from_numpy(images), torch.from_numpy(initial_weights(images.shape[1]))
    n_done, n_in = 0, images.shape[1]
    b, b_prime, h = torch.zeros(N_HIDDEN), torch.zeros(n_in), torch.zeros(BATCH_SIZE, N_HIDDEN)
    softplus = torch.nn.functional.softplus

    def step(number):
        nonlocal h, n_done
        x = images[number * BATCH_SIZE : (number + 1) * BATCH_SIZE]
        for _ in range(K):
            v = torch.bernoulli(torch.addmm(b_prime, h, W.T).sigmoid_())
            p = torch.addmm(b, v, W).sigmoid_()
            h = torch.bernoulli(p)
        pixel, rounded = n_done % n_in, (x > 0.5).float()
        change, scores = 1 - 2 * rounded[:, pixel], torch.addmm(b, rounded, W)
        flipped = softplus(scores + torch.outer(change, W[pixel]))
        gain = (softplus(scores) - flipped).sum(dim=1)
        watched = -n_in * softplus(change * b_prime[pixel] - gain).mean()
        n_done += 1
        code, rate = torch.addmm(b, x, W).sigmoid_(), float(RATE) / BATCH_SIZE
        W.addmm_(x.T, code, alpha=rate).addmm_(v.T, p, alpha=-rate)
        b.add_((code - p).sum(dim=0), alpha=rate)
        b_prime.add_((x - v).sum(dim=0), alpha=rate)
        return float(watched)

    return step, {"PyTorch": torch.__version__}


def with_dltutorials(images, scan=False):
    """Return a step of a minibatch's number, and the versions."""
    import dltutorials
    from dltutorials import backend
    from dltutorials.backend import loops
    from dltutorials.models import RBM

    import theano.tensor as T

    dltutorials.set_floatX("float32")
    if scan:
        loops._MOST_UNROLLED = 0
    x, data = T.matrix("x"), [dltutorials.shared_dataset((images,))]
    model = RBM(numpy.random.RandomState(123), x, images.shape[1], N_HIDDEN, K)
    updates = model.updates(model.cost(), RATE)
    of = model.watched(), updates, None, model.params, data
    task = dltutorials.compile_task(x, None, *of, batch_size=BATCH_SIZE)
    return task.train_minibatch, backend.versions()


LIBRARIES = {
    "dltutorials": with_dltutorials,
    "dltutorials-scan": lambda images: with_dltutorials(images, scan=True),
    "dltutorials-pytensor": with_dltutorials,
    "numpy": with_numpy,
    "torch": with_torch,
}


def main(name, path):
    images = numpy.load(path)
    step, versions = LIBRARIES[name](images)
    n_batches, seconds, shown = len(images) // BATCH_SIZE, [], []
    for _ in range(N_EPOCHS):
        start = time.process_time()
        shown = [float(step(number)) for number in range(n_batches)]
        seconds.append((time.process_time() - start) / n_batches)
    report = {"seconds": seconds[1:], "pseudo_likelihood": numpy.mean(shown)}
    print(json.dumps({**report, "versions": {"Python": platform.python_version(), **versions}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
