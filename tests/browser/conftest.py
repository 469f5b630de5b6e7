"""A browser for all tests of the page, and the trees of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
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
