import json
import re
import sys
from pathlib import Path

import dltutorials
from dltutorials import MLP, save_params
from dltutorials.prediction.photos import load_photo
from dltutorials.training.description import Description

import numpy
import PIL.Image
import pytest
import theano.tensor as T
from helpers import SCRIPTS, run_python


@pytest.fixture
def main(find_main):
    """Return the script's main function, in an empty folder."""
    return find_main("predict")


@pytest.fixture
def model(tmp_path):
    """Save a model, and return its weights and biases."""
    rng = numpy.random.RandomState(0)
    W, b = rng.randn(784, 10) / 20, rng.randn(10)
    save_params([W, b], tmp_path / "best_model.pkl")
    return W, b


def draw_photo(path, top=20, ink=0):
    photo = numpy.full((90, 120), 255 - ink, "uint8")
    photo[top : top + 50, 60:66] = ink
    PIL.Image.fromarray(photo).save(path)


def softmax(scores):
    exponentials = numpy.exp(scores - scores.max())
    return exponentials / exponentials.sum()


def test_test_images_with_probabilities_and_truth(main, model, tiny_file, tiny_sets, capsys):
    arguments = ["best_model.pkl", "--dataset", str(tiny_file), "--index", "3", "7", "--index", "0"]
    assert main([*arguments, "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    (W, b), (x, y) = model, tiny_sets[2]
    assert [record["index"] for record in records] == [3, 7, 0]
    for record in records:
        expected = softmax(x[record["index"]] @ W + b)
        assert record["probabilities"] == pytest.approx(expected.tolist(), rel=1e-5)
        assert record["label"] == expected.argmax()
        assert record["probability"] == max(record["probabilities"])
        assert record["truth"] == y[record["index"]]
        assert record["image"] is None

    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    n_wrong = 0
    for record, line, numbers in zip(records, lines[::2], lines[1::2]):
        index, label, truth, verdict = re.fullmatch(
            r"test image (\d+): label (\d) \([\d.]+ %\), truth (\d), (right|wrong)", line
        ).groups()
        assert (int(index), int(label), int(truth)) == tuple(
            record[name] for name in ("index", "label", "truth")
        )
        assert (verdict == "right") == (label == truth)
        n_wrong += verdict == "wrong"
        shown = [float(number) for number in re.findall(r"\d: ([\d.]+)", numbers)]
        assert shown == pytest.approx([p * 100 for p in record["probabilities"]], abs=0.051)
        assert len(numbers) < 90
    assert lines[-1] == f"{n_wrong} of 3 test images are misclassified"


@pytest.mark.usefixtures("model")
class TestPhotos:
    def test_the_same_photo_gives_the_same_label_wherever_the_ink_is(self, main, capsys):
        for number, (top, ink) in enumerate([(5, 0), (35, 0), (20, 255)]):
            draw_photo(f"{number}.png", top, ink)
        assert (
            main(["best_model.pkl", "--image", *["0.png", "1.png", "2.png"], "--format", "json"])
            == 0
        )
        records = json.loads(capsys.readouterr().out)
        assert [record["image"] for record in records] == ["0.png", "1.png", "2.png"]
        for record in records:
            assert record["truth"] is record["index"] is None
            assert record["probabilities"] == pytest.approx(records[0]["probabilities"], abs=0.01)

    def test_a_photo_that_cannot_be_used_does_not_stop_the_others(self, main, capsys):
        draw_photo("good.png")
        Path("bad.png").write_bytes(b"no image")
        assert main(["best_model.pkl", "--image", "bad.png", "good.png", "nowhere.png"]) == 1
        out, err = capsys.readouterr()
        assert re.match(r"good\.png: label \d \([\d.]+ %\)\n", out)
        assert len(out.splitlines()) == 2
        assert err.splitlines() == [
            "predict.py: error: bad.png: not an image in a supported format, such as PNG or JPEG",
            "predict.py: error: nowhere.png: cannot be read: No such file or directory",
        ]
        assert main(["best_model.pkl", "--image", "bad.png", "--format", "json"]) == 1
        assert json.loads(capsys.readouterr().out) == []

    def test_without_pillow_the_command_to_install_it_is_named(
        self, main, capsys, monkeypatch, tiny_file
    ):
        monkeypatch.setitem(sys.modules, "PIL.Image", None)
        assert main(["best_model.pkl", "--image", "photo.png"]) == 1
        assert capsys.readouterr().err.endswith("pip install 'dltutorials[plot]'\n")
        assert main(["best_model.pkl", "--dataset", str(tiny_file), "--index", "0"]) == 0

    @pytest.mark.parametrize(
        ("arguments", "status", "message"),
        [
            ("best_model.pkl", 2, "got nothing to predict, expected --index N, or --image FILE"),
            ("best_model.pkl --index 30 --dataset DATA", 2, "index: got 30, expected 0 to 29"),
            ("best_model.pkl --index 0 -1 --dataset DATA", 2, "index: got -1, expected 0 to 29"),
            ("best_model.pkl --index 0 --dataset nowhere", 1, "no data set found; tried nowhere"),
            (
                "nowhere.pkl --index 0 --dataset DATA",
                1,
                "nowhere.pkl: cannot be read: No such file",
            ),
            (". --index 0 --dataset DATA", 1, ".: cannot be read: Is a directory"),
            (
                "photo.png --index 0 --dataset DATA",
                1,
                "photo.png: not a pickle of arrays, but a PNG image; give a file",
            ),
            ("matrix.pkl --index 0", 1, "matrix.pkl: holds parameters of shapes (784, 10);"),
            ("nan.pkl --index 0", 1, "nan.pkl: some parameters are nan or inf"),
            ("small.pkl --index 0 --dataset DATA", 1, "the model has 4 inputs, and the images of "),
            ("small.pkl --image photo.png", 1, "the model has 4 inputs, and a photo, which is"),
        ],
    )
    def test_bad_input_is_one_line(self, main, capsys, tiny_file, arguments, status, message):
        draw_photo("photo.png")
        save_params([numpy.zeros((784, 10))], "matrix.pkl")
        save_params([numpy.full((784, 10), numpy.nan), numpy.zeros(10)], "nan.pkl")
        save_params([numpy.zeros((4, 10)), numpy.zeros(10)], "small.pkl")
        assert main(arguments.replace("DATA", str(tiny_file)).split()) == status
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        assert message in err

    @pytest.mark.parametrize("arguments", ["", "best_model.pkl --index x", "a b"])
    def test_wrong_usage_is_status_2(self, main, arguments, capsys):
        assert main(arguments.split()) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("predict.py: error: ")


def test_with_many_labels_the_most_probable_ones_are_shown(main, tiny_file, capsys):
    save_params([numpy.zeros((784, 26)), numpy.arange(26.0) / 10], "letters.pkl")
    assert main(["letters.pkl", "--dataset", str(tiny_file), "--index", "0"]) == 0
    assert re.findall(r"(\d+): ", capsys.readouterr().out.splitlines()[1]) == [
        str(label) for label in range(16, 26)
    ]


class TestDescription:
    """What a file of parameters says of its model is heard."""

    @pytest.fixture
    def relu(self, main):
        """Save a multilayer perceptron, with its description and without; return its answers."""
        model = MLP(numpy.random.RandomState(3), T.matrix("x"), 784, 30, 10, "relu")
        W = numpy.random.RandomState(4).randn(30, 10)
        model.output_layer.W.set_value(W.astype(model.output_layer.W.dtype))
        save_params(model, "relu.pkl")
        save_params(model.params, "old.pkl")
        return model

    def probabilities(self, main, capsys, *arguments):
        assert main([*arguments, "--format", "json"]) == 0
        out, err = capsys.readouterr()
        return [record["probabilities"] for record in json.loads(out)], err

    @pytest.mark.parametrize("options", [[], ["--activation", "relu"]])
    def test_a_relu_model_is_one(self, main, relu, tiny_file, tiny_sets, capsys, options):
        draw_photo("photo.png")
        arguments = ["--dataset", str(tiny_file), "--index", "0", "5", "--image", "photo.png"]
        (*images, photo), err = self.probabilities(main, capsys, "relu.pkl", *arguments, *options)
        assert err == ""
        expected = relu.predict_proba(tiny_sets[2][0][[0, 5]])
        numpy.testing.assert_allclose(images, expected, rtol=1e-4)
        expected = relu.predict_proba(load_photo("photo.png"))
        numpy.testing.assert_allclose(photo, expected, rtol=1e-4)

    @pytest.mark.usefixtures("relu")
    def test_another_activation_is_refused(self, main, tiny_file, capsys):
        arguments = ["--dataset", str(tiny_file), "--index", "0", "--activation", "sigmoid"]
        assert main(["relu.pkl", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "activation: got 'sigmoid', but the file says 'relu'" in err

    def test_what_is_assumed_of_an_old_file_is_told(self, main, relu, tiny_file, capsys):
        arguments = ["old.pkl", "--dataset", str(tiny_file), "--index", "0"]
        _, err = self.probabilities(main, capsys, *arguments)
        [line] = err.splitlines()
        assert "old.pkl: has no description" in line
        assert "a multilayer perceptron with activation 'tanh'" in line
        _, err = self.probabilities(main, capsys, *arguments, "--activation", "relu")
        assert err == ""

    def test_classes_have_their_names(self, main, tiny_file, capsys):
        names = [*"abcdefgh", "neun\n", "\x1b[31m"]
        about = Description("logreg", class_names=names)
        save_params([numpy.zeros((784, 10)), numpy.arange(10.0)], "named.pkl", about)
        arguments = ["named.pkl", "--dataset", str(tiny_file), "--index", "0"]
        assert main(arguments) == 0
        line, shares = capsys.readouterr().out.splitlines()
        assert re.fullmatch(r"test image 0: label '\\x1b\[31m' \([\d.]+ %\), truth .*", line)
        assert "g: 3.1  h: 8.6  'neun\\n': 23.3" in shares
        assert main([*arguments, "--format", "json"]) == 0
        [record] = json.loads(capsys.readouterr().out)
        assert (record["label"], record["class_name"]) == (9, "\x1b[31m")

    def test_labels_that_the_model_lacks_are_refused(self, main, tiny_file, capsys):
        save_params([numpy.zeros((784, 5)), numpy.zeros(5)], "five.pkl", Description("logreg"))
        assert main(["five.pkl", "--dataset", str(tiny_file), "--index", "0"]) == 1
        assert "five.pkl: has 5 labels, and the test set labels up to 9" in capsys.readouterr().err

    def test_a_model_of_another_kind_is_named(self, main, tiny_file, capsys):
        save_params([numpy.zeros((784, 5))], "rnn.pkl", Description("rnn"))
        assert main(["rnn.pkl", "--dataset", str(tiny_file), "--index", "0"]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert "rnn.pkl: is of a model 'rnn', expected one of logreg, mlp, lenet, da" in line


@pytest.mark.slow
def test_in_a_process_of_its_own_the_real_test_set(tmp_path):
    x, y = dltutorials.load_mnist()[0]
    means = numpy.array([x[y == label].mean(axis=0) for label in range(10)], "float32").T
    save_params([means, -(means**2).sum(axis=0) / 2], tmp_path / "best_model.pkl")
    arguments = ["best_model.pkl", "--index", "0", "1", "9999"]
    result = run_python(SCRIPTS / "predict.py", *arguments, folder=tmp_path)
    assert result.stderr == ""
    for line in ("test image 0: label 7 (", "test image 9999: label 6 ("):
        assert line in result.stdout
    assert re.search(r"test image 1: label \d \([\d.]+ %\), truth 2, ", result.stdout)
