"""The null case: a tool that only sleeps, so that any cost it seems to have is noise of the bed.

Every environment has one for each of its test pairs, and every run measures it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probecost.config.environment import PAIR_KINDS, Case, Environment, PairKind
from probecost.plan.plan import PlannedItem, Turn
from probecost.results.layout import case_hash
from probecost.results.rules import NULL_TOOL

_COMMAND = "sleep infinity"
_NUMBER = 0  # in no cases file, and independent of added cases


def with_null_cases(environment: Environment, cases: Sequence[Case]) -> tuple[Case, ...]:
    """``cases``, followed by a null case for each test pair with cases but no null case."""
    kinds = [kind for kind in PAIR_KINDS if any(case.pair_kind == kind for case in cases)]
    missing = [kind for kind in kinds if not any(is_null(case) and case.pair_kind == kind for case in cases)]
    return (*cases, *(_null_case(environment, kind) for kind in missing))


def is_null(case: Case) -> bool:
    return case.tool_id == NULL_TOOL


def null_items(items: Iterable[PlannedItem], selected: Iterable[PlannedItem]) -> tuple[PlannedItem, ...]:
    """The null cases among ``items`` that ``selected`` lacks: one for each of its test pairs and turns."""
    chosen = tuple(selected)
    places = {_place(item) for item in chosen} - {_place(item) for item in chosen if is_null(item.case)}
    found: dict[tuple[Turn, PairKind], PlannedItem] = {}
    for item in items:
        if is_null(item.case) and _place(item) in places:
            found.setdefault(_place(item), item)
    return tuple(found.values())


def _place(item: PlannedItem) -> tuple[Turn, PairKind]:
    return item.turn, item.case.pair_kind


def _null_case(environment: Environment, kind: PairKind) -> Case:
    return Case(
        environment=environment.name,
        key=f"{kind}-{NULL_TOOL}",
        id=_NUMBER,
        name=NULL_TOOL,
        command=_COMMAND,
        tool_id=NULL_TOOL,
        category="control",
        pair_kind=kind,
        parameters=(),
        hash=case_hash(_COMMAND, {}),
        duration_s=environment.default_duration_s,
        attaches="none",
    )
