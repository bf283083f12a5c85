import sys
from dataclasses import asdict

from dltutorials.exceptions import DataError, OptionError, SetupError
from dltutorials.loss import COST, Loss
from dltutorials.plotting import plot_history, save_figure
from dltutorials.plotting.figures import COLOURS
from dltutorials.plotting.run_labels import label_runs
from dltutorials.training.history import History, HistoryWriter
from dltutorials.training.result import Result

import numpy
import pytest
from drawings import fits, history, records
from matplotlib.figure import Figure


def legend_of(axes):
    return [text.get_text() for text in axes[0].get_legend().get_texts()]


def line_of(ax, label):
    [line] = [line for line in ax.lines if line.get_label().startswith(label)]
    return line


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

    def test_without_validation_only_the_cost_is_drawn(self):
        header = {"n_train_batches": 10, "loss": asdict(COST)}
        unknown = {"validation_loss": None, "test_score": None, "patience": None}
        run = History(header, [{**record, **unknown} for record in records()])
        [cost] = plot_history(run)
        assert cost.get_ylabel() == "training cost"
        assert cost.lines[0].get_ydata() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
        assert not [text for text in cost.texts if text.get_text()]
        assert fits(cost.figure)
        [cost] = plot_history([run, run], labels=["a", "b"])
        assert legend_of([cost]) == ["a", "b"]
        assert fits(cost.figure)

    @pytest.mark.parametrize("as_result", [False, True])
    def test_each_phase_has_its_name_and_a_line_of_its_own(self, as_result):
        layer = [{**record, "phase": "layer 1"} for record in records(n=2)]
        for record in layer:
            record.update(validation_loss=None, test_score=None, patience=None, cost=100.0)
        whole = [{**record, "iteration": record["iteration"] + 20} for record in records()]
        both = [*layer, *({**record, "phase": "fine-tuning"} for record in whole)]
        run = History({"n_train_batches": 10}, both)
        if as_result:
            run = Result(history=[{"minibatch": 10, **record} for record in both])
        errors, cost, _ = plot_history(run)
        assert [text.get_text() for text in cost.texts] == [" layer 1", " fine-tuning"]
        assert [text.get_position()[0] for text in cost.texts] == [0, 2]
        x, y = cost.lines[0].get_data()
        numpy.testing.assert_array_equal(x, [1, 2, numpy.nan, 3, 4, 5, 6])
        numpy.testing.assert_array_equal(y[:4], [100, 100, numpy.nan, 1])
        assert cost.get_yscale() == "log"
        assert errors.get_yscale() == "linear"
        assert fits(errors.figure)

    def test_the_best_of_what_is_to_be_raised_is_the_largest(self):
        loss = Loss("pseudo-likelihood", is_fraction=False, larger_is_better=True)
        run = History({"n_train_batches": 10, "loss": asdict(loss)}, records())
        errors, *_ = plot_history(run)
        assert errors.get_ylabel() == "pseudo-likelihood"
        best = line_of(errors, "best: validation 0.200, test 0.210, after 1 epochs")
        assert best.get_ydata()[0] == pytest.approx(0.2)

    def test_half_a_character_in_the_name_of_a_loss_is_escaped(self):
        loss = {**asdict(COST), "name": "\ud800"}
        errors, *_ = plot_history(History({"n_train_batches": 10, "loss": loss}, records()))
        assert errors.get_ylabel() == r"\ud800"

    @pytest.mark.parametrize("loss", [3, {"name": "error"}, {**asdict(COST), "name": 5}])
    def test_a_header_that_says_nothing_of_the_loss_is_of_errors(self, loss):
        run = History({"n_train_batches": 10, "loss": loss}, records())
        assert plot_history(run)[0].get_ylabel() == "error, %"

    def test_labels(self):
        assert label_runs([{}], [""]) == ["run 1"]
        assert label_runs([{}, {"options": 7}], ["a", ""]) == ["a", "run 2"]
        options = [{"options": {"save": name, "chunk_size": None, "x": "y" * 99}} for name in "ab"]
        assert label_runs(options, ["", ""]) == ["run 1", "run 2"]
        options[0]["options"]["chunk_size"] = 3
        assert label_runs(options, ["", "b"]) == ["chunk_size=3", "b: chunk_size=null"]
        options[0]["options"]["x"] = options[1]["options"]["x"] = {"a": [1]}
        options[0]["program"] = "train_mlp"
        assert label_runs(options, ["", ""])[0] == "program=train_mlp, chunk_size=3"

    def test_the_legend_names_the_files_without_folders_where_they_differ_without(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        for path, rate in (("x/a.jsonl", 0.1), ("x/b.jsonl", 0.2), ("y/a.jsonl", 0.2)):
            tmp_path.joinpath(path).parent.mkdir(exist_ok=True)
            header = {"n_train_batches": 10, "options": {"learning_rate": rate}}
            HistoryWriter(path, header, records())
        for paths, shown in (
            (["x/a.jsonl", "x/b.jsonl"], ["a: learning_rate=0.1", "b: learning_rate=0.2"]),
            (["x/b.jsonl", "y/a.jsonl"], ["b", "a"]),
            (["x/b.jsonl", "x/b.jsonl"], ["b", "b"]),
        ):
            assert legend_of(plot_history(paths))[:2] == shown
        both = legend_of(plot_history(["x/a.jsonl", "y/a.jsonl"]))
        assert both[:2] == [
            f"{path}: learning_rate={rate}"
            for path, rate in (("x/a.jsonl", 0.1), ("y/a.jsonl", 0.2))
        ]

    def test_a_file_with_many_other_options_is_still_named(self):
        headers = [{"options": {f"option_{n}": value for n in range(20)}} for value in "ab"]
        labels = label_runs(headers, ["first", "second"])
        assert [label.split(":")[0] for label in labels] == ["first", "second"]
        assert [len(label) for label in labels] == [70, 70]
        labels = label_runs([{}, {}], ["x" * 200, "y"])
        assert labels == ["x" * 39 + "…", "y"]

    def test_labels_that_are_given(self):
        labels = ["slow", "fast $"]
        assert legend_of(plot_history([history(), history()], labels))[:2] == ["slow", r"fast \$"]
        with pytest.raises(OptionError, match="labels: got 2, expected 1, one per run"):
            plot_history(history(), labels)

    def test_a_run_is_drawn_the_same_from_its_result_and_from_its_file(self, tmp_path):
        validated = [
            {**record, "minibatch": 4 if record["epoch"] == 4 else 10} for record in records()
        ]
        validated[-1]["iteration"] -= 6
        HistoryWriter(tmp_path / "run.jsonl", {"n_train_batches": 10}, validated)
        lines = [
            [(line.get_xydata().tolist(), line.get_label()) for ax in axes for line in ax.lines]
            for axes in (
                plot_history(Result(history=validated)),
                plot_history(tmp_path / "run.jsonl"),
                plot_history([str(tmp_path / "run.jsonl")]),
            )
        ]
        assert lines[0] == lines[1] == lines[2]
        assert lines[0][0][0][-1] == [3.4, pytest.approx(5)]

    def test_results_side_by_side(self):
        results = [Result(history=[{**r, "minibatch": 10} for r in records()]) for _ in range(2)]
        assert legend_of(plot_history(results))[:2] == ["run 1", "run 2"]

    def test_dollars_and_underscores_are_shown_as_they_are(self, tmp_path):
        runs = [history({"_activation": value}) for value in ("$x$", "$\\bad{$")]
        errors = plot_history(runs)[0]
        save_figure(errors.figure, tmp_path / "h.png")
        legend = [text.get_text() for text in errors.get_legend().get_texts()]
        assert legend[:2] == [r" _activation=\$x\$", r" _activation=\$\bad{\$"]

    @pytest.mark.slow
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

    @pytest.mark.parametrize("count", [None, 0, -1, "83", 1.5, True, [1], {"x" * 999: 1}, 10**300])
    def test_without_the_length_of_an_epoch(self, count):
        with pytest.raises(DataError, match=r"^run 1: n_train_batches: got ") as caught:
            plot_history([History({"n_train_batches": count}, records())])
        assert len(str(caught.value)) < 250

    def test_what_cannot_be_drawn_is_refused(self):
        begun = History({"n_train_batches": 10}, [])
        with pytest.raises(DataError, match=r"^x/run\.jsonl: no validation in it yet"):
            plot_history([history(), begun], ["x/a.jsonl", "x/run.jsonl"])
        with pytest.raises(OptionError, match="runs: got 0, expected 1 to 50"):
            plot_history([])
        with pytest.raises(DataError, match="run 1: no validation in it yet"):
            plot_history(Result())
        with pytest.raises(OptionError, match="runs: got int, expected the result of train"):
            plot_history([7])
        with pytest.raises(DataError, match=r"nowhere\.jsonl: cannot be read"):
            plot_history("nowhere.jsonl")
        with pytest.raises(OptionError, match="runs: got 51"):
            plot_history([history()] * 51)
        with pytest.raises(OptionError, match="axes: got 2"):
            plot_history([history()], axes=Figure().subplots(2))

    def test_without_matplotlib_the_command_to_install_it_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
        with pytest.raises(
            SetupError, match=r"need matplotlib .*pip install 'dltutorials\[plot\]'"
        ):
            plot_history([history()])
