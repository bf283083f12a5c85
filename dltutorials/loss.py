"""The loss by which a training run is judged: its name, its unit, and what counts as better.

>>> print(ERROR.name, ERROR.format(0.075), COST.name, COST.format(63.289169))
error 7.500000 % cost 63.289169
>>> Loss("pseudo-likelihood", is_fraction=False, larger_is_better=True).is_better(-89.6, -90.7)
True
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """The loss used to validate and test a model.

    Parameters
    ----------
    name : str
        As shown in output and plots: "error", "cost", "mean squared error".
    is_fraction : bool
        Whether it is a fraction, shown as a percentage.
    larger_is_better : bool
        Whether larger values are better, as for a likelihood.
    """

    name: str = "error"
    is_fraction: bool = True
    larger_is_better: bool = False

    @property
    def unit(self) -> str:
        """Return the unit of the displayed numbers: "%" or nothing."""
        return "%" if self.is_fraction else ""

    @property
    def worst(self) -> float:
        """Return the worst possible value."""
        return -math.inf if self.larger_is_better else math.inf

    def is_better(self, value: float, than: float) -> bool:
        """Return whether a value is better than another; nan never is."""
        return value > than if self.larger_is_better else value < than

    def format(self, value: float, decimals: int = 6) -> str:
        """Return a value as text, with its unit."""
        if self.is_fraction:
            return f"{value * 100:.{decimals}f} %"
        return f"{value:.{decimals}f}"


ERROR = Loss()
COST = Loss("cost", is_fraction=False)
