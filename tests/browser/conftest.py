"""A browser for all tests of the page, and the trees of the unit tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from chromium import Chromium, Tab, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture
def tab(browser: Chromium) -> Tab:
    """A tab with a desktop's window."""
    tab = browser.tab()
    tab.screen(1280, 900)
    return tab
