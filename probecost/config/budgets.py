"""Budgets: how much a tool may cost, by metric, before its case fails.

A budget is for a metric (``latency_mean``) or for one connection type of it (``latency_mean:tcp_rr``). It is written in
a configuration file below ``budgets``, by default, category, tool or case, or on the command line as
``[SCOPE:]METRIC[:CONNECTION]=PERCENT``. If several match, one holds: the command line precedes the file, a case its
tool, a tool its category, a category the default; on one level, a connection type precedes the whole metric, and the
last one written precedes the earlier ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import BeforeValidator, Field

from probecost.config.documents import Document, KeyPath
from probecost.config.environment import Budget, Case, PerfTestSpec
from probecost.config.tools import Registry
from probecost.config.validation import Section, complaint, nearest
from probecost.config.values import null_is_empty
from probecost.errors import ConfigError
from probecost.results.metrics import ConnType, by_budget

NO_BUDGET = "none"
FORM = "[SCOPE:]METRIC[:CONNECTION]=PERCENT, such as latency_mean=5% or eth_drop:throughput:multi=10%"

Level = Literal["default", "category", "tool", "case"]
_LEVELS: tuple[Level, ...] = get_args(Level)
_PERCENT = re.compile(r"\d+(\.\d+)?\s*%?")
_BY_NAME = {"categories": "category", "tools": "tool", "cases": "case"}


def percent(value: object) -> float | None:
    """``5``, ``2.5``, ``5%`` or ``"5 %"``; ``None`` and ``none`` mean no budget. ``ValueError``: anything else."""
    if value is None or value == NO_BUDGET:
        return None
    if isinstance(value, str) and _PERCENT.fullmatch(value.strip()):
        number = float(value.strip().rstrip("% "))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        number = 0.0
    if not 0 < number < math.inf:
        raise ValueError(f"expected a percentage above 0, such as 5%, or {NO_BUDGET} for no budget")
    return number


def _percent_in_file(value: object) -> object:
    try:
        return percent(value)
    except ValueError as error:
        raise complaint(str(error)) from None


Limits = Annotated[
    dict[str, Annotated[float | None, BeforeValidator(_percent_in_file)]], BeforeValidator(null_is_empty)
]
ByName = Annotated[dict[str, Limits], BeforeValidator(null_is_empty)]


class Budgets(Section):
    """``budgets`` of a configuration file. Functions below check its metrics and names."""

    default: Limits = Field(default_factory=dict)
    categories: ByName = Field(default_factory=dict)
    tools: ByName = Field(default_factory=dict)
    cases: ByName = Field(default_factory=dict)


class Budgeted(NamedTuple):
    """A metric by its name in budgets; ``conn_type`` is one of its connection types, ``None`` means all."""

    name: str
    conn_type: ConnType | None = None

    @property
    def covered(self) -> Iterator[tuple[str, ConnType]]:
        conn_types = by_budget()[self.name].conn_types
        return ((self.name, conn_type) for conn_type in conn_types if self.conn_type in (None, conn_type))


def metric_of(text: str) -> Budgeted:
    """The metric of ``latency_mean`` or ``latency_mean:tcp_rr``. ``ValueError``: unknown; lists the known ones."""
    name, colon, conn_type = text.partition(":")
    metrics = by_budget()
    if name not in metrics:
        raise ValueError(f"there is no such metric{nearest(name, metrics)}; budgets are for {', '.join(metrics)}")
    known = metrics[name].conn_types
    for one in known:
        if colon and one == conn_type:
            return Budgeted(name, one)
    if colon:
        raise ValueError(f"{name} has the connection types {' and '.join(known)}{nearest(conn_type, known)}")
    return Budgeted(name)


@dataclass(frozen=True)
class Rule:
    """One budget as written: ``scope`` is a category, a tool or a case, empty for the default."""

    scope: str
    metric: Budgeted
    percent: float | None
    level: Level = "default"

    def applies_to(self, case: Case) -> bool:
        return self.level == "default" or self.scope in _names(case)[self.level]

    @property
    def rank(self) -> tuple[int, bool]:
        return _LEVELS.index(self.level), self.metric.conn_type is not None


def parse_rule(text: str) -> Rule:
    """Parse a rule of the command line; its scope is not looked up yet. ``ValueError`` says what was expected.

    >>> parse_rule("eth_drop:latency_mean:tcp_rr=5%")
    Rule(scope='eth_drop', metric=Budgeted(name='latency_mean', conn_type='tcp_rr'), percent=5.0, level='default')
    """
    left, equals, right = text.rpartition("=")
    parts = [part.strip() for part in left.split(":")]
    if not equals or not 1 <= len(parts) <= 3 or not all(parts):
        raise ValueError(f"{text!r}: expected {FORM}")
    is_scoped = len(parts) == 3 or (len(parts) == 2 and parts[1] not in get_args(ConnType))
    scope, words = (parts[0], parts[1:]) if is_scoped else ("", parts)
    try:
        return Rule(scope, metric_of(":".join(words)), percent(right.strip()))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def metric_problems(document: Document) -> list[str]:
    """Problems of unknown metrics below ``budgets``; it works even if other parts of the file are wrong."""
    return [
        document.problem((*path, key), str(error), value=value)
        for path, limits in _sections(document)
        for key, value in limits.items()
        if (error := _metric_error(str(key))) is not None
    ]


def _metric_error(text: str) -> ValueError | None:
    try:
        metric_of(text)
    except ValueError as error:
        return error
    return None


def _sections(document: Document) -> Iterator[tuple[KeyPath, Mapping[str, object]]]:
    """Each mapping of metrics to percentages below ``budgets``, with its place in the file."""
    places: list[KeyPath] = [("budgets", "default")]
    for key in _BY_NAME:
        named = document.get(("budgets", key))
        places += [("budgets", key, name) for name in named] if isinstance(named, Mapping) else []
    for place in places:
        limits = document.get(place)
        if isinstance(limits, Mapping):
            yield place, limits


def with_budgets(cases: Sequence[Case], budgets: Budgets, registry: Registry, document: Document) -> tuple[Case, ...]:
    """The cases with the ``budgets`` of their file. ``ConfigError``: an unknown name.

    Tools of the registry without a case are known too.
    """
    known = _known(cases)
    for name, category in registry.categories.items():
        known["category"].append(name)
        known["tool"] += [tool.script for tool in category.tools]
    rules = [Rule("", metric_of(name), limit) for name, limit in budgets.default.items()]
    problems = []
    for key, level in _BY_NAME.items():
        for scope, limits in getattr(budgets, key).items():
            if scope not in known[level]:
                text = f"there is no such {level}{nearest(scope, known[level]) or _listing(known[level])}"
                problems.append(document.problem(("budgets", key, scope), text))
            rules += [Rule(scope, metric_of(name), limit, _level(level)) for name, limit in limits.items()]
    if problems:
        raise ConfigError(*problems)
    return tuple(_ruled(case, rules) for case in cases)


def with_asked(cases: Sequence[Case], perf_tests: Sequence[PerfTestSpec], rules: Sequence[Rule]) -> tuple[Case, ...]:
    """The cases with the command line's ``rules`` applied over their own budgets, limited to ``perf_tests``."""
    made = {(spec.perf_type, spec.conn_type) for spec in perf_tests}

    def measured(case: Case) -> Case:
        return replace(case, budgets=tuple(b for b in case.budgets if (b.perf_type, b.conn_type) in made))

    return tuple(measured(_ruled(case, rules)) for case in cases)


def asked_rules(texts: Iterable[str], cases: Sequence[Case], perf_tests: Iterable[PerfTestSpec]) -> list[Rule]:
    """The rules of the command line, each with its level; ``cases`` and ``perf_tests`` are all of the run's.

    ``ConfigError``: a rule cannot be read, has an unknown scope, or is for a perf test that the run does not make.
    """
    known = _known(cases)
    made = list(dict.fromkeys(spec.name for spec in perf_tests))
    rules, problems = [], []
    for text in texts:
        try:
            rule = parse_rule(text)
        except ValueError as error:
            problems.append(f"--budget {error}")
            continue
        level = next((one for one in reversed(_LEVELS) if rule.scope in known[one]), None)
        if rule.scope and level is None:
            every = [name for names in known.values() for name in names]
            listing = nearest(rule.scope, every) or _listing([*known["category"], *known["tool"]])
            problems.append(f"--budget {text!r}: there is no case, tool or category {rule.scope!r}{listing}")
            continue
        perf_type = by_budget()[rule.metric.name].perf_type
        if not any(f"{perf_type}:{conn_type}" in made for _, conn_type in rule.metric.covered):
            problems.append(f"--budget {text!r}: this run does not measure it, only {', '.join(made)}")
        rules.append(replace(rule, level=level or "default"))
    if problems:
        raise ConfigError(*problems)
    return rules


def spelled(budgets: Iterable[Budget]) -> dict[str, float]:
    """The budgets as a workflow has them: ``{"latency_mean:tcp_rr": 5.0}``."""
    return {budget.name: budget.percent for budget in budgets}


def budgets_of(limits: Mapping[str, float]) -> tuple[Budget, ...]:
    """The budgets that ``spelled`` wrote. ``ValueError``: an unknown metric."""
    return tuple(
        _budget(name, conn_type, limit) for text, limit in limits.items() for name, conn_type in metric_of(text).covered
    )


def _ruled(case: Case, rules: Sequence[Rule]) -> Case:
    """The case with the best rule for each metric and connection type; without a rule it keeps its own budget."""
    limits: dict[tuple[str, ConnType], float | None] = {
        (budget.metric, budget.conn_type): budget.percent for budget in case.budgets
    }
    for rule in sorted((rule for rule in rules if rule.applies_to(case)), key=lambda rule: rule.rank):
        limits |= dict.fromkeys(rule.metric.covered, rule.percent)
    found = (_budget(*place, limit) for place, limit in limits.items() if limit is not None)
    return replace(case, budgets=tuple(sorted(found, key=lambda budget: budget.name)))


def _budget(name: str, conn_type: ConnType, limit: float) -> Budget:
    metric = by_budget()[name]
    assert metric.perf_type is not None, name
    return Budget(name, metric.perf_type, conn_type, metric.name, limit)


def _names(case: Case) -> dict[str, tuple[str, ...]]:
    """Names that match a case, by level; the file name in the registry matches its tool too."""
    script = (PurePosixPath(case.tool_file).name,) if case.tool_file else ()
    return {"default": (), "category": (case.category,), "tool": (case.tool_id, *script), "case": (case.key,)}


def _known(cases: Iterable[Case]) -> dict[str, list[str]]:
    known: dict[str, dict[str, None]] = {level: {} for level in _LEVELS}
    for case in cases:
        for level, names in _names(case).items():
            known[level] |= dict.fromkeys(names)
    return {level: list(names) for level, names in known.items()}


def _level(text: str) -> Level:
    return next(level for level in _LEVELS if level == text)


def _listing(names: Sequence[str]) -> str:
    return f"; known: {', '.join(dict.fromkeys(names))}" if len(names) <= 20 else ""
