"""Measures every tool with every set of parameters of the environments in ``--env``."""

from probecost.fixtures.case import RunCase


def test_case(case_run: RunCase) -> None:
    """The tool starts, attaches and lives through all perf tests, and there is valid data with and without it."""
    case_run.measure()
    problems = case_run.results().problems
    assert not problems, "\n".join(problems)
