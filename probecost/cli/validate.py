"""``probecost validate``: checks a results tree for missing and implausible data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probecost.cli import options
from probecost.cli.table import table
from probecost.text import counted

if TYPE_CHECKING:
    from probecost.analysis.check.completeness import CaseValidation, Validation
    from probecost.analysis.tree.problem import Problem

_WRONG = 1
_MOST_LINES = 8
_TITLES = ("CASE", "ITERATION", "STATE", "OUTCOME", "COMPLETE UNITS", "MISSING", "IMPLAUSIBLE", "VOID", "REMARKS")


@click.command(short_help="Check a results tree for missing and implausible data.")
@click.option(
    "--results",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder of a run (results/<run_id>, results/latest), or of one iteration.",
)
@options.analysis_settings
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--all", "every", is_flag=True, help=f"All lines, remarks too; else {_MOST_LINES} of each kind per case.")
def command(results: Path, config: Path | None, form: str, every: bool) -> int:
    """Check a results tree for missing and implausible data, per case.

    Exit code 0: all complete and plausible, 1: something is missing or implausible, 4: this is no results folder.
    """
    from probecost.analysis.check.completeness import validate
    from probecost.analysis.processes import in_its_own_process
    from probecost.analysis.settings.settings import load_settings
    from probecost.analysis.study.run import study_run

    settings = load_settings(config)
    with in_its_own_process() as jobs:
        found = validate(study_run(results, settings, jobs))
    click.echo(_as_json(found) if form == "json" else "\n".join(_as_text(found, every)))
    return 0 if found.is_clean else _WRONG


def _as_text(found: Validation, every: bool) -> Iterator[str]:
    from probecost.analysis.check.completeness import State, count_states

    several = len({case.id.environment for case in found.cases}) > 1
    names = {
        case.id: f"{case.id.environment}:{case.id.case_key}" if several else case.id.case_key for case in found.cases
    }
    if found.cases:
        yield table(_TITLES, [(names[case.id], *_cells(case)) for case in found.cases])
        yield ""
    for case in found.cases:
        lines = list(_lines(case.problems, found.root, every))
        if lines:
            yield f"{names[case.id]}, iteration {case.id.iteration}"
            yield from lines
            yield ""
    loose = list(_lines(found.problems, found.root, every))
    if loose:
        yield from ("of no case", *loose, "")
    states = count_states(found.cases)
    counts = ", ".join(f"{number} {state}" for state, number in states.items() if state is not State.COMPLETE)
    good = f"{states.get(State.COMPLETE, 0)} of {counted(len(found.cases), 'case')} complete and plausible"
    yield f"{found.root}: {good}{f' ({counts})' if counts else ''}"


def _cells(case: CaseValidation) -> tuple[str, ...]:
    from probecost.analysis.tree.problem import Kind

    numbers = (len(case.of_kind(kind)) for kind in (Kind.MISSING, Kind.IMPLAUSIBLE, Kind.VOID, Kind.REMARK))
    return (
        str(case.id.iteration),
        case.state,
        case.outcome,
        _units(case),
        *(str(number) if number else "" for number in numbers),
    )


def _units(case: CaseValidation) -> str:
    """``visits 1 of 1, flows 8 of 8`` if all perf tests have the same numbers, else each of them."""
    from probecost.analysis.judge.units import FLOWS, VISITS

    parts = []
    for schedule, name in ((VISITS, "visits"), (FLOWS, "flows")):
        tests = [test for test in case.tests if test.schedule == schedule]
        counts = {(test.n_complete, test.n_planned) for test in tests}
        if len(counts) == 1:
            parts += [f"{name} {complete} of {planned}" for complete, planned in counts]
        elif tests:
            each = (f"{test.perf_test} {test.conn_type} {test.n_complete} of {test.n_planned}" for test in tests)
            parts.append(f"{name} ({', '.join(each)})")
    return ", ".join(parts)


def _lines(problems: Sequence[Problem], root: Path, every: bool) -> Iterator[str]:
    """Problems by kind, the worst first, with a limit for each kind."""
    from probecost.analysis.tree.problem import Kind

    for kind in Kind if every else (Kind.MISSING, Kind.IMPLAUSIBLE, Kind.VOID):
        own = [problem for problem in problems if problem.kind.in_check is kind]
        shown = own if every else own[:_MOST_LINES]
        yield from (f"  {kind}: {problem.text(root)}" for problem in shown)
        if len(own) > len(shown):
            yield f"  {kind}: {len(own) - len(shown)} more, with --all"


def _as_json(found: Validation) -> str:
    content: dict[str, Any] = {
        "results": str(found.root),
        "run_id": found.run_id,
        "complete": found.is_clean,
        "cases": [
            {
                **case.id._asdict(),
                "state": case.state,
                "outcome": case.outcome,
                "perf_tests": [vars(test) for test in case.tests],
                "problems": [_entry(problem, found.root) for problem in case.problems],
            }
            for case in found.cases
        ],
        "problems": [_entry(problem, found.root) for problem in found.problems],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _entry(problem: Problem, root: Path) -> dict[str, Any]:
    file = problem.path.relative_to(root) if problem.path.is_relative_to(root) else problem.path
    where = {key: getattr(problem.where, key) for key in ("visit_id", "arm", "unit", "perf_test", "conn_type")}
    return {"kind": problem.kind.in_check, "file": str(file), "reason": problem.reason, **where}
