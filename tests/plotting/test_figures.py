import io
import itertools
import sys

from dltutorials import save_params
from dltutorials.exceptions import DataError, OptionError, SetupError
from dltutorials.plotting.animation import Frame, make_gif, plot_filmstrip, read_frames
from dltutorials.plotting.curves import label_runs, plot_history
from dltutorials.plotting.figures import COLOURS, new_axes, save_figure
from dltutorials.plotting.filters import choose_units, plot_filters
from dltutorials.plotting.misclassified import plot_confusion, plot_errors, plot_mistakes
from dltutorials.training.history import History
from dltutorials.training.snapshots import save_snapshot

import matplotlib
import numpy
import PIL.Image
import pytest
from matplotlib.figure import Figure


@pytest.fixture(autouse=True)
def _settings_stay_as_they_are():
    before = settings()
    yield
    assert settings() == before
    assert "matplotlib.pyplot" not in sys.modules  # which chooses a backend and keeps figures


def settings():
    """Return matplotlib's settings; to ask it for the backend would choose one."""
    return {name: dict.__getitem__(matplotlib.rcParams, name) for name in matplotlib.rcParams}


def records(n=4, first=0.2):
    return [
        {
            "epoch": epoch,
            "iteration": 10 * epoch - 1,
            "cost": 1 / epoch,
            "validation_loss": first / epoch if epoch != 3 else first,
            "test_score": first / epoch + 0.01 if epoch != 3 else None,
            "patience": 30 if epoch < 3 else 60,
        }
        for epoch in range(1, n + 1)
    ]


def history(options=None, **changes):
    return History({"n_train_batches": 10, "options": options or {}}, records(**changes))


def line_of(ax, label):
    [line] = [line for line in ax.lines if line.get_label().startswith(label)]
    return line


def fits(figure):
    """Return whether all text is inside the figure, and no two labels of an axis overlap."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    for ax in figure.axes:
        if not figure.bbox.padded(1).contains(*ax.get_tightbbox(renderer).min):
            return False
        if not figure.bbox.padded(1).contains(*ax.get_tightbbox(renderer).max):
            return False
        for axis in (ax.xaxis, ax.yaxis):
            boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
            boxes = [box for box in boxes if box.width]
            if any(a.overlaps(b) for a, b in itertools.pairwise(boxes)):
                return False
    return True


class TestHistory:
    def test_errors_in_percent_over_epochs_with_the_best_one_marked(self):
        axes = plot_history([history()])
        errors, cost, _ = axes
        validation = line_of(errors, "validation")
        assert validation.get_xdata().tolist() == [1, 2, 3, 4]
        assert validation.get_ydata() == pytest.approx([20, 10, 20, 5])
        test = line_of(errors, "test, of the best model so far")
        assert test.get_xdata().tolist() == [1, 2, 4, 4]  # epoch 3 was not better
        assert test.get_ydata() == pytest.approx([21, 11, 6, 6])
        best = line_of(errors, "best: validation 5.000 %, test 6.000 %, after 4 epochs")
        assert (best.get_xdata()[0], best.get_ydata()[0]) == (4, pytest.approx(5))
        assert cost.lines[0].get_ydata() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
        assert fits(errors.figure)

    def test_patience_goes_down_by_the_minibatches_and_up_at_improvements(self):
        patience = plot_history([history()])[2].lines[0]
        assert patience.get_xdata().tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
        assert patience.get_ydata().tolist() == [21, 21, 11, 11, 1, 31, 21, 21]

    def test_several_runs_have_a_colour_each_and_what_differs_as_label(self):
        runs = [history({"learning_rate": rate, "seed": 1}, first=rate) for rate in (0.1, 0.2)]
        errors = plot_history(runs)[0]
        legend = [text.get_text() for text in errors.get_legend().get_texts()]
        assert legend[:2] == ["learning_rate=0.1", "learning_rate=0.2"]
        colours = [line_of(errors, label).get_color() for label in legend[:2]]
        assert colours == list(COLOURS[:2])
        assert fits(errors.figure)

    def test_more_runs_than_colours(self):
        runs = [history({"seed": seed}) for seed in range(12)]
        errors = plot_history(runs)[0]
        lines = [line_of(errors, f"seed={seed}") for seed in (0, *range(2, 10))]
        assert len({tuple(line.get_color()) for line in lines}) == 9
        assert fits(errors.figure)

    def test_labels(self):
        assert label_runs([{}], ["a"]) == ["a"]
        assert label_runs([{}, {"options": 7}], ["a", "b"]) == ["a", "b"]
        options = [{"options": {"save": name, "chunk_size": None, "x": "y" * 99}} for name in "ab"]
        assert label_runs(options, ["a", "b"]) == ["a", "b"]
        options[0]["options"]["chunk_size"] = 3
        assert label_runs(options, ["a", "b"]) == ["chunk_size=3", "chunk_size=null"]
        options[0]["options"]["x"] = options[1]["options"]["x"] = {"a": [1]}
        options[0]["program"] = "train_mlp"
        assert label_runs(options, ["a", "b"])[0] == "program=train_mlp, chunk_size=3"

    def test_files_are_named_without_folders_where_they_differ_without(self):
        runs = [history(), history()]
        for names, shown in (
            (["x/a.jsonl", "x/b.jsonl"], ["a", "b"]),
            (["x/a.jsonl", "y/a.jsonl"], ["x/a.jsonl", "y/a.jsonl"]),
        ):
            legend = plot_history(runs, names)[0].get_legend().get_texts()
            assert [text.get_text() for text in legend][:2] == shown

    def test_dollars_and_underscores_are_shown_as_they_are(self, tmp_path):
        runs = [history({"_activation": value}) for value in ("$x$", "$\\bad{$")]
        errors = plot_history(runs)[0]
        save_figure(errors.figure, tmp_path / "h.png")
        legend = [text.get_text() for text in errors.get_legend().get_texts()]
        assert legend[:2] == [r" _activation=\$x\$", r" _activation=\$\bad{\$"]

    @pytest.mark.parametrize("log", [False, True])
    @pytest.mark.parametrize(
        "changes",
        [
            {"validation_loss": None, "test_score": None, "patience": None},
            {"cost": None},
            {"cost": 1e308, "validation_loss": -1e308},
            {"validation_loss": 0, "test_score": 0, "cost": 0},
            {"patience": 1e300},
        ],
    )
    @pytest.mark.filterwarnings("error")
    def test_what_is_missing_or_beyond_measure_is_left_out(self, changes, log):
        for n in (1, 3):
            run = History({"n_train_batches": 10}, [{**r, **changes} for r in records(n)])
            axes = plot_history([run], log=log)
            axes[0].figure.canvas.draw()

    def test_into_given_axes(self):
        given = Figure().subplots(3)
        assert plot_history([history()], axes=given) == list(given)

    @pytest.mark.parametrize("count", [None, 0, -1, "83", 1.5, True, [1], {"x" * 999: 1}])
    def test_without_the_length_of_an_epoch(self, count):
        with pytest.raises(DataError, match=r"^run 1: n_train_batches: got ") as caught:
            plot_history([History({"n_train_batches": count}, records())])
        assert len(str(caught.value)) < 250

    def test_what_cannot_be_drawn_is_refused(self):
        begun = History({"n_train_batches": 10}, [])
        with pytest.raises(DataError, match=r"^x/run\.jsonl: no validation in it yet"):
            plot_history([history(), begun], ["x/a.jsonl", "x/run.jsonl"])
        with pytest.raises(OptionError, match="histories: got 0"):
            plot_history([])
        with pytest.raises(OptionError, match="histories: got 51"):
            plot_history([history()] * 51)
        with pytest.raises(OptionError, match="axes: got 2"):
            plot_history([history()], axes=Figure().subplots(2))


class TestFilters:
    W = numpy.random.RandomState(0).randn(6, 4)

    def test_each_column_is_an_image_on_one_scale(self):
        ax = plot_filters(self.W, img_shape=(2, 3), labels="abcd")
        [image] = ax.images
        limit = abs(self.W).max()
        assert image.get_clim() == (-limit, limit)
        raster = numpy.ma.filled(image.get_array(), numpy.nan)
        tiles = [raster[:2, 4 * n : 4 * n + 3] for n in range(4)]
        for column, tile in zip(self.W.T, tiles):
            assert (tile == column.reshape(2, 3)).all()
        assert numpy.isnan(raster).sum() == raster.size - 24
        assert [text.get_text() for text in ax.texts] == list("abcd")
        assert ax.figure.axes[1].get_ylabel() == "weight"
        assert fits(ax.figure)

    @pytest.mark.parametrize("n_units", [1, 2, 10, 100, 101, 500])
    def test_any_number_of_units(self, n_units):
        ax = plot_filters(numpy.random.RandomState(0).randn(784, n_units))
        assert fits(ax.figure)
        boxes = [text.get_window_extent() for text in ax.texts]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))

    def test_shades_of_grey_and_given_axes(self):
        ax = Figure().add_subplot()
        assert plot_filters(self.W, (2, 3), colours="grey", ax=ax) is ax
        assert ax.images[0].cmap.name == "gray"

    def test_choice_of_units(self):
        W_hidden, b_hidden = self.W, numpy.zeros(4)
        W = numpy.array([[1.0, 0], [0, 3], [2, 0], [0, 0]])
        mlp = [W_hidden, b_hidden, W, numpy.zeros(2)]
        assert choose_units(mlp, 3, "first").tolist() == [0, 1, 2]
        assert choose_units(mlp, 3, "strongest").tolist() == [1, 2, 0]
        strongest = choose_units(mlp[:2], 9, "strongest")
        assert strongest.tolist() == numpy.argsort(-(W_hidden**2).sum(axis=0)).tolist()
        with pytest.raises(OptionError, match="units: got 0"):
            choose_units(mlp, 0, "first")
        with pytest.raises(OptionError, match="choose: got 'last'"):
            choose_units(mlp, 1, "last")

    @pytest.mark.parametrize(
        ("W", "img_shape", "message"),
        [
            (numpy.zeros(4), None, r"shape \(4,\), expected \(n_in, n_units\)"),
            (numpy.zeros((4, 0)), None, r"shape \(4, 0\)"),
            (numpy.full((4, 1), numpy.nan), None, "nan or inf"),
            (numpy.zeros((5, 1)), None, "got 5 numbers for an image, expected a square number"),
            (numpy.zeros((5, 1)), (2, 3), "got 5 numbers for an image, expected 2 x 3 = 6"),
            (numpy.zeros((4, 10_001)), None, "has 10,001 units"),
        ],
    )
    def test_what_makes_no_images_is_refused(self, W, img_shape, message):
        with pytest.raises(DataError, match=message):
            plot_filters(W, img_shape)

    def test_unknown_colours_are_refused(self):
        with pytest.raises(OptionError, match="colours: got 'jet'"):
            plot_filters(self.W, (2, 3), colours="jet")


class TestMistakes:
    x = numpy.random.RandomState(0).rand(6, 4)
    y = numpy.array([0, 1, 2, 0, 1, 2])
    p = numpy.array(
        [[0.9, 0.1, 0], [0.6, 0.4, 0], [0, 0.99999, 0.00001], [0, 1, 0], [0, 1, 0], [0.1, 0.1, 0.8]]
    )

    def test_the_surest_mistakes_come_first(self):
        ax = plot_mistakes(self.x, self.y, self.p, n_mistakes=2)
        captions = [text.get_text() for text in ax.texts]
        assert captions == ["0 → 1\n>99.9 %", "2 → 1\n>99.9 %"]
        assert ax.get_title(loc="left").startswith("3 of 6 wrong (50.00 %); the 2 surest")
        raster = ax.images[0].get_array()
        assert raster[:2, :2].tolist() == (self.x[3].reshape(2, 2) * 0.93 + 0.07).tolist()

    def test_counts_and_rates_of_the_confusion_matrix(self):
        ax = plot_confusion(self.p, self.y)
        texts = {text.get_position(): text.get_text() for text in ax.texts}
        assert {position: texts[position] for position in texts if position[0] in (0, 1, 2)} == {
            (0, 0): "1",
            (1, 0): "1",
            (0, 1): "1",
            (1, 1): "1",
            (1, 2): "1",
            (2, 2): "1",
        }
        assert [text for text in texts.values() if "%" in text] == ["50.0 %"] * 3
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("label given", "true label")
        assert fits(ax.figure)

    def test_both_in_a_figure_where_all_text_fits(self):
        rng = numpy.random.RandomState(0)
        p = rng.dirichlet(numpy.ones(10), 3000)
        axes = plot_errors(rng.rand(3000, 784), rng.randint(0, 10, 3000), p)
        assert len(axes[0].texts) == 24
        assert fits(axes[0].figure)
        boxes = [text.get_window_extent() for text in axes[0].texts]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))

    def test_without_a_mistake(self):
        right = self.p.argmax(axis=1)
        axes = plot_errors(self.x, right, self.p)
        assert [text.get_text() for text in axes[0].texts] == ["no mistakes"]
        assert fits(axes[0].figure)

    def test_many_labels_have_no_counts(self):
        p = numpy.random.RandomState(0).dirichlet(numpy.ones(30), 50)
        assert len(plot_confusion(p, numpy.arange(50) % 30).texts) == 0

    def test_into_given_axes(self):
        given = Figure().subplots(2)
        assert plot_errors(self.x, self.y, self.p, axes=given) == list(given)
        with pytest.raises(OptionError, match="axes: got 3"):
            plot_errors(self.x, self.y, self.p, axes=Figure().subplots(3))

    def test_what_cannot_be_drawn_is_refused(self):
        with pytest.raises(DataError, match="got 5 numbers for an image"):
            plot_mistakes(numpy.ones((6, 5)), self.y, self.p)
        for n in (0, 201, 1.5):
            with pytest.raises(OptionError, match=f"mistakes: got {n}, expected"):
                plot_mistakes(self.x, self.y, self.p, n)


class TestAnimation:
    def frames(self, n=3):
        return [Frame(10 * i, numpy.full((4, 2), float(i)) * [1, -1]) for i in range(n)]

    def test_a_gif_has_a_picture_for_each_frame_in_the_same_colours(self):
        content = make_gif(self.frames())
        with PIL.Image.open(io.BytesIO(content)) as gif:
            assert (gif.n_frames, gif.size[0], gif.info["loop"]) == (3, 600, 0)
            pictures = []
            for number in range(3):
                gif.seek(number)
                pictures.append(numpy.asarray(gif.convert("RGB")).astype(int))
        height, width = pictures[0].shape[:2]
        left, right = (picture[height // 2, width // 4] for picture in pictures[::2])
        assert left == pytest.approx([247, 247, 247], abs=4)  # 0 is white
        assert right == pytest.approx([103, 0, 31], abs=12)  # the largest weight is dark red
        assert all((picture[0, 0] == 255).all() for picture in pictures)
        assert content == make_gif(self.frames())

    def test_a_filmstrip_has_a_row_for_each_frame(self):
        ax = plot_filmstrip(self.frames(), labels=[7, 9])
        assert [text.get_text() for text in ax.texts] == ["7", "9", "1", "11", "21", "minibatches"]
        raster = ax.images[0].get_array()
        assert (raster[0, 0], raster[3, 0], raster[6, 0], raster[6, 3]) == (0, 1, 2, -2)
        assert fits(ax.figure)

    def snapshots(self, folder, n=20):
        for number in range(n):
            save_snapshot([numpy.full((4, 3), float(number)), numpy.zeros(3)], folder, number * 83)

    def test_frames_at_equal_or_at_growing_distances(self, tmp_path):
        self.snapshots(tmp_path)
        frames, units = read_frames(tmp_path, 3, 2)
        assert [frame.iteration // 83 for frame in frames] == [0, 10, 19]
        assert [frame.W.tolist() for frame in frames] == [[[n, n]] * 4 for n in (0, 10, 19)]
        assert units == [0, 1]
        frames, _ = read_frames(tmp_path, 4, 2, early=True)
        assert [frame.iteration // 83 for frame in frames] == [0, 2, 6, 19]
        assert len(read_frames(tmp_path, 300, 2)[0]) == 20
        assert [frame.iteration // 83 for frame in read_frames(tmp_path, 1, 2)[0]] == [19]
        assert frames[0].title == "after 1 minibatch"
        assert frames[1].title == "after 167 minibatches"

    def test_what_cannot_be_drawn_is_refused(self, tmp_path):
        with pytest.raises(DataError, match="no snapshot in it"):
            read_frames(tmp_path, 3, 2)
        self.snapshots(tmp_path, 3)
        for n in (0, 301):
            with pytest.raises(OptionError, match=f"frames: got {n}"):
                read_frames(tmp_path, n, 2)
        with pytest.raises(OptionError, match="frames_per_second: got nan"):
            make_gif(self.frames(), frames_per_second=numpy.nan)
        with pytest.raises(OptionError, match="colours: got 'jet'"):
            plot_filmstrip(self.frames(), colours="jet")
        save_params([numpy.zeros((9, 3))], tmp_path / "iteration-0000000083.pkl")
        with pytest.raises(DataError, match=r"0083.pkl: the first parameter has shape \(9, 3\)"):
            read_frames(tmp_path, 3, 2)
        (tmp_path / "iteration-0000000083.pkl").write_bytes(b"half")
        with pytest.raises(DataError, match=r"0083\.pkl: "):
            read_frames(tmp_path, 3, 2)

    def test_too_many_images_in_all_are_refused(self, tmp_path):
        for number in range(101):
            save_snapshot([numpy.zeros((4, 100))], tmp_path, number)
        with pytest.raises(OptionError, match="got 101 of 100 units, expected at most 10,000"):
            read_frames(tmp_path, 101, 100)


class TestFiles:
    @pytest.mark.parametrize(
        ("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")]
    )
    def test_the_same_picture_gives_the_same_bytes(self, tmp_path, ending, start):
        paths = [tmp_path / f"{name}.{ending}" for name in "ab"]
        for path in paths:
            save_figure(plot_history([history()])[0].figure, path, dpi=60)
        contents = [path.read_bytes() for path in paths]
        assert contents[0] == contents[1]
        assert contents[0].startswith(start)
        assert b"Date" not in contents[0]

    def test_an_unknown_ending_is_refused(self, tmp_path):
        for name in ("picture", "picture.gif", "png"):
            with pytest.raises(OptionError, match=r"expected a name that ends in \.png, \.svg"):
                save_figure(new_axes(2).figure, tmp_path / name)

    def test_what_fails_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "picture.png"
        path.write_bytes(b"old")
        figure = new_axes(2).figure
        figure.text(0.5, 0.5, "$\\bad{$")
        with pytest.raises(ValueError, match="bad"):
            save_figure(figure, path)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]

    def test_without_matplotlib_the_command_to_install_it_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
        with pytest.raises(
            SetupError, match=r"need matplotlib .*pip install 'dltutorials\[plot\]'"
        ):
            plot_history([history()])
