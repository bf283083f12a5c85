"""The benchmark's loop in PyTorch, eager or compiled (``--variant compiled``)."""

import numpy
import protocol
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def build(sets, options):
    (train_x, train_y), (valid_x, valid_y) = (
        (torch.from_numpy(x).to(DEVICE), torch.from_numpy(y.astype("int64")).to(DEVICE))
        for x, y in sets
    )
    params = [torch.from_numpy(value).to(DEVICE) for value in protocol.initial_params(options)]
    for param in params:
        param.requires_grad_()
    optimizer = torch.optim.SGD(params, lr=options.learning_rate)
    B = options.batch_size

    def scores(x):
        *hidden, W, b = params
        h = torch.tanh(torch.addmm(hidden[1], x, hidden[0])) if hidden else x
        return torch.addmm(b, h, W)

    def cost(x, y):
        value = torch.nn.functional.cross_entropy(scores(x), y)
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
        wrong = 0
        with torch.no_grad():
            for start in range(0, len(valid_x), B):
                prediction = scores(valid_x[start : start + B]).argmax(dim=1)
                wrong += int((prediction != valid_y[start : start + B]).sum())
        return wrong / len(valid_x)

    return train_epoch, validation_error


protocol.run(build, {"NumPy": numpy.__version__, "PyTorch": torch.__version__})
