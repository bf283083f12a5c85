"""Checks of the values that a caller chooses: numbers must be within their range.

Each raises an :class:`~dltutorials.exceptions.OptionError` that names the option, the value and
what was expected; otherwise it returns nothing.

>>> require_integer("batch_size", 600, at_least=1)
>>> require_integer("batch_size", 0, at_least=1)
Traceback (most recent call last):
dltutorials.exceptions.OptionError: batch_size: got 0, expected an integer of at least 1
"""

import math
import numbers
from collections.abc import Iterable
from typing import Any

from dltutorials.exceptions import OptionError


def require_integer(name: str, value: Any, at_least: int) -> None:
    """Refuse anything but an integer of at least `at_least` that 64 bits can hold."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < at_least:
        raise OptionError(f"{name}: got {value!r}, expected an integer of at least {at_least}")
    if value >= 1 << 63:
        raise OptionError(f"{name}: got more than 2^63 - 1, expected an integer that 64 bits hold")


def require_positive(name: str, value: Any) -> None:
    """Refuse anything but a finite number above 0."""
    if not 0 < _real(value) < math.inf:
        raise OptionError(f"{name}: got {value!r}, expected a finite number above 0")


def require_not_negative(name: str, value: Any) -> None:
    """Refuse anything but a finite number of at least 0."""
    if not 0 <= _real(value) < math.inf:
        raise OptionError(f"{name}: got {value!r}, expected a finite number of at least 0")


def require_fraction(name: str, value: Any) -> None:
    """Refuse anything but a number above 0 and at most 1."""
    if not 0 < _real(value) <= 1:
        raise OptionError(f"{name}: got {value!r}, expected a number above 0 and at most 1")


def require_probability(name: str, value: Any) -> None:
    """Refuse anything but a number from 0 to 1."""
    if not 0 <= _real(value) <= 1:
        raise OptionError(f"{name}: got {value!r}, expected a number from 0 to 1")


def require_level(name: str, value: Any) -> None:
    """Refuse anything but a number above 0 and below 1."""
    if not 0 < _real(value) < 1:
        raise OptionError(f"{name}: got {value!r}, expected a number above 0 and below 1")


def require_momentum(name: str, value: Any) -> None:
    """Refuse anything but a number of at least 0 and below 1."""
    if not 0 <= _real(value) < 1:
        raise OptionError(f"{name}: got {value!r}, expected a number of at least 0 and below 1")


def require_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse anything but one of the given names."""
    # Not `in`: what a file names need not be hashable.
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        raise OptionError(f"{name}: got {value!r}, expected one of {', '.join(map(str, choices))}")


def _real(value: Any) -> float:
    """Return `value` as a float, or, if it is not a number, nan, which is outside every range."""
    try:
        return float(value) if isinstance(value, numbers.Real) else math.nan
    except OverflowError:  # an integer of hundreds of digits
        return math.nan
