"""``probecost measure``: measures any one command, as a thin verb over ``pytest --env NAME --command TEMPLATE``."""

from __future__ import annotations

import click

from probecost import PACKAGE
from probecost.cli.handed_on import become_pytest, handed_on, pytest_arguments
from probecost.plan.command import command_line

_TESTS = PACKAGE / "perftests"


@handed_on("measure")
@click.command(
    short_help="Measure what any one command costs.",
    context_settings={"allow_interspersed_args": False},  # everything after the first word is the command's own
)
@click.option("--env", required=True, metavar="NAME", help="The environment to measure it on.")
@click.option("--collect-only", is_flag=True, help="Measure nothing: show what would be.")
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND...", type=click.UNPROCESSED)
def command(words: tuple[str, ...], **given: object) -> None:
    """Measure what COMMAND costs the network path of an environment, with the null case beside it.

    COMMAND runs on the node where tools run, in its working directory: words, or one text for a shell. {host_LOCAL_IP}
    and the other variables of templates become what the environment has; {{word}} is a literal {word}.
    """
    become_pytest([*pytest_arguments({"command": command_line(words), **given}), str(_TESTS)])
