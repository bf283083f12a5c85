"""The benchmark's loop in PyTorch, eager or compiled (``--variant compiled``)."""

import numpy
import protocol
import torch
from torch.nn import functional

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def perceptron(params, x):
    *hidden, W, b = params
    h = torch.tanh(torch.addmm(hidden[1], x, hidden[0])) if hidden else x
    return torch.addmm(b, h, W)


def lenet(params, x):
    maps = x.reshape(-1, 1, 28, 28)
    for W, b in zip(params[:4:2], params[1:4:2]):
        pooled = functional.max_pool2d(functional.conv2d(maps, W), protocol.POOL)
        maps = torch.tanh(pooled + b[:, None, None])
    return perceptron(params[4:], maps.flatten(1))


def autoencoder(params, x):
    W, b, b_prime = params
    code = torch.sigmoid(torch.addmm(b, x, W))
    return torch.addmm(b_prime, code, W.T)  # before the sigmoid


def build(sets, options):
    (train_x, train_y), (valid_x, valid_y) = (
        (torch.from_numpy(x).to(DEVICE), torch.from_numpy(y.astype("int64")).to(DEVICE))
        for x, y in sets
    )
    params = [
        torch.from_numpy(protocol.turn(value)).to(DEVICE)
        for value in protocol.initial_params(options)
    ]
    for param in params:
        param.requires_grad_()
    optimizer = torch.optim.SGD(params, lr=options.learning_rate)
    B = options.batch_size

    model = {"lenet": lenet, "da": autoencoder}.get(options.model, perceptron)

    def cost(x, y):
        if options.model == "da":
            logits = functional.binary_cross_entropy_with_logits
            return logits(model(params, x), x, reduction="sum") / len(x)
        value = functional.cross_entropy(model(params, x), y)
        if options.L2_reg:
            value = value + options.L2_reg * sum((weights**2).sum() for weights in params[::2])
        return value

    if options.variant == "compiled":
        cost = torch.compile(cost)

    def train_epoch():
        for start in range(0, len(train_x), B):
            optimizer.zero_grad()
            cost(train_x[start : start + B], train_y[start : start + B]).backward()
            optimizer.step()
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    def validation_error():
        total = 0
        with torch.no_grad():
            for start in range(0, len(valid_x), B):
                x, y = valid_x[start : start + B], valid_y[start : start + B]
                is_cost = options.model == "da"
                total += B * cost(x, y) if is_cost else (model(params, x).argmax(dim=1) != y).sum()
        return float(total) / len(valid_x)

    return train_epoch, validation_error


protocol.run(build, {"NumPy": numpy.__version__, "PyTorch": torch.__version__})
