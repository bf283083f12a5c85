import json
import re
import sys
from pathlib import Path

import dltutorials
from dltutorials import save_params
from dltutorials.training.description import Description
from dltutorials.training.parameters import read_params
from dltutorials.training.snapshots import save_snapshot

import numpy
import PIL.Image
import pytest
from helpers import SCRIPTS, run_python


@pytest.fixture
def main(find_main):
    """Return the script's main function, in an empty folder."""
    return find_main("plot")


def write_history(name, header, *records):
    lines = map(json.dumps, [{"dltutorials history": 1, **header}, *records])
    Path(name).write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def written(main, tiny_sets):
    """Write what training runs leave behind: histories, parameters, snapshots."""
    rng = numpy.random.RandomState(0)
    for name, rate in (("run.jsonl", 0.1), ("other.jsonl", 0.2)):
        records = [
            {"epoch": epoch, "iteration": 6 * epoch - 1, "cost": 1 / epoch, "patience": 30}
            for epoch in (1, 2, 3)
        ]
        for record in records:
            record["validation_loss"] = record["test_score"] = rate / record["epoch"]
        write_history(name, {"options": {"learning_rate": rate}, "n_train_batches": 6}, *records)
    Path("snapshots").mkdir()
    params = [rng.randn(784, 10) / 10, rng.randn(10)]
    for epoch in range(9):
        save_snapshot([epoch * value for value in params], "snapshots", 6 * epoch)
    save_params(params, "best_model.pkl")
    mlp = [rng.randn(784, 12), rng.randn(12), rng.randn(12, 10), rng.randn(10)]
    save_params(mlp, "mlp.pkl")
    x, y = tiny_sets[2]
    numpy.savez(
        "tiny.npz",
        **{f"{s}_{n}": v for s in ("train", "valid", "test") for n, v in zip("xy", (x, y))},
    )


def picture(path):
    with PIL.Image.open(path) as image:
        return image.format, image.size


@pytest.mark.usefixtures("written")
class TestPictures:
    def test_history_of_one_run(self, main, capsys):
        assert main(["history", "run.jsonl"]) == 0
        assert capsys.readouterr() == ("wrote history.png: training runs: 1, validations: 3\n", "")
        assert picture("history.png")[1][0] == 900

    def test_history_of_a_run_under_way_beside_another(self, main, capsys):
        with open("run.jsonl", "a") as file:
            file.write('{"epoch": 4, "iter')
        assert main(["history", "run.jsonl", "other.jsonl", "--output", "c.svg", "--log"]) == 0
        assert "wrote c.svg: training runs: 2, validations: 3, 3\n" in capsys.readouterr().out
        assert Path("c.svg").read_bytes().startswith(b"<?xml")

    def test_filters_of_labels_and_of_hidden_units(self, main, capsys):
        assert main(["filters", "best_model.pkl"]) == 0
        assert capsys.readouterr().out == "wrote filters.png: weights of the 10 labels\n"
        arguments = ["--units", "5", "--choose", "strongest", "--colours", "grey"]
        assert main(["filters", "mlp.pkl", "--output", "f.pdf", *arguments]) == 0
        assert capsys.readouterr().out == "wrote f.pdf: weights of 5 of 12 hidden units\n"
        assert Path("f.pdf").read_bytes().startswith(b"%PDF")

    def test_errors_are_counted_over_the_whole_test_set(self, main, capsys, tiny_sets):
        assert main(["errors", "best_model.pkl", "--dataset", "tiny.npz", "--dpi", "100"]) == 0
        n_wrong, share = re.fullmatch(
            r"wrote errors\.png: (\d+) of 30 test images are misclassified, ([\d.]+) %\n",
            capsys.readouterr().out,
        ).groups()
        params = numpy.random.RandomState(0)
        W, b = params.randn(784, 10) / 10, params.randn(10)
        x, y = tiny_sets[2]
        assert int(n_wrong) == ((x @ W + b).argmax(axis=1) != y).sum()
        assert float(share) == pytest.approx(int(n_wrong) / 30 * 100)
        assert picture("errors.png")[1][0] == 600

    def test_errors_depend_on_the_activation(self, main):
        contents = []
        for activation in ("tanh", "relu"):
            arguments = ["--dataset", "tiny.npz", "--activation", activation]
            assert main(["errors", "mlp.pkl", "--output", "e.svg", *arguments]) == 0
            contents.append(Path("e.svg").read_bytes())
        assert contents[0] != contents[1]

    def test_the_description_decides_where_there_is_one(self, main, capsys):
        values = read_params("mlp.pkl")
        contents = {}
        for name, about, options in (
            ("relu", None, ["--activation", "relu"]),
            ("described", Description("mlp", {"activation": "relu"}), []),
            ("old", None, []),
        ):
            save_params(values, f"{name}.pkl", about)
            arguments = [f"{name}.pkl", "--dataset", "tiny.npz", "--output", "e.svg", *options]
            assert main(["errors", *arguments]) == 0
            contents[name] = Path("e.svg").read_bytes()
            err = capsys.readouterr().err
            assert ("taken for a multilayer perceptron" in err) == (name == "old")
        assert contents["relu"] == contents["described"] != contents["old"]

    @pytest.mark.slow
    def test_classes_have_their_names(self, main):
        names = [f"class{number}" for number in range(10)]
        about = Description("logreg", class_names=names)
        save_params(read_params("best_model.pkl"), "named.pkl", about)
        pictures = {}
        for kind, options in (("errors", ["--dataset", "tiny.npz"]), ("filters", [])):
            for name in ("named", "best_model"):
                main([kind, f"{name}.pkl", "--output", "e.svg", *options])
                pictures[kind, name] = Path("e.svg").read_bytes()
            assert pictures[kind, "named"] != pictures[kind, "best_model"]
        save_params(read_params("best_model.pkl"), "few.pkl", Description(class_names=names[:3]))
        assert main(["filters", "few.pkl"]) == 1

    def test_snapshots_as_animation_and_as_strip(self, main, capsys):
        assert main(["snapshots", "snapshots", "--frames", "4"]) == 0
        assert "wrote snapshots.gif: units: 10, snapshots: 4 of 9\n" in capsys.readouterr().out
        with PIL.Image.open("snapshots.gif") as gif:
            assert (gif.format, gif.n_frames, gif.width) == ("GIF", 4, 600)
        assert main(["snapshots", "snapshots", "--output", "strip.png"]) == 0
        assert "wrote strip.png: units: 10, snapshots: 6 of 9\n" in capsys.readouterr().out
        assert picture("strip.png")[0] == "PNG"

    @pytest.mark.parametrize(
        ("arguments", "status", "message"),
        [
            ("history empty", 1, "empty: empty; give a file that --history"),
            ("history best_model.pkl", 1, "best_model.pkl: line 1 is not JSON"),
            ("history begun.jsonl", 1, "begun.jsonl: no validation in it yet"),
            ("history foreign.jsonl", 1, "foreign.jsonl: expected dltutorials history 1, got"),
            ("history run.jsonl nowhere", 1, "nowhere: cannot be read: No such file"),
            ("history snapshots", 1, "snapshots: cannot be read: Is a directory"),
            ("history run.jsonl --output c.gif", 2, "output: got c.gif, expected a name that ends"),
            ("history run.jsonl --output c", 2, "output: got c, expected a name that ends in .png"),
            ("history run.jsonl --output no/c.png", 1, "cannot write "),
            (
                "history run.jsonl --output folder.png",
                1,
                "cannot write 'folder.png': it is a folder",
            ),
            (
                "history run.png --output run.png",
                2,
                "run.png, which this command reads",
            ),
            (
                "history run.png --output link.png",
                2,
                "link.png, which this command reads",
            ),
            ("history run.jsonl --dpi 0", 2, "dpi: got 0, expected an integer from 50 to 600"),
            ("filters run.jsonl", 1, "run.jsonl: not a pickle of arrays, but JSON text"),
            ("filters vector.pkl", 1, "vector.pkl: the first parameter has shape (10,)"),
            ("filters three.pkl", 1, "three.pkl: got 3 numbers for an image"),
            ("filters best_model.pkl --units 0", 2, "units: got 0"),
            ("filters best_model.pkl --img-shape 0 784", 2, "img_shape: got 0"),
            ("filters best_model.pkl --img-shape 2 7", 1, "expected 2 x 7 = 14"),
            ("errors three.pkl", 1, "three.pkl: holds parameters of shapes (3, 10), (10,), (1,);"),
            ("errors best_model.pkl --dataset nowhere", 1, "no data set found; tried nowhere"),
            ("errors best_model.pkl --dataset tiny.npz --mistakes 0", 2, "mistakes: got 0"),
            ("errors five.pkl --dataset tiny.npz", 1, "five.pkl: has 5 labels, and the test set"),
            ("errors small.pkl --dataset tiny.npz", 1, "small.pkl: got examples of shape (784,)"),
            ("snapshots folder.png", 1, "folder.png: no snapshot in it"),
            ("snapshots run.jsonl", 1, "run.jsonl: cannot be read: Not a directory"),
            ("snapshots snapshots --frames 0", 2, "frames: got 0"),
            ("snapshots snapshots --frames-per-second 0", 2, "frames_per_second: got 0"),
        ],
    )
    def test_bad_input_is_one_line_and_leaves_everything(
        self, main, capsys, tmp_path, arguments, status, message
    ):
        Path("empty").touch()
        Path("run.png").write_bytes(Path("run.jsonl").read_bytes())
        Path("link.png").symlink_to("run.png")
        write_history("begun.jsonl", {"n_train_batches": 6})
        Path("foreign.jsonl").write_text('{"epoch": 1}\n')
        Path("folder.png").mkdir()
        save_params([numpy.zeros(10)], "vector.pkl")
        save_params([numpy.zeros((3, 10)), numpy.zeros(10), numpy.zeros(1)], "three.pkl")
        save_params([numpy.zeros((784, 5)), numpy.zeros(5)], "five.pkl")
        save_params([numpy.zeros((4, 10)), numpy.zeros(10)], "small.pkl")
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert main(arguments.split()) == status
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        assert err.startswith("plot.py: error: ")
        assert message in err
        assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before

    def test_without_matplotlib_the_command_to_install_it_is_named(self, main, capsys, monkeypatch):
        for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        assert main(["filters", "best_model.pkl"]) == 1
        assert capsys.readouterr().err.endswith("pip install 'dltutorials[plot]'\n")
        assert not Path("filters.png").exists()


@pytest.mark.parametrize("arguments", [[], ["history"], ["portrait", "x"], ["filters", "a", "b"]])
def test_wrong_usage_is_status_2(main, capsys, arguments):
    assert main(arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("plot.py: error: ")
    assert line.endswith("; see --help")


def test_help_names_defaults_and_units(main, capsys):
    for kind in ("history", "filters", "reconstructions", "errors", "snapshots"):
        with pytest.raises(SystemExit, match="0"):
            main([kind, "--help"])
        text = " ".join(capsys.readouterr().out.split())
        assert "plots are 6 inches wide; default: 150" in text
        assert f"default: {kind}." in text


@pytest.mark.slow
def test_in_a_process_of_its_own_without_a_screen(tmp_path):
    dltutorials.save_params([numpy.eye(784, 10), numpy.zeros(10)], tmp_path / "best_model.pkl")
    variables = {"MPLBACKEND": "TkAgg", "DISPLAY": ""}
    script = SCRIPTS / "plot.py"
    result = run_python(script, "filters", "best_model.pkl", folder=tmp_path, **variables)
    assert result.stderr == ""
    assert picture(tmp_path / "filters.png")[0] == "PNG"


@pytest.mark.usefixtures("written")
def test_reconstructions_of_an_autoencoder(main, capsys):
    rng = numpy.random.RandomState(0)
    about = Description("da", {"corruption_level": 0.3, "contraction_level": 0.0})
    save_params([rng.randn(784, 4), rng.randn(4), rng.randn(784)], "da.pkl", about)
    command = ["reconstructions", "--dataset", "tiny.npz", "--output", "a.png"]
    assert main([*command, "da.pkl", "--images", "6"]) == 0
    assert capsys.readouterr().out == "wrote a.png: 6 test images and their reconstructions\n"
    assert picture("a.png")[0] == "PNG"
    assert main([*command, "da.pkl", "--images", "0"]) == 2
    assert "images: got 0, expected an integer of at least 1" in capsys.readouterr().err
    assert main([*command, "da.pkl", "--corruption-level", "2"]) == 2
    assert "corruption_level: got 2.0, expected a number from 0 to 1" in capsys.readouterr().err
    assert main([*command, "mlp.pkl"]) == 1
    assert "mlp.pkl: a model of the class MLP reconstructs nothing; give" in capsys.readouterr().err


@pytest.mark.usefixtures("written")
def test_samples_of_a_restricted_boltzmann_machine(main, capsys):
    rng = numpy.random.RandomState(0)
    about = Description("rbm", {"k": 1, "persistent": True})
    save_params([rng.randn(784, 4), rng.randn(4), rng.randn(784)], "rbm.pkl", about)
    command = ["samples", "--dataset", "tiny.npz", "--output", "a.png", "rbm.pkl", "--n-chains"]
    assert main([*command, "3", "--n-samples", "2", "--plot-every", "2"]) == 0
    assert capsys.readouterr().out == "wrote a.png: 2 samples of 3 chains\n"
    assert picture("a.png")[0] == "PNG"
    for n_chains, option, message in (
        ("0", "2", "n_chains: got 0, expected an integer of at least 1"),
        ("5000", "2", "n_chains: got 5,000, but the test set has "),
        ("4", "0", "plot_every: got 0, expected an integer of at least 1"),
    ):
        assert main([*command, n_chains, "--plot-every", option]) == 2
        assert message in capsys.readouterr().err
    assert main([*command, "4", "--n-samples", "2501"]) == 2
    assert "n_samples: got 2,501 of each of 4 chains, expected at most" in capsys.readouterr().err
    assert main([*command, "4", "--img-shape", "5", "5"]) == 1
    assert "got 784 numbers for an image, expected 5 x 5" in capsys.readouterr().err
    assert main([*command[:5], "mlp.pkl"]) == 1
    assert (
        "mlp.pkl: a model of the class MLP draws no samples; give an RBM" in capsys.readouterr().err
    )


@pytest.mark.usefixtures("written")
def test_free_energy_in_the_snapshots_of_a_restricted_boltzmann_machine(main, capsys):
    rng = numpy.random.RandomState(0)
    about = Description("rbm", {"k": 1, "persistent": True})
    Path("snapshots/rbm").mkdir()
    for iteration in (2, 5):
        params = [rng.randn(784, 4), rng.randn(4), rng.randn(784)]
        save_snapshot(params, "snapshots/rbm", iteration, about=about)
    command = ["free-energy", "--dataset", "tiny.npz"]
    assert main([*command, "snapshots/rbm"]) == 0
    out = "wrote free-energy.png: snapshots: 2, 30 training and 30 validation images\n"
    assert capsys.readouterr().out == out
    assert picture("free-energy.png")[0] == "PNG"
    for folder, message in (
        (
            "snapshots",
            "a model of the class LogisticRegression has no free energy; give",
        ),
        (".", ".: no snapshot in it"),
    ):
        assert main([*command, folder]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.usefixtures("written")
def test_filters_and_maps_of_a_convolutional_network(main, capsys):
    rng = numpy.random.RandomState(0)
    shapes = [(3, 1, 9, 9), (3,), (300, 4), (4,), (4, 10), (10,)]
    about = Description("lenet", {"image_shape": [28, 28, 1]})
    save_params([rng.randn(*shape) for shape in shapes], "lenet.pkl", about)
    assert main(["filters", "lenet.pkl", "--output", "a.png"]) == 0
    assert capsys.readouterr().out == "wrote a.png: weights of the 3 filters\n"
    maps = ["maps", "--dataset", "tiny.npz", "--output", "b.png"]
    assert main([*maps, "lenet.pkl", "--index", "2"]) == 0
    assert capsys.readouterr().out == "wrote b.png: test image 2, maps of 1 layers\n"
    assert {picture(name)[0] for name in ("a.png", "b.png")} == {"PNG"}
    assert main([*maps, "lenet.pkl", "--index", "30"]) == 2
    assert "index: got 30, expected 0 to 29" in capsys.readouterr().err
    assert main([*maps, "best_model.pkl"]) == 1
    message = "best_model.pkl: a model of the class LogisticRegression has no convolutional layers"
    assert message in capsys.readouterr().err
