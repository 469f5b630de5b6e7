"""``probecost workflow``: what would run, in order, written to a file that pytest can run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from probecost.cli import options
from probecost.cli.planning import environments_of, planned_items
from probecost.cli.selection import matcher
from probecost.config.environment import Attaches, PairKind
from probecost.config.offered_load import parse_rate_bps
from probecost.errors import ConfigError
from probecost.fixtures.options.values import UNITS_OR_PRECISION
from probecost.plan.plan import Settings
from probecost.plan.settings import asked_command, asked_versus
from probecost.plan.visits import DEFAULT_SEED, AskedSchedule, Baseline, Order, spell
from probecost.plan.workflow.write import workflow, write_workflow
from probecost.results.load import Load


@click.command(short_help="Write what would run to a file.")
@click.option("--env", "environments", multiple=True, required=True, help="An environment; repeat it for several.")
@options.config_dir
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The workflow.json to write."
)
@click.option("--pretty", is_flag=True, help="With line breaks and indentation.")
@click.option("-k", "expression", default="", metavar="EXPR", help="Select by id: words joined by and, or, not, ( ).")
@options.units
@options.precision
@options.time_budget
@click.option("--baseline", type=click.Choice(["paired", "shared"]), default="paired", show_default=True)
@click.option("--perf-tests", multiple=True, metavar="NAMES", help="latency, pps:single, ...: all if absent.")
@click.option("--duration", type=float, help="Seconds of each perf test.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=DEFAULT_SEED, show_default=True)
@click.option("--iterations", type=click.IntRange(min=1), default=1, show_default=True)
@options.schedule
@options.order
@options.load
@click.option("--max-rate", type=options.Parsed(parse_rate_bps), metavar="RATE", help="A cap on all traffic: 500M.")
@options.null_case
@click.option("--budget", "budgets", multiple=True, metavar="LIST", help="What a tool may cost: latency_mean=5%, ...")
@options.analysis_settings("--analysis-config")
@click.option("--command", "template", metavar="TEMPLATE", help="This one command instead of the environment's cases.")
@click.option("--name", help="What the case of --command is called: a hash of the template if absent.")
@click.option("--pair", type=click.Choice(["host", "vm"]), help="The test pair of --command: host if absent.")
@click.option("--attaches", type=click.Choice(["bpf", "none"]), help="When --command is ready: bpf if absent.")
@click.option(
    "--versus", type=click.Path(path_type=Path), metavar="DIR", help="The folder with the other version of the tools."
)
@click.option("--versus-command", metavar="TEMPLATE", help="How the other version is started.")
def command(
    environments: tuple[str, ...],
    config_dir: Path,
    output: Path,
    pretty: bool,
    expression: str,
    units: int | None,
    precision: float | None,
    time_budget: float | None,
    baseline: Baseline,
    perf_tests: tuple[str, ...],
    duration: float | None,
    seed: int,
    iterations: int,
    schedule: AskedSchedule,
    order: Order,
    load: tuple[Load, ...] | None,
    max_rate: int | None,
    null_case: str,
    budgets: tuple[str, ...],
    analysis_config: Path | None,
    template: str | None,
    name: str | None,
    pair: PairKind | None,
    attaches: Attaches | None,
    versus: Path | None,
    versus_command: str | None,
) -> None:
    """Write the cycles of a run, in their order, without running anything. pytest --workflow FILE runs them.

    The same as pytest --env NAME --collect-only --workflow-out FILE, without pytest.
    """
    if units is not None and precision is not None:
        raise ConfigError(UNITS_OR_PRECISION)
    matches = matcher(expression)
    nulls = null_case == "always"
    settings = Settings(
        units=units,
        baseline=baseline,
        seed=seed,
        iterations=iterations,
        perf_tests=options.words(perf_tests),
        duration_s=duration,
        schedule=schedule,
        precision_pct=precision,
        time_budget_s=time_budget,
        order=order,
        budgets=options.words(budgets),
        loads=load or (),
        max_rate_bps=max_rate,
        command=asked_command(template, name, pair, attaches),
        versus=asked_versus(
            None if versus is None else versus.expanduser().resolve(), versus_command, is_shared=baseline == "shared"
        ),
    )
    made, items = planned_items(
        environments_of(environments, config_dir, settings, nulls=nulls),
        settings,
        matches,
        nulls=nulls,
        analysis_config=analysis_config,
    )
    if not items:
        raise ConfigError(f"-k {expression!r} selects none of {len(made.items)} cases")
    content = workflow(made, items, time.time())
    write_workflow(content, output, pretty)
    seconds = spell(content.metadata.estimated_duration)
    click.echo(f"{output}: {content.metadata.total_test_cycles} cycles, about {seconds}")
