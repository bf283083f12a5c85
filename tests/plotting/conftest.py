import sys

import matplotlib
import pytest


@pytest.fixture(autouse=True)
def _settings_stay_as_they_are():
    before = settings()
    yield
    assert settings() == before
    assert "matplotlib.pyplot" not in sys.modules  # which chooses a backend and keeps figures


def settings():
    """Return matplotlib's settings; to ask it for the backend would choose one."""
    return {name: dict.__getitem__(matplotlib.rcParams, name) for name in matplotlib.rcParams}
