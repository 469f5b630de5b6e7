"""``probecost measure``: measures any one command, as a thin verb over ``pytest --env NAME --command TEMPLATE``."""

from __future__ import annotations

import click

from probecost import PACKAGE
from probecost.cli.handed_on import become_pytest, handed_on, pytest_arguments
from probecost.plan.command import command_line

_TESTS = PACKAGE / "perftests"


@handed_on("measure")
@click.command(
    short_help="Measure the cost of any one command.",
    context_settings={"allow_interspersed_args": False},  # everything after the first word is the command's own
)
@click.option("--env", required=True, metavar="NAME", help="The environment to measure it on.")
@click.option("--collect-only", is_flag=True, help="Measure nothing: show the selected tests.")
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND...", type=click.UNPROCESSED)
def command(words: tuple[str, ...], **given: object) -> None:
    """Measure the cost of COMMAND for the network path of an environment, together with the null case.

    COMMAND runs on the node where tools run, in its working directory: words, or one text for a shell. {host_LOCAL_IP}
    and the other variables of templates get their values from the environment; {{word}} is a literal {word}.
    """
    become_pytest([*pytest_arguments({"command": command_line(words), **given}), str(_TESTS)])
