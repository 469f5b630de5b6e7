"""``probecost workflow``: what would run, in order, written to a file that pytest can run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from cli import options
from cli.selection import matcher
from probecost.config.environments import bootstrap_command, find_environment
from probecost.config.load import changed_inputs, is_outdated, load_folder
from probecost.config.loads import Load, parse_rate_bps
from probecost.errors import ConfigError
from probecost.plan.load import planned
from probecost.plan.schedule import DEFAULT_SEED, Baseline, Schedule, spell
from probecost.plan.sequence import Planned, Settings, by_name, plan
from probecost.plan.workflow import workflow, write_workflow

_MODULE = "test_ebpf_tools.py"  # pytest's -k looks at the names of an item's file and function too


@click.command(short_help="Write what would run to a file.")
@click.option("--env", "environments", multiple=True, required=True, help="An environment; repeat it for several.")
@options.config_dir
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The workflow.json to write."
)
@click.option("--pretty", is_flag=True, help="With line breaks and indentation.")
@click.option("-k", "expression", default="", metavar="EXPR", help="Select by id: words joined by and, or, not, ( ).")
@click.option("--units", type=click.IntRange(min=1), default=1, show_default=True, help="Units per case.")
@click.option("--baseline", type=click.Choice(["paired", "shared"]), default="paired", show_default=True)
@click.option("--perf-tests", multiple=True, metavar="NAMES", help="latency, pps:single, ...: all if absent.")
@click.option("--duration", type=float, help="Seconds of each perf test.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=DEFAULT_SEED, show_default=True)
@click.option("--iterations", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--schedule", type=click.Choice(["visits", "switched"]), default="visits", show_default=True)
@options.load
@click.option("--max-rate", type=options.Parsed(parse_rate_bps), metavar="RATE", help="A cap on all traffic: 500M.")
def command(
    environments: tuple[str, ...],
    config_dir: Path,
    output: Path,
    pretty: bool,
    expression: str,
    units: int,
    baseline: Baseline,
    perf_tests: tuple[str, ...],
    duration: float | None,
    seed: int,
    iterations: int,
    schedule: Schedule,
    load: tuple[Load, ...] | None,
    max_rate: int | None,
) -> None:
    """Write the cycles of a run, in their order, without running anything. pytest --workflow FILE runs them.

    The same as pytest --env NAME --collect-only --workflow-out FILE, without pytest.
    """
    matches = matcher(expression)
    names = tuple(word for given in perf_tests for word in (part.strip() for part in given.split(",")) if word)
    settings = Settings(units, baseline, seed, iterations, names, duration, schedule, load or (), max_rate)
    whole = plan(_load(environments, config_dir, settings), settings)
    items = [item for item in whole.items if matches(f"{_MODULE}::test_case[{item.id}]")]
    if not items:
        raise ConfigError(f"-k {expression!r} selects none of {len(whole.items)} cases")
    content = workflow(whole, items, time.time())
    write_workflow(content, output, pretty)
    seconds = spell(content.metadata.estimated_duration)
    click.echo(f"{output}: {content.metadata.total_test_cycles} cycles, about {seconds}")


def _load(names: tuple[str, ...], config_dir: Path, settings: Settings) -> dict[str, Planned]:
    """The environments by the names that they declare, in the order of ``names``."""
    folders = dict.fromkeys(find_environment(config_dir, name) for name in names)
    return by_name(_planned(folder, settings) for folder in folders)


def _planned(folder: Path, settings: Settings) -> Planned:
    if is_outdated(folder):
        changed = " and ".join(file.name for file in changed_inputs(folder))
        reason = f"{changed} changed since its files were generated" if changed else "its generated files are missing"
        raise ConfigError(
            f"{folder}: {reason}",
            hint=f"run: {bootstrap_command(folder)}",
        )
    environment, cases = load_folder(folder)
    return planned(environment, cases, settings)
