"""``probecost cases``: lists cases, their expected duration, and edits by hand."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from probecost.cli import options
from probecost.cli.environments import find_environment
from probecost.cli.selection import matcher
from probecost.cli.table import table
from probecost.config.environment import Case, PerfTestSpec
from probecost.config.find import bootstrap_command
from probecost.config.folder import Loaded, changed_inputs, load_all
from probecost.errors import ConfigError
from probecost.plan.choose import Planner, stored_calibrations
from probecost.plan.edited_cases import Change, Difference, compare
from probecost.plan.matrix import generated_cases
from probecost.plan.null_case import null_items, with_null_cases
from probecost.plan.offered_loads import asked_perf_tests
from probecost.plan.plan import Planned, PlannedItem, expected_s, plan, settled
from probecost.plan.settings import Settings
from probecost.plan.visits import spell
from probecost.results.rules import LEAST_UNITS
from probecost.text import counted


@dataclass(frozen=True)
class Listing:
    """The selected cases of ``total``, the perf tests of each visit, the estimate, and the difference of the file.

    ``difference`` is ``None`` if nothing can be generated now; ``notes`` say why. ``unsupported`` lists settings of the
    environment's files without an effect. ``outdated``: a sentence that the files are older than their inputs, with the
    remedy; empty if they are not.
    """

    environment: str
    cases: tuple[Case, ...]
    total: int
    perf_tests: tuple[PerfTestSpec, ...]
    duration_s: float
    units: int
    difference: Difference | None
    notes: tuple[str, ...]
    unsupported: tuple[str, ...]
    outdated: str


@click.command(short_help="List the cases of an environment.")
@click.option("--env", "environment", required=True, help="An environment below --config-dir.")
@options.config_dir
@click.option("-k", "expression", default="", metavar="EXPR", help="Select by id: words joined by and, or, not, ( ).")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@options.of_measurement("--units")
@options.of_measurement("--schedule")
@options.of_measurement("--baseline")
@options.of_measurement("--perf-tests")
@options.of_measurement("--duration")
@options.of_measurement("--load")
def command(environment: str, config_dir: Path, expression: str, form: str, **asked: Any) -> None:
    """List the cases of an environment with an estimate of the time that they take.

    It shows where the cases file differs from newly generated cases: the file is used as it is.
    """
    listing = _listing(find_environment(config_dir, environment), expression, options.settings_of(asked))
    click.echo(_as_json(listing) if form == "json" else _as_text(listing))


def _listing(folder: Path, expression: str, settings: Settings) -> Listing:
    matches = matcher(expression)
    loaded = load_all(folder)
    known, every = loaded.environment, loaded.cases
    chosen = tuple(case for case in every if matches(case.key))
    if not chosen:
        raise ConfigError(f"-k {expression!r} selects none of {len(every)} cases")
    specs = asked_perf_tests(known, settings)
    difference, notes = _difference(loaded)
    environments = {known.name: Planned(known, with_null_cases(known, every), specs)}
    items = _planned(environments, settings, {case.key for case in chosen})
    return Listing(
        known.name,
        chosen,
        len(every),
        specs,
        duration_s=expected_s(items, environments),
        units=max((visit.unit for item in items for visit in item.visits if visit.is_planned), default=1),
        difference=difference,
        notes=notes,
        unsupported=known.notes,
        outdated=_outdated(folder),
    )


def _planned(environments: dict[str, Planned], settings: Settings, keys: Collection[str]) -> tuple[PlannedItem, ...]:
    """The items of a run of these cases, with their null cases, by stored calibrations."""
    from probecost.analysis.judge.best_schedule import plan_tool
    from probecost.analysis.settings.settings import load_settings
    from probecost.analysis.statistics.looks import FIXED, LOOKS
    from probecost.analysis.words.verdict_words import claim_line

    made = plan(environments, settings)
    chosen = [item for item in made.items if item.case.key in keys]
    wanted = {item.id for item in (*chosen, *null_items(made.items, chosen))}
    items = [item for item in made.items if item.id in wanted]
    planner = Planner(
        made,
        items,
        stored_calibrations(environments, time.time()),
        partial(plan_tool, settings=load_settings(None)),
        lambda units, tests, has_looks: claim_line(units, tests, LOOKS if has_looks else FIXED),
    )
    return settled(made, items, planner.advise)


def _outdated(folder: Path) -> str:
    changed = " and ".join(file.name for file in changed_inputs(folder))
    return f"{changed} changed since these cases were generated; run: {bootstrap_command(folder)}" if changed else ""


def _difference(loaded: Loaded) -> tuple[Difference | None, tuple[str, ...]]:
    """The difference from generated cases and notes; ``None`` if none can be generated, with the reasons."""
    if not any(category.tools for category in loaded.full.file.tools.categories.values()):
        return None, ("the configuration has no tools with command templates (tools.categories)",)
    try:
        generated, notes = generated_cases(loaded.full, loaded.environment)
    except ConfigError as error:
        return None, error.problems
    return compare(loaded.cases, generated), notes


def _as_json(listing: Listing) -> str:
    difference = listing.difference
    content: dict[str, Any] = {
        "environment": listing.environment,
        "total_cases": listing.total,
        "expected_duration_s": round(listing.duration_s, 1),
        "perf_tests": [_perf_test(spec) for spec in listing.perf_tests],
        "cases": [{**asdict(case), "parameters": dict(case.parameters)} for case in listing.cases],
        "difference": None
        if difference is None
        else {
            "only_in_file": [case.key for case in difference.only_in_file],
            "only_generated": [case.key for case in difference.only_generated],
            "changed": [asdict(change) for change in difference.changed],
            "reordered": difference.reordered,
        },
        "notes": list(listing.notes),
        "unsupported": list(listing.unsupported),
        "outdated": listing.outdated or None,
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _perf_test(spec: PerfTestSpec) -> dict[str, Any]:
    return {
        "perf_type": spec.perf_type,
        "conn_type": spec.conn_type,
        "duration_s": spec.duration_s,
        "streams": spec.streams,
        "target_bitrate": spec.target_bitrate,
    }


def _as_text(listing: Listing) -> str:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    rows = [(str(case.id), case.key, case.category, case.command) for case in listing.cases]
    lines = [table(("ID", "CASE", "CATEGORY", "COMMAND"), rows, width)] if rows else []
    tests = ", ".join(f"{spec.name} {spec.duration_s:g} s" for spec in listing.perf_tests)
    lines += [
        "",
        f"{listing.environment}: {len(listing.cases)} of {counted(listing.total, 'case')}",
        f"perf tests of each visit: {tests}",
        f"estimated time: {spell(listing.duration_s)} ({counted(listing.units, 'unit')} per case, null case included)",
        *_verdicts(listing),
    ]
    if listing.outdated:
        lines += ["", listing.outdated]
    if listing.unsupported:
        lines += ["", "What has no counterpart in probecost:", *(f"  {note}" for note in listing.unsupported)]
    return "\n".join([*lines, *_difference_lines(listing)]).lstrip("\n")


def _verdicts(listing: Listing) -> Sequence[str]:
    """A line if the units are enough for verdicts but cannot claim any overhead."""
    from probecost.analysis.words.verdict_words import claim_line

    tests = len(listing.cases) * len(listing.perf_tests)
    line = claim_line(listing.units, tests) if listing.units >= LEAST_UNITS else ""
    return [f"verdicts: {line}"] if line else []


def _difference_lines(listing: Listing) -> Sequence[str]:
    difference = listing.difference
    if difference is None:
        return ["", "not compared with generated cases, there are none:", *(f"  {note}" for note in listing.notes)]
    lines = [f"note: {note}" for note in listing.notes]
    if difference:
        lines += ["", "The cases file differs from what would be generated now (it is used as it is):"]
        lines += [f"  + {case.key}: {case.command}" for case in difference.only_in_file]
        lines += [f"  - {case.key}: {case.command}" for case in difference.only_generated]
        lines += [line for change in difference.changed for line in _change_lines(change)]
    elif difference.reordered:
        lines.append("The cases file holds the cases that would be generated now, in another order.")
    return lines


def _change_lines(change: Change) -> list[str]:
    return [
        f"  ~ {change.key}: {change.what}",
        f"      in the file: {change.in_file}",
        f"      generated:   {change.generated}",
    ]
