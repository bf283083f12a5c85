"""LeNet, as a model and as a script."""

import pickle
import warnings
from pathlib import Path

from dltutorials import DataError, DataWarning, OptionError, load_model, save_params
from dltutorials.models import LeNet, find_chapter
from dltutorials.models.conv_pool import LeNetConvPoolLayer
from dltutorials.training.description import Description

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import make_split, save_npz


def lenet(**changes):
    sizes = {"n_out": 3, "image_shape": (8, 7, 2), "nkerns": [3], "n_hidden": 4}
    sizes = {**sizes, "filter_shape": [3, 2], **changes}
    return LeNet(numpy.random.RandomState(1), T.matrix("x"), **sizes)


def convolve(x, W):
    """Return what the definition says, term by term."""
    n_filters, _, rows, columns = W.shape
    z = numpy.zeros((len(x), n_filters, x.shape[2] - rows + 1, x.shape[3] - columns + 1))
    for i, j in numpy.ndindex(*z.shape[2:]):
        for u, v in numpy.ndindex(rows, columns):
            pixels = x[:, :, i + rows - 1 - u, j + columns - 1 - v]
            z[:, :, i, j] += pixels.dot(W[:, :, u, v].T)
    return z


def pool(z):
    tops = [z[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return numpy.maximum.reduce(tops)


@pytest.mark.numbers
def test_the_probabilities_are_those_of_plain_numpy(floatX):
    rng = numpy.random.RandomState(3)
    model = lenet()
    values = [rng.normal(size=param.get_value().shape) for param in model.params]
    for param, value in zip(model.params, values):
        param.set_value(value.astype(floatX))
    images = rng.uniform(size=(5, 8, 7, 2)).astype(floatX)  # as files have colours: the last axis

    W_conv, b_conv, W_hidden, b_hidden, W, b = values
    maps = numpy.tanh(pool(convolve(images.transpose(0, 3, 1, 2), W_conv)) + b_conv[:, None, None])
    assert maps.shape[1:] == model.conv_layers[0].output_shape == (3, 3, 3)
    h = numpy.tanh(maps.reshape(5, -1).dot(W_hidden) + b_hidden)
    p = numpy.exp(h.dot(W) + b)
    expected = p / p.sum(axis=1, keepdims=True)
    assert model.predict_proba(images) == pytest.approx(expected, abs=1e-5)
    assert (model.predict(images) == expected.argmax(axis=1)).all()


@pytest.mark.numbers
def test_weights_are_drawn_in_the_order_and_range_of_the_tutorial():
    model = lenet(image_shape=(18, 18), nkerns=[3, 5], filter_shape=[3, 3])
    assert [param.get_value().shape for param in model.params] == [
        *((3, 1, 3, 3), (3,), (5, 3, 3, 3), (5,)),
        *((45, 4), (4,), (4, 3), (3,)),
    ]
    rng = numpy.random.RandomState(1)
    for W, bound in zip(model.weights, ((6 / (9 + 27 // 4)) ** 0.5, (6 / (27 + 45 // 4)) ** 0.5)):
        expected = rng.uniform(-bound, bound, W.get_value().shape).astype(W.dtype)
        assert (W.get_value() == expected).all()
    assert len(model.weights) == 4
    assert not any(param.get_value().any() for param in (model.params[1], *model.params[-2:]))


@pytest.mark.slow
def test_the_gradient_of_the_whole_cost_is_right():
    before, theano.config.floatX = theano.config.floatX, "float64"
    try:
        rng = numpy.random.RandomState(3)
        x = rng.uniform(size=(3, 112))
        y = T.constant(numpy.array([0, 2, 1], "int32"))
        values = [rng.normal(size=param.get_value().shape) for param in lenet().params]

        def cost(*params):
            sizes = {"image_shape": (8, 7, 2), "nkerns": [3], "n_hidden": 4, "filter_shape": [3, 2]}
            model = LeNet(rng, T.constant(x), 3, **sizes)
            replaced = dict(zip(model.params, params))
            return theano.clone(model.negative_log_likelihood(y), replaced)

        T.verify_grad(cost, values, rng=rng)
    finally:
        theano.config.floatX = before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nkerns": []}, r"nkerns: got \[\] filters of \[3, 2\], expected some in each layer"),
        ({"nkerns": [0]}, "filter_shape: got 0, expected an integer of at least 1"),
        ({"n_hidden": 0}, "n_hidden: got 0"),
        ({"image_shape": 8}, "image_shape: got 8, expected height and width"),
        ({"image_shape": [8, 8, 1, 1]}, r"image_shape: got \[8, 8, 1, 1\], expected height"),
        ({"image_shape": ["8", 8]}, "image_shape: got '8', expected an integer"),
        (
            {"image_shape": [3, 9]},
            r"got 3 x 9 for filters of 3 x 2 and pooling 2 x 2, expected at least 4 x 3",
        ),
        ({"n_features": (2, 26)}, r"image_shape: got \(8, 7, 2\), expected 26 features"),
        ({"n_features": (1, 26)}, r"image_shape: got \(8, 7, 2\), expected 1 channels"),
    ],
)
def test_what_cannot_be_a_network_is_refused(changes, message):
    with pytest.raises(OptionError, match=message):
        lenet(**changes)


@pytest.mark.parametrize(
    ("image_shape", "what"),
    [((1, 9, 9), "1 row and 1 column"), ((1, 8, 9), "1 column"), ((1, 9, 8), "1 row")],
)
def test_what_pooling_leaves_out_is_told(image_shape, what):
    size = " x ".join(str(n - 2) for n in image_shape[1:])
    rng, x = numpy.random.RandomState(0), T.tensor4()
    with pytest.warns(DataWarning, match=f"leaves out the last {what} of maps of {size}$"):
        layer = LeNetConvPoolLayer(rng, x, (2, 1, 3, 3), image_shape)
    assert layer.output_shape == (2, 3, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LeNetConvPoolLayer(rng, x, (2, 1, 3, 3), (1, 8, 8))


def test_it_is_known_by_its_shapes_and_no_other_model_is_taken_for_it():
    shapes = [param.get_value().shape for param in lenet(image_shape=(16, 12)).params]
    assert find_chapter(shapes) == "lenet"
    assert find_chapter(shapes[2:]) == "mlp"
    assert LeNet.sizes(shapes)["nkerns"] == [3]
    for other in (
        shapes[:1] + shapes[2:],  # no biases
        [(3, 1, 3), *shapes[1:]],
        [shapes[0], (2,), *shapes[2:]],
        [*shapes[:2], (7, 4), *shapes[3:]],  # features of no whole number of maps
        [*shapes[:2], (5, 2, 3, 2), (5,), (15, 4), *shapes[3:]],  # of 2 maps, and there are 3
    ):
        assert LeNet.sizes(other) is None


def test_a_file_gives_the_model_back(tmp_path):
    path = tmp_path / "lenet.pkl"
    model = lenet()
    save_params(model, path)
    saved = load_model(path)
    assert (saved.n_in, saved.n_out, saved.model.options) == (112, 3, {"image_shape": [8, 7, 2]})
    x = numpy.random.RandomState(0).rand(4, 112)
    assert saved.predict_proba(x) == pytest.approx(model.predict_proba(x))
    for image_shape in ([10_000, 10_000, 2], [8, 7, 1], [8, 7, 10**9], "8", None):
        save_params(model, path, Description("lenet", {"image_shape": image_shape}))
        with pytest.raises(DataError, match=r"description does not fit|other shapes than LeNet"):
            load_model(path)


# The script


@pytest.fixture
def main(find_main, tiny_file):
    script = find_main("train_lenet")
    defaults = ["--dataset", str(tiny_file), "--batch-size", "10", "--save", "saved.pkl"]
    defaults += ["--nkerns", "2", "--filter-shape", "9", "9", "--n-hidden", "4", "--n-epochs", "2"]
    return lambda *arguments: script([*defaults, *arguments])


def test_a_resumed_run_ends_in_the_same_bytes_and_other_filters_are_refused(main, capsys):
    assert main("--n-epochs", "3") == 0
    expected = Path("saved.pkl").read_bytes()
    assert main("--n-epochs", "1", "--checkpoint", "state") == 0
    assert main("--n-epochs", "3", "--resume", "state") == 0
    assert Path("saved.pkl").read_bytes() == expected
    assert main("--n-epochs", "3", "--resume", "state", "--nkerns", "3") == 1
    assert "cannot resume: nkerns was [2] and is now [3]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nkerns", "0"], "got 0, expected an integer of at least 1"),
        (["--filter-shape", "28", "28"], "got 28 x 28 for filters of 28 x 28 and pooling 2 x 2"),
        (["--image-shape", "27", "28"], "got 27 x 28 = 756, expected 784"),
        (["--image-shape", "28"], "got [28], expected height and width"),
    ],
)
def test_wrong_options_exit_with_status_2(main, capsys, arguments, message):
    assert main(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    line = err.splitlines()[-1]
    assert line.startswith("train_lenet.py: error: ")
    assert message in line


def test_images_that_are_not_square_need_their_shape(main, capsys, tmp_path):
    rng = numpy.random.RandomState(0)
    sets = [(rng.rand(20, 8, 5), numpy.arange(20) % 2) for _ in range(3)]
    path = str(save_npz(tmp_path / "own.npz", sets))
    assert main("--dataset", path) == 2
    assert "got 40 numbers an example, which are not a square image" in capsys.readouterr().err
    assert main("--dataset", path, "--image-shape", "8", "5", "--filter-shape", "2", "2") == 0
    assert "leaves out the last 1 row of maps of 7 x 4" in capsys.readouterr().err
    assert load_model("saved.pkl").model.options == {"image_shape": [8, 5, 1]}


@pytest.mark.numbers
@pytest.mark.slow
def test_two_epochs_of_two_and_two_filters_have_their_numbers(main, capsys, tmp_path):
    rng = numpy.random.RandomState(0)
    path = save_npz(tmp_path / "made.npz", [make_split(rng, n) for n in (1000, 500, 500)])
    filters = ["--nkerns", "2", "2", "--filter-shape", "5", "5", "--n-hidden", "500"]
    assert main("--dataset", str(path), "--batch-size", "20", *filters) == 0
    assert capsys.readouterr().out.startswith(
        "epoch 1, minibatch 50/50, validation error 22.600000 %\n"
        "     epoch 1, minibatch 50/50, test error of best model 22.600000 %\n"
        "epoch 2, minibatch 50/50, validation error 4.000000 %\n"
        "     epoch 2, minibatch 50/50, test error of best model 4.800000 %\n"
    )
    with open("saved.pkl", "rb") as file:
        shapes = [pickle.load(file).shape for _ in range(8)]
    assert shapes[:5] == [(2, 1, 5, 5), (2,), (2, 2, 5, 5), (2,), (32, 500)]
