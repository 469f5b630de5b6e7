"""Registers the plugins of a measurement. They do nothing in a session without ``--env`` or ``--workflow``."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.collection",
    "fixtures.run",
    "fixtures.session",
    "fixtures.workflow",
    "fixtures.selection",
    "fixtures.tool",
    "fixtures.case",
    "fixtures.perf_test",
    "fixtures.report",
    "fixtures.giving_up",
    "fixtures.parallel.controller",
    "fixtures.parallel.worker",
    "analysis.plugin",
]
