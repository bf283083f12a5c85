"""Plots of training runs and models, drawn afterwards from saved files.

Each function draws into given Axes, or into a new figure, and returns the Axes, which show the
figure as the last line of a notebook cell. None opens a window, chooses a backend, or changes
matplotlib's settings. matplotlib is imported only for drawing, so that the package works without
it.

- :func:`plot_history`: learning curves of one or more training runs,
- :func:`plot_filters`: the weights of a layer as images,
- :func:`plot_maps`: the feature maps of a convolutional network for an image,
- :func:`plot_images`: examples as images,
- :func:`plot_reconstructions`: examples and their reconstructions by an autoencoder,
- :func:`plot_samples`: what a restricted Boltzmann machine draws,
- :func:`plot_free_energy`: whether one overfits, from its snapshots,
- :func:`plot_errors`: :func:`plot_mistakes` above :func:`plot_confusion`,
- :func:`plot_filmstrip`, :func:`make_gif`: how weights develop, from the snapshots that
  :func:`read_frames` reads,
- :func:`save_figure`: a figure as PNG, SVG or PDF,
- :func:`tile_raster_images`: the tutorial's own function, with NumPy alone.

>>> from dltutorials.plotting import plot_images
>>> plot_images([[0, 0.5, 1, 0.5]], captions=["a digit"]).texts[0].get_text()
'a digit'
"""

from dltutorials.plotting.animation import make_gif, plot_filmstrip
from dltutorials.plotting.confusion import confusion_matrix, plot_confusion
from dltutorials.plotting.curves import plot_history
from dltutorials.plotting.figures import save_figure
from dltutorials.plotting.filters import choose_units, plot_filters
from dltutorials.plotting.frames import Frame, read_frames
from dltutorials.plotting.free_energy import plot_free_energy
from dltutorials.plotting.images import plot_images
from dltutorials.plotting.maps import plot_maps
from dltutorials.plotting.misclassified import most_confident_mistakes, plot_errors, plot_mistakes
from dltutorials.plotting.reconstructions import plot_reconstructions
from dltutorials.plotting.samples import plot_samples
from dltutorials.plotting.tiles import scale_to_unit_interval, tile_raster_images

__all__ = [
    "Frame",
    "choose_units",
    "confusion_matrix",
    "make_gif",
    "most_confident_mistakes",
    "plot_confusion",
    "plot_errors",
    "plot_filmstrip",
    "plot_filters",
    "plot_free_energy",
    "plot_history",
    "plot_images",
    "plot_maps",
    "plot_mistakes",
    "plot_reconstructions",
    "plot_samples",
    "read_frames",
    "save_figure",
    "scale_to_unit_interval",
    "tile_raster_images",
]
