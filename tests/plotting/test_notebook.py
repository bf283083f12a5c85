import base64
import io
import subprocess
import sys

from dltutorials.plotting import (
    Frame,
    make_gif,
    plot_confusion,
    plot_errors,
    plot_filmstrip,
    plot_filters,
    plot_history,
    plot_images,
    plot_mistakes,
)

import numpy
import PIL.Image
import pytest
from drawings import history
from IPython.core.formatters import DisplayFormatter

W = numpy.random.RandomState(0).randn(4, 3)
x, y, p = W.T, numpy.array([0, 1, 2]), numpy.eye(3)[[1, 1, 2]]
drawn = {
    "filters": lambda: plot_filters(W),
    "its figure": lambda: plot_filters(W).figure,
    "images": lambda: plot_images(x),
    "history": lambda: plot_history(history()),
    "errors": lambda: plot_errors(x, y, p),
    "mistakes": lambda: plot_mistakes(x, y, p),
    "confusion": lambda: plot_confusion(p, y),
    "filmstrip": lambda: plot_filmstrip([Frame(1, W), Frame(2, W)]),
}


@pytest.mark.slow
@pytest.mark.parametrize("draw", drawn.values(), ids=drawn)
def test_the_last_line_of_a_cell_shows_the_picture(draw):
    content = DisplayFormatter().format(draw())[0]["image/png"]
    with PIL.Image.open(io.BytesIO(content)) as picture:
        assert picture.width == 600
        assert len(numpy.unique(numpy.asarray(picture.convert("L")))) > 5


def test_the_last_line_of_a_cell_shows_the_animation():
    gif = make_gif([Frame(1, W), Frame(2, 2 * W)])
    shown = DisplayFormatter().format(gif)[0]["image/gif"]
    assert base64.b64decode(shown) == gif


@pytest.mark.slow
def test_importing_the_drawing_functions_imports_no_matplotlib():
    program = "import sys, dltutorials.plotting; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("False\n", 0)
