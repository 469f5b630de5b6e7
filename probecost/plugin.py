"""The pytest plugin of probecost: options in every session, everything else only in one that measures.

A session measures when it has ``--env``, ``--workflow`` or ``--resume``. Any other session knows only the options, and
a file of perf tests without an environment is a usage error. ``pytest --fixtures`` shows our fixtures too.
"""

from __future__ import annotations

import importlib

import pytest

from probecost.fixtures import hookspecs
from probecost.fixtures.collect import cases
from probecost.fixtures.options import command_line
from probecost.fixtures.options.settings import asked_to_measure

#: In the order of registration: pytest calls the hooks of later modules first.
MEASURING = (
    "probecost.fixtures.run",
    "probecost.fixtures.session",
    "probecost.fixtures.collect.order",
    "probecost.fixtures.collect.selection",
    "probecost.fixtures.tool",
    "probecost.fixtures.case",
    "probecost.fixtures.perf_test",
    "probecost.fixtures.summary",
    "probecost.fixtures.measuring.give_up",
    "probecost.fixtures.parallel.controller",
    "probecost.fixtures.parallel.worker",
    "probecost.analysis.plugin",
)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks in every session: a conftest.py may implement them even if nothing is measured."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the modules that every session needs; pytest asks each of them for its options and hooks."""
    pluginmanager.register(command_line, command_line.__name__)
    pluginmanager.register(cases, cases.__name__)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Register the rest before the first conftest.py: that way, pytest calls the hooks of a conftest.py first."""
    given = early_config.known_args_namespace
    if asked_to_measure(given) or given.showfixtures or given.show_fixtures_per_test:
        for name in MEASURING:
            early_config.pluginmanager.register(importlib.import_module(name), name)
