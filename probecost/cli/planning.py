"""A plan without pytest: the one that pytest makes of the same options and the stored calibrations."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from probecost.cli.environments import find_environment
from probecost.config.documents import read_yaml
from probecost.config.find import bootstrap_command, minimal_file
from probecost.config.folder import changed_inputs, is_outdated
from probecost.errors import ConfigError
from probecost.plan.cases import asked_cases
from probecost.plan.choose import Planner, resolved, stored_calibrations
from probecost.plan.null_case import null_items
from probecost.plan.offered_loads import asked_perf_tests
from probecost.plan.plan import Plan, Planned, PlannedItem, Settings, by_name, plan, settled

_MODULE = "test_ebpf_tools.py"  # pytest's -k looks at the names of an item's file and function too


def environments_of(names: tuple[str, ...], config_dir: Path, settings: Settings, *, nulls: bool) -> dict[str, Planned]:
    """The environments by the names that they declare, in the order of ``names``; ``nulls``: with null cases."""
    folders = dict.fromkeys(find_environment(config_dir, name) for name in names)
    return by_name(_planned(folder, settings, nulls=nulls) for folder in folders)


def planned_items(
    environments: dict[str, Planned],
    settings: Settings,
    matches: Callable[[str], bool],
    *,
    nulls: bool = True,
    to_run: bool = True,
    analysis_config: Path | None = None,
) -> tuple[Plan, tuple[PlannedItem, ...]]:
    """The plan, and its selected items with their null cases, in the order of measuring; none where none matches.

    ``to_run``: loads in percent must be rates, so that their maximum must be known. ``analysis_config``: the file of
    settings in which the margin stands that units are chosen for.
    """
    from probecost.analysis.judge.best_schedule import plan_tool
    from probecost.analysis.settings.settings import load_settings
    from probecost.analysis.statistics.looks import FIXED, LOOKS
    from probecost.analysis.words.verdict_words import claim_line

    made = plan(environments, settings)
    chosen = [item for item in made.items if matches(f"{_MODULE}::test_case[{item.id}]")]
    added = null_items(made.items, chosen) if nulls else ()
    wanted = {item.id for item in (*chosen, *added)}
    items = [item for item in made.items if item.id in wanted]
    if not items:
        return made, ()
    stored = stored_calibrations(environments, time.time())
    if to_run:
        made = resolved(made, items, stored)
    planner = Planner(
        made,
        items,
        stored,
        partial(plan_tool, settings=load_settings(analysis_config)),
        lambda units, tests, has_looks: claim_line(units, tests, LOOKS if has_looks else FIXED),
    )
    return made, settled(made, items, planner.advise)


def _planned(folder: Path, settings: Settings, *, nulls: bool) -> Planned:
    if is_outdated(folder):
        minimal = minimal_file(folder)
        if minimal is not None:
            read_yaml(minimal)  # that it is broken is told before what is to be made of it
        changed = " and ".join(file.name for file in changed_inputs(folder))
        reason = f"{changed} changed since its files were generated" if changed else "its generated files are missing"
        raise ConfigError(f"{folder}: {reason}", hint=f"run: {bootstrap_command(folder)}")
    found = asked_cases(folder, settings, nulls=nulls)
    for tool in found.left_out:
        click.echo(f"not measured, it has no other version: {tool}", err=True)
    return Planned(found.environment, found.cases, asked_perf_tests(found.environment, settings))
