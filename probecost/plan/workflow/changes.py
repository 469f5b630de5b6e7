"""Changes of an environment since a workflow was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from probecost.config.environment import Case, PerfTestSpec
from probecost.errors import ConfigError
from probecost.plan.offered_loads import asked_perf_tests
from probecost.plan.plan import Planned
from probecost.plan.primary import without_fixed_rate
from probecost.plan.workflow.mapping import case_entry, environment_entry
from probecost.plan.workflow.model import EnvironmentEntry
from probecost.plan.workflow.read import Workflow

_SHOWN = 40


def changes(workflow: Workflow, now: Mapping[str, Planned]) -> list[str]:
    """One line per difference between ``workflow`` and the environments ``now``, by name.

    Cases that only the environment has are no difference: the workflow may be a selection.
    """
    found: list[str] = []
    for name in workflow.environments:
        found += [f"{name}: {line}" for line in _of_environment(workflow, name, now[name])]
    return found


def changed_error(workflow: Workflow, found: list[str], option: str) -> ConfigError:
    """The refusal of an outdated workflow; ``option`` lets it run nevertheless."""
    rest = [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return ConfigError(
        f"{workflow.file}: what it was written for has changed (in the workflow, then now):",
        *(f"  {line}" for line in found[:_SHOWN]),
        *rest,
        hint=f"Write it anew, or run it all the same with {option}: commands and perf tests are those of the "
        "workflow then, addresses and files those of now.",
    )


def _of_environment(workflow: Workflow, name: str, now: Planned) -> Iterator[str]:
    cases = list(dict.fromkeys(item.case for item in workflow.items if item.turn.environment == name))
    recorded = _used(workflow.content.global_config.environments[name], cases).model_dump(mode="json")
    current = environment_entry(now.environment, cases).model_dump(mode="json")
    for key in ("folder", "idle_busy_share"):
        recorded.pop(key)
        current.pop(key)
    yield from _differences("", recorded, current)
    yield from _of_perf_tests(workflow, name, now)
    known = {case.key: case for case in now.cases}
    for case in cases:
        if case.key not in known:
            yield f"case {case.key}: is not among its cases any more"
        else:
            yield from _of_case(case, known[case.key])


def _used(entry: EnvironmentEntry, cases: Sequence[Case]) -> EnvironmentEntry:
    """The part of ``entry`` that ``cases`` need: some may have been removed from the workflow by hand."""
    pairs = {kind: pair for kind, pair in entry.test_pairs.items() if any(case.pair_kind == kind for case in cases)}
    used = {name for pair in pairs.values() for name in pair.nodes}
    versions = [version for case in cases for version in case.versions]
    folders = {PurePosixPath(case.tool_file).parent for case in versions if case.tool_file}
    files = {
        path: digest for path, digest in entry.tool_files.items() if not folders.isdisjoint(PurePosixPath(path).parents)
    }
    nodes = {name: node for name, node in entry.nodes.items() if name in used}
    return entry.model_copy(update={"nodes": nodes, "test_pairs": pairs, "tool_files": files})


def _of_perf_tests(workflow: Workflow, name: str, now: Planned) -> Iterator[str]:
    try:
        current = asked_perf_tests(now.environment, workflow.settings)
    except ConfigError as error:
        yield f"perf tests: {error.problems[0]}"
        return
    recorded = {spec.name: _words(spec) for spec in without_fixed_rate(workflow.perf_tests[name], workflow.settings)}
    yield from _differences("perf test ", recorded, {spec.name: _words(spec) for spec in current})
    if [spec.name for spec in current] != list(recorded) and {spec.name for spec in current} == set(recorded):
        yield f"perf tests: another order: {', '.join(recorded)} -> {', '.join(spec.name for spec in current)}"


def _words(spec: PerfTestSpec) -> dict[str, Any]:
    return {"duration": spec.duration_s, "streams": spec.streams, "target_bitrate": spec.target_bitrate}


def _of_case(recorded: Case, now: Case) -> Iterator[str]:
    if recorded.pair_kind != now.pair_kind:
        yield f"case {recorded.key}: pair_kind: {recorded.pair_kind} -> {now.pair_kind}"
    yield from _differences(f"case {recorded.key}: ", _measured(recorded), _measured(now))


def _measured(case: Case) -> dict[str, Any]:
    """The values that affect how a case is measured. Budgets do not: those of the workflow hold."""
    return case_entry(case).model_dump(mode="json", exclude={"budgets"})


def _differences(prefix: str, recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Differences: ``nodes.host-server.host: "192.0.2.1" -> "192.0.2.9"``; a value on one side only is gone or new."""
    for key in dict.fromkeys([*recorded, *now]):
        path = f"{prefix}{key}"
        if key not in now:
            yield f"{path}: is gone"
        elif key not in recorded:
            yield f"{path}: is new"
        elif isinstance(recorded[key], dict) and isinstance(now[key], dict):
            yield from _differences(f"{path}.", recorded[key], now[key])
        elif recorded[key] != now[key]:
            yield f"{path}: {_shown(recorded[key])} -> {_shown(now[key])}"


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
