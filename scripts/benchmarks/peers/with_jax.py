"""The benchmark's loop in JAX: a compiled call a step, or a scan an epoch (``--variant scan``)."""

import jax
import jax.numpy as jnp
import numpy
import protocol


def perceptron(params, x):
    *hidden, W, b = params
    h = jnp.tanh(x @ hidden[0] + hidden[1]) if hidden else x
    return h @ W + b


def lenet(params, x):
    maps = x.reshape(-1, 1, 28, 28)
    window = (1, 1, protocol.POOL, protocol.POOL)
    for W, b in zip(params[:4:2], params[1:4:2]):
        z = jax.lax.conv(maps, W, (1, 1), "VALID")
        pooled = jax.lax.reduce_window(z, -jnp.inf, jax.lax.max, window, window, "VALID")
        maps = jnp.tanh(pooled + b[:, None, None])
    return perceptron(params[4:], maps.reshape(len(x), -1))


def autoencoder(params, x):
    W, b, b_prime = params
    code = jax.nn.sigmoid(x @ W + b)
    return code @ W.T + b_prime  # before the sigmoid


def build(sets, options):
    jax.config.update("jax_enable_x64", options.floatX == "float64")
    (train_x, train_y), (valid_x, valid_y) = ((jnp.asarray(x), jnp.asarray(y)) for x, y in sets)
    params = [jnp.asarray(protocol.turn(value)) for value in protocol.initial_params(options)]
    B = options.batch_size
    n_train = len(train_x) // B

    model = {"lenet": lenet, "da": autoencoder}.get(options.model, perceptron)

    def cost(params, x, y):
        scores = model(params, x)
        if options.model == "da":
            return (jax.nn.softplus(scores) - x * scores).sum(axis=1).mean()
        value = -jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], axis=1).mean()
        return value + options.L2_reg * sum((weights**2).sum() for weights in params[::2])

    def update(params, index, train_x, train_y):
        x = jax.lax.dynamic_slice_in_dim(train_x, index * B, B)
        y = jax.lax.dynamic_slice_in_dim(train_y, index * B, B)
        gradients = jax.grad(cost)(params, x, y)
        return [
            param - options.learning_rate * gradient for param, gradient in zip(params, gradients)
        ]

    step = jax.jit(update, donate_argnums=0)

    @jax.jit
    def epoch(params, train_x, train_y):
        def body(params, index):
            return update(params, index, train_x, train_y), None

        return jax.lax.scan(body, params, jnp.arange(n_train))[0]

    def train_epoch():
        nonlocal params
        if options.variant == "scan":
            params = epoch(params, train_x, train_y)
        else:
            for index in range(n_train):
                params = step(params, index, train_x, train_y)
        jax.block_until_ready(params)

    @jax.jit
    def total(params, x, y):
        if options.model == "da":
            return cost(params, x, y) * len(x)
        return (model(params, x).argmax(axis=1) != y).sum()

    return train_epoch, lambda: float(total(params, valid_x, valid_y)) / len(valid_x)


protocol.run(build, {"NumPy": numpy.__version__, "JAX": jax.__version__})
