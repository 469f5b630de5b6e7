"""``probecost measure``: the verdicts of any one command. A thin verb over ``pytest --env NAME --command TEMPLATE``."""

from __future__ import annotations

import os
import sys

import click

from probecost import PACKAGE
from probecost.plan.command import command_line

_TESTS = PACKAGE / "perftests"

#: Options that pytest knows under the same name and takes a value for; it also says what is wrong with that.
_HANDED_ON = {
    "name": "What the case is called: a hash of the command if absent.",
    "pair": "host (default) or vm: the test pair whose traffic it watches.",
    "attaches": "bpf (default): it is ready when its BPF programs are attached; none: when it runs.",
    "versus-command": "Another command that runs where there would be none: a cost is what COMMAND costs over it.",
    "units": "Units; without it the planner chooses.",
    "precision": "Until intervals are at most this to either side: 2%.",
    "time-budget": "What the run may take: 30m, 2h.",
    "schedule": "auto (default), visits or switched.",
    "perf-tests": "latency, pps:single, ...: all if absent.",
    "duration": "Seconds of each perf test.",
    "load": "Loads, each a perf test of its own: 25%,2G,100kpps.",
    "max-rate": "A cap on all traffic: 500M.",
    "seed": "Decides all random orders.",
    "calibration": "auto (default), always or never.",
    "budget": "What it may cost: latency_mean=5%, ...",
    "analysis-config": "Settings by which it is judged; see analysis/config.yaml.",
    "config-dir": "The folder that holds a folder per environment.",
    "results-dir": "The folder that gets a new folder per run.",
    "workflow-out": "Write what runs as a workflow.json.",
}
_FLAGS = {
    "bootstrap": "Work the environment out where that is due.",
    "ssh-accept-new": "Accept and remember host keys that are not known yet.",
    "strict-budgets": "Fail where the units cannot tell, too.",
    "collect-only": "Measure nothing: show what would be.",
}


def _handed_on(command: click.Command) -> click.Command:
    for name, text in reversed(_HANDED_ON.items()):
        command.params.insert(1, click.Option([f"--{name}"], help=text))
    command.params += [click.Option([f"--{name}"], is_flag=True, help=text) for name, text in _FLAGS.items()]
    return command


@_handed_on
@click.command(
    short_help="Measure what any one command costs.",
    context_settings={"allow_interspersed_args": False},  # all behind the first word is the command's own
)
@click.option("--env", "environment", required=True, help="The environment to measure it on.")
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND...", type=click.UNPROCESSED)
def command(environment: str, words: tuple[str, ...], **given: str | bool | None) -> None:
    """Measure what COMMAND costs the network path of an environment, with the null case beside it.

    COMMAND runs on the node where tools run, in its working directory: words, or one text for a shell. {host_LOCAL_IP}
    and the other variables of templates become what the environment has; {{word}} is a literal {word}.
    """
    arguments = [sys.executable, "-m", "pytest", *pytest_arguments(environment, words, given)]
    os.execv(sys.executable, arguments)  # signals and exit codes are pytest's own


def pytest_arguments(environment: str, words: tuple[str, ...], given: dict[str, str | bool | None]) -> list[str]:
    """What pytest is called with; ``given`` by the names of parameters, absent ones ``None`` or ``False``."""
    arguments = [f"--env={environment}", f"--command={command_line(words)}"]
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(option)
        elif isinstance(value, str):
            arguments.append(f"{option}={value}")
    return [*arguments, str(_TESTS)]
