"""The ``probecost`` command: a group of verbs, each in a separate file that is imported when it is used.

Exit codes: 0 done, 1 it failed, 2 interrupted, 4 usage or configuration.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

from probecost.errors import ConfigError, ProbecostError

FAILED = 1
INTERRUPTED = 2
USAGE = 4

#: Verb -> its description in one line. The module ``probecost.cli.<verb>`` has it as ``command``.
VERBS = {
    "analyze": "Write the reports of a run again, from its files.",
    "bootstrap": "Complete a minimal input over SSH, and generate the cases.",
    "cases": "List the cases of an environment, and where they differ from generated ones.",
    "cleanup": "Show and end leftovers of earlier runs on the nodes.",
    "compare": "Show the changes of overhead from one run to another.",
    "doctor": "Check configuration, connections and prerequisites, without traffic.",
    "fetch": "Copy the results of a run from a node, by hand.",
    "lab": "Bring the test bed on this machine up or down, or show its state.",
    "measure": "Measure the cost of any one command, without a configuration of tools.",
    "migrate": "Write the unified form of a folder with the four legacy files.",
    "validate": "Check a results tree for missing and implausible data.",
    "workflow": "Write the plan of a run, in order, to a file that pytest --workflow runs.",
}


class Verbs(click.Group):
    """Imports a verb only when it is called: ``probecost --help`` loads no SSH and no tables."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"probecost.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(sorted(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="probecost")
def probecost() -> None:
    """Measure the cost of eBPF network tools. Measuring itself is done by pytest: pytest --env NAME, or measure."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; errors of ours are a message on stderr, without a traceback."""
    try:
        result = probecost.main(None if arguments is None else list(arguments), "probecost", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return FAILED
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except ProbecostError as error:
        click.echo(f"error: {error}", err=True)
        return USAGE if isinstance(error, ConfigError) else FAILED
    return result if isinstance(result, int) else 0
