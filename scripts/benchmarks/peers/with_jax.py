"""The benchmark's loop in JAX: a compiled call a step, or a scan an epoch (``--variant scan``)."""

import jax
import jax.numpy as jnp
import numpy
import protocol


def build(sets, options):
    jax.config.update("jax_enable_x64", options.floatX == "float64")
    (train_x, train_y), (valid_x, valid_y) = ((jnp.asarray(x), jnp.asarray(y)) for x, y in sets)
    params = [jnp.asarray(value) for value in protocol.initial_params(options)]
    B = options.batch_size
    n_train = len(train_x) // B

    def scores(params, x):
        *hidden, W, b = params
        h = jnp.tanh(x @ hidden[0] + hidden[1]) if hidden else x
        return h @ W + b

    def cost(params, x, y):
        log_p = jax.nn.log_softmax(scores(params, x))
        value = -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()
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
    def n_wrong(params, x, y):
        return (scores(params, x).argmax(axis=1) != y).sum()

    return train_epoch, lambda: int(n_wrong(params, valid_x, valid_y)) / len(valid_x)


protocol.run(build, {"NumPy": numpy.__version__, "JAX": jax.__version__})
