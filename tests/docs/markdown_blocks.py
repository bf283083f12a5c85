"""The code in Markdown files, and what it is said to print."""

import re

import pytest
from helpers import ROOT


def blocks(text, *languages):
    """Return (language, content) of each fenced block in one of the languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(language, content) for language, content in found if language in languages]


def place_of(page, part):
    """Return file:line of a part of a page; pytest shows it when something there is wrong."""
    name = page.relative_to(ROOT)
    if part is None:
        return f"the end of {name}"
    before, found, _ = page.read_text(encoding="utf-8").partition(part)
    return f"{name}:{before.count(chr(10)) + 1}" if found else str(name)


def percentages(text):
    return [float(number) for number in re.findall(r"([\d.]+)%", text)]


def require_as_shown(printed, shown):
    # Another processor rounds otherwise, which over three epochs moves a few of 10,000 images.
    assert percentages(printed) == pytest.approx(percentages(shown), abs=0.15)
    assert re.sub(r"[\d.]+%", "", printed) == re.sub(r"[\d.]+%", "", shown)
