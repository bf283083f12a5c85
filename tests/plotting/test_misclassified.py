import itertools

from dltutorials.exceptions import DataError, OptionError
from dltutorials.plotting import plot_confusion, plot_errors, plot_mistakes

import numpy
import pytest
from drawings import fits
from matplotlib.figure import Figure


class TestMistakes:
    x = numpy.random.RandomState(0).rand(6, 4)
    y = numpy.array([0, 1, 2, 0, 1, 2])
    p = numpy.array(
        [[0.9, 0.1, 0], [0.6, 0.4, 0], [0, 0.99999, 0.00001], [0, 1, 0], [0, 1, 0], [0.1, 0.1, 0.8]]
    )

    def test_the_most_confident_mistakes_come_first(self):
        ax = plot_mistakes(self.x, self.y, self.p, n_mistakes=2)
        captions = [text.get_text() for text in ax.texts]
        assert captions == ["0 → 1\n>99.9 %", "2 → 1\n>99.9 %"]
        assert ax.get_title(loc="left").startswith(
            "3 of 6 wrong (50.00 %); the 2 most confident mistakes"
        )
        raster = ax.images[0].get_array().data
        assert raster[:2, :2] == pytest.approx(self.x[3].reshape(2, 2) * 0.93 + 0.07)

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
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted label", "true label")
        assert fits(ax.figure)

    def test_both_in_a_figure_where_all_text_fits(self):
        rng = numpy.random.RandomState(0)
        p = rng.dirichlet(numpy.ones(10), 3000)
        axes = plot_errors(rng.rand(3000, 784), rng.randint(0, 10, 3000), p)
        assert len(axes[0].texts) == 24
        assert fits(axes[0].figure)
        boxes = [text.get_window_extent() for text in axes[0].texts]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))

    def test_labels_have_the_names_of_their_classes(self):
        names = ["cat", "dog", "a rather long name $"]
        mistakes, confusion = plot_errors(self.x, self.y, self.p, class_names=names)
        captions = [text.get_text() for text in mistakes.texts]
        assert captions[0] == "cat → dog\n>99.9 %"
        assert captions[1] == "a rather…\n→ dog\n>99.9 %"
        for axis in (confusion.xaxis, confusion.yaxis):
            shown = [label.get_text() for label in axis.get_ticklabels()]
            assert shown == ["cat", "dog", "a rather lo…"]
        assert fits(mistakes.figure)
        for draw in (
            lambda: plot_mistakes(self.x, self.y, self.p, class_names=names[:2]),
            lambda: plot_confusion(self.p, self.y, class_names=names[:2]),
        ):
            with pytest.raises(OptionError, match="class_names: got 2, expected 3, one per label"):
                draw()

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "name", ["cat", "sneaker", "pullover", "Ankle boot", "T-shirt/top or so"]
    )
    def test_names_and_their_captions_fit(self, name):
        rng = numpy.random.RandomState(0)
        p = rng.dirichlet(numpy.ones(10), 100)
        names = [name] * 10
        axes = plot_errors(rng.rand(100, 784), rng.randint(0, 10, 100), p, class_names=names)
        assert fits(axes[0].figure)
        assert fits(plot_confusion(p, rng.randint(0, 10, 100), class_names=names).figure)
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

    @pytest.mark.parametrize(
        ("y", "message"),
        [
            (
                [0, 1, 2],
                r"y: got int64 of shape \(3,\), expected integers of shape \(6,\)",
            ),
            ([[0], [1], [2], [0], [1], [2]], r"y: got int64 of shape \(6, 1\)"),
            ([0.0, 1, 2, 0, 1, 2], "y: got float64 of shape"),
            ([0, 1, 2, 0, 1, 3], "y: got labels from 0 to 3, expected 0 to 2"),
            ([0, 1, 2, 0, 1, -1], "y: got labels from -1 to 2, expected 0 to 2"),
        ],
    )
    def test_labels_that_do_not_fit_the_probabilities_are_refused(self, y, message):
        for draw in (plot_mistakes, plot_errors):
            with pytest.raises(OptionError, match=message):
                draw(self.x, numpy.array(y), self.p)
        with pytest.raises(OptionError, match=message):
            plot_confusion(self.p, numpy.array(y))
        with pytest.raises(OptionError, match="x: got 5 images, expected 6, one per label"):
            plot_mistakes(self.x[:5], self.y, self.p)
