"""``run.json``: the options of a run and the outcomes of its cases. Every part of it is optional."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from probecost.analysis.parsers.json_fields import child, number, parse_object, words
from probecost.analysis.parsers.text import ParseError, read_text
from probecost.analysis.statistics.looks import FIXED, LOOKS, StopRule
from probecost.analysis.tree.problem import TREE, Kind, Problem
from probecost.results.layout import RUN_FILE, CaseFolder
from probecost.results.metrics import METRICS
from probecost.results.names import MetricId, metric_id
from probecost.results.run_file import BudgetEntry, CaseEntry, RunFile


@dataclass(frozen=True)
class Budget:
    """Limit for the cost of one metric of a case, in percent. ``name`` is the user's form: ``latency_mean:tcp_rr``."""

    name: str
    metric: MetricId
    percent: float


@dataclass(frozen=True)
class CaseOutcome:
    """pytest's outcome of one case in one iteration, with its reason and the case's facts.

    ``outcome``: ``passed``, ``failed``, ``error``, ``skipped``, ``interrupted``, ``not run``. Fields are empty, and
    ``iteration`` 0, if the file lacks them.
    """

    case_key: str
    environment: str
    iteration: int
    outcome: str
    message: str
    pair_kind: str = ""
    tool_id: str = ""
    case_id: int | None = None
    case_name: str = ""
    category: str = ""
    hash: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    budgets: tuple[Budget, ...] = ()

    @property
    def was_started(self) -> bool:
        return self.outcome not in ("", "not run")

    @property
    def label(self) -> str:
        """The name of the case's folder, or its key if that is unknown."""
        if self.tool_id and self.case_id is not None and self.hash:
            return CaseFolder(self.tool_id, self.case_id, self.hash).name
        return self.case_key


@dataclass(frozen=True)
class RunInfo:
    """Facts of a run: version, command, options, cases. Empty or ``None`` if not recorded.

    ``rule``: the stop rule of the plan. ``primary``: name of a perf test → its primary metric by the plan, ``None`` for
    none. ``reboots``: rebooted nodes and repeated measurements.
    """

    run_id: str
    probecost: str
    started_ns: int | None
    ended_ns: int | None
    argv: tuple[str, ...]
    environments: tuple[str, ...]
    options: Mapping[str, str]
    exit_status: int | None
    cases: tuple[CaseOutcome, ...]
    notes: tuple[str, ...]
    rule: StopRule = FIXED
    primary: Mapping[str, str | None] = field(default_factory=dict)
    reboots: tuple[str, ...] = ()

    def outcome(self, environment: str, iteration: int, case_key: str) -> CaseOutcome | None:
        """The outcome of one case, ``None`` if it is not recorded."""
        found = (case for case in self._by_key.get(case_key, ()) if case.environment in ("", environment))
        return next((case for case in found if case.iteration in (0, iteration)), None)

    @cached_property
    def _by_key(self) -> Mapping[str, Sequence[CaseOutcome]]:
        by_key: dict[str, list[CaseOutcome]] = {}
        for case in self.cases:
            by_key.setdefault(case.case_key, []).append(case)
        return by_key


def read_run(root: Path) -> tuple[RunInfo, tuple[Problem, ...]]:
    """Read the run file in ``root``; a damaged one is a problem, an absent one (in an iteration's folder) is not."""
    path = root / RUN_FILE
    problems: tuple[Problem, ...] = ()
    found = RunFile()
    if path.exists():
        try:
            found = RunFile.model_validate(parse_object(read_text(path)))
        except ParseError as error:
            problems = (Problem(TREE, path, f"run file: {error}", Kind.IMPLAUSIBLE),)
    options = found.options
    rule, rule_problems = _stop_rule(path, options)
    primary, primary_problems = _primary(path, found.primary)
    info = RunInfo(
        run_id=found.run_id,
        probecost=found.probecost,
        started_ns=found.started_ns,
        ended_ns=found.ended_ns,
        argv=_strings(found.argv),
        environments=_strings(found.environments),
        options={key: _text(options[key]) for key in sorted(options) if options[key] is not None},
        exit_status=found.exit_status,
        cases=tuple(_outcome(key, CaseEntry.model_validate(child(found.cases, key))) for key in found.cases),
        notes=_strings(found.notes),
        reboots=_strings(found.reboots),
        rule=rule,
        primary=primary,
    )
    return info, (*problems, *rule_problems, *primary_problems)


def _stop_rule(path: Path, options: Mapping[str, object]) -> tuple[StopRule, tuple[Problem, ...]]:
    """The stop rule: looks if the options have a precision, even an unreadable one: that claims less, never more."""
    if options.get("precision_pct") is None:
        return FIXED, ()
    asked = number(options, "precision_pct")
    if asked is not None and asked > 0:
        return LOOKS, ()
    reason = f"run file: options.precision_pct: expected a percentage above 0, found {options['precision_pct']!r}"
    return LOOKS, (Problem(TREE, path, f"{reason}; verdicts are those of a plan with looks", Kind.IMPLAUSIBLE),)


def _primary(path: Path, entries: Mapping[str, object]) -> tuple[Mapping[str, str | None], tuple[Problem, ...]]:
    """The plan's primary metrics; an entry without a known metric is a problem, and the usual metric is primary."""
    chosen: dict[str, str | None] = {}
    problems = []
    for name in sorted(entries):
        metric = entries[name]
        if metric is None or (isinstance(metric, str) and metric in METRICS):
            chosen[name] = metric
        else:
            reason = f"run file: primary.{name}: expected one of {', '.join(METRICS)} or null, found {metric!r}"
            problems.append(Problem(TREE, path, reason, Kind.IMPLAUSIBLE))
    return chosen, tuple(problems)


def _outcome(key: str, entry: CaseEntry) -> CaseOutcome:
    """One entry of ``cases``, by case key or by item id; the entry's own ``case_key`` takes precedence."""
    return CaseOutcome(
        case_key=entry.case_key or key,
        environment=entry.environment,
        iteration=entry.iteration or 0,
        outcome=entry.outcome,
        message=entry.message,
        pair_kind=entry.pair_kind,
        tool_id=entry.tool_id,
        case_id=entry.case_id,
        case_name=entry.case_name,
        category=entry.category,
        hash=entry.hash,
        parameters={name: words(entry.parameters, name) for name in sorted(entry.parameters)},
        command=entry.command,
        budgets=tuple(_budgets(entry.budgets)),
    )


def _budgets(entries: Iterable[object]) -> Iterator[Budget]:
    """Those that are whole; no run wrote anything else."""
    for entry in (BudgetEntry.model_validate(each) for each in entries if isinstance(each, dict)):
        if entry.percent is not None:
            metric = metric_id(entry.perf_type, entry.conn_type, entry.figure)
            yield Budget(f"{entry.metric}:{entry.conn_type}", metric, entry.percent)


def _strings(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _text(value: object) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
