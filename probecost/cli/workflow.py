"""``probecost workflow``: writes the plan of a run to a file, as a thin verb over ``pytest --collect-only``."""

from __future__ import annotations

from pathlib import Path

import click

from probecost import PACKAGE
from probecost.cli.handed_on import become_pytest, handed_on, pytest_arguments


@handed_on("workflow", required=["--env"])
@click.command(short_help="Write what would run to a file.")
@click.option("--output", "workflow_out", required=True, metavar="FILE", help="The workflow.json to write.")
@click.option("-k", "expression", metavar="EXPR", help="Select by id: words joined by and, or, not, ( ).")
def command(expression: str | None, **given: object) -> None:
    """Write the cycles of a run, in their order, without running anything. pytest --workflow FILE runs them.

    The same as pytest --env NAME --collect-only --workflow-out FILE, with its exit codes: 0 written, 4 usage or
    configuration, 5 no case is selected.
    """
    selected = [] if expression is None else ["-k", expression]
    become_pytest(["--collect-only", "-qq", *selected, *pytest_arguments(given), _tests()])


def _tests() -> str:
    """The project's own tests if this is the folder of a project, else those of probecost."""
    own = Path("perftests")
    return str(own if own.is_dir() else PACKAGE / own)
