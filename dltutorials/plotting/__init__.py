"""Pictures of trainings and models, made from saved files by another program.

One module a kind of picture; each has a function that draws into given Axes, of
a notebook for example, or into a figure of its own, and returns the Axes. None
shows anything, chooses a backend, or changes matplotlib's settings. matplotlib is
imported when something is drawn, so that the package works without it.
"""
