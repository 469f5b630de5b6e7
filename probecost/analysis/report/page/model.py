"""Data model of ``report.html``: one ``Page``, and a ``Detail`` for each case. ``SCHEMA`` is its version.

Both become JSON: a dataclass is an object with its fields' names, a tuple is an array, a missing number (no interval,
no adjusted p) is null. All text is plain text and never read as HTML. Links are URLs relative to the folder of reports.
Costs are percent, positive is worse with the tool. Times of a ``Detail`` are seconds since its iteration's ``started``,
on the clock of the node where the tool ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from math import isfinite
from types import NoneType
from typing import Any

from probecost.analysis.report.findings.answer import Answer

SCHEMA = 1


@dataclass(frozen=True)
class Link:
    """A link. ``href``: relative to the folder of reports, percent-encoded."""

    label: str
    href: str


@dataclass(frozen=True)
class Run:
    """Provenance of the page. ``facts``: titles and texts, and whether the text is a command.

    ``again`` is the command that makes the page again. ``started`` and ``version`` are empty if unknown.
    """

    id: str
    version: str
    started: str
    facts: tuple[tuple[str, str, bool], ...]
    again: str


@dataclass(frozen=True)
class Machine:
    """The nodes of an environment. ``facts``: a title, then a text for each of ``nodes``."""

    environment: str
    nodes: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Test:
    """A metric of a perf test, to which rows and figures refer by number. ``metric``: as in verdicts.csv."""

    title: str
    perf_test: str
    conn_type: str
    metric: str
    unit: str
    lower_is_better: bool | None


@dataclass(frozen=True)
class Case:
    """A case over all iterations. ``name`` is its key, with the environment if there are several."""

    name: str
    environment: str
    tool: str
    pair: str
    command: str
    status: str
    is_control: bool


@dataclass(frozen=True)
class Row:
    """One metric of one case: ``case`` and ``test`` are indices into the page's lists.

    ``word`` is the verdict, empty if there is none: then ``cost`` is an estimate. ``says`` is the text after the word
    (``≤ 1.8 %``). ``is_unconfirmed``: a speed-up whose number may not be shown yet; the cost of a confirmed one is from
    the fresh units. ``reason`` is an index into the page's ``reasons``.
    """

    case: int
    test: int
    is_primary: bool
    word: str
    is_unconfirmed: bool
    says: str
    cost: float | None
    low: float | None
    high: float | None
    n_units: int
    schedule: str
    p_adjusted: float | None
    void_baseline: int
    void_tool: int
    reason: int
    budget: float | None
    budget_result: str


@dataclass(frozen=True)
class Forest:
    """The costs of one test as a plot: ``cases`` in its order, and ``svg``, with a ``data-case`` group for each."""

    test: int
    cases: tuple[int, ...]
    svg: str


@dataclass(frozen=True)
class Page:
    """Everything but the single cases. ``rows`` are arrays in the order of ``row_fields``, primary ones first.

    ``words``: each verdict with its title, its meaning, its sign and its class, the worst first. ``problems`` are of no
    single case.
    """

    schema: int
    run: Run
    answer: Answer
    margin_pct: float
    words: tuple[tuple[str, str, str, str, str], ...]
    machines: tuple[Machine, ...]
    tests: tuple[Test, ...]
    cases: tuple[Case, ...]
    row_fields: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    reasons: tuple[str, ...]
    forests: tuple[Forest, ...]
    problems: tuple[str, ...]
    files: tuple[Link, ...]


@dataclass(frozen=True)
class Chart:
    """The values of one metric over time, a point per visit, or per segment of a switched flow.

    Arrays of equal length: time, value, 1 for the tool's arm, unit, and the reason of a void point: an index into
    ``voids``, -1 if it counts. ``total``: number of points before thinning, which keeps the lowest and the highest of
    each stretch.
    """

    test: int
    schedule: str
    time_s: tuple[float, ...]
    value: tuple[float, ...]
    tool: tuple[int, ...]
    unit: tuple[int, ...]
    void: tuple[int, ...]
    voids: tuple[str, ...]
    total: int


@dataclass(frozen=True)
class Trace:
    """Usage of the tool over time; the value is null between two logs. ``total`` as in ``Chart``."""

    time_s: tuple[float, ...]
    value: tuple[float | None, ...]
    total: int


@dataclass(frozen=True)
class Window:
    """Time of a perf test with the tool."""

    title: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Figure:
    """Means over the complete units of visits; ``diff_pct`` is tool over baseline, with the units' extremes."""

    test: int
    baseline: float | None
    tool: float | None
    diff_pct: float | None
    diff_min_pct: float | None
    diff_max_pct: float | None
    n_units: int


@dataclass(frozen=True)
class Used:
    """Usage of the tool's own processes during a perf test, or all of them, by ``title``."""

    title: str
    cpu_avg_percent: float | None
    cpu_max_percent: float | None
    rss_max_kb: float | None


@dataclass(frozen=True)
class Iteration:
    """One case in one iteration. ``problems``: text, and consequence for the data; ``more_problems`` are not listed."""

    number: int
    started: str
    status: str
    message: str
    figures: tuple[Figure, ...]
    used: tuple[Used, ...]
    log_bytes: float | None
    log_bytes_per_s: float | None
    charts: tuple[Chart, ...]
    cpu: Trace
    resident_kb: Trace
    log_size: Trace
    windows: tuple[Window, ...]
    problems: tuple[tuple[str, str], ...]
    more_problems: int
    files: tuple[Link, ...]


@dataclass(frozen=True)
class UnitCosts:
    """The cost in each single unit, in the order of the plan, without void ones."""

    test: int
    cost: tuple[float, ...]


@dataclass(frozen=True)
class Detail:
    """The details of an opened case. ``facts``: titles and texts."""

    facts: tuple[tuple[str, str], ...]
    unit_costs: tuple[UnitCosts, ...]
    iterations: tuple[Iteration, ...]


def plain(value: object) -> object:
    """``value`` as plain JSON data; numbers with six significant digits, non-finite ones as null.

    >>> plain(Link("a", "b")), plain((1.23456789, float("inf"), True))
    ({'label': 'a', 'href': 'b'}, [1.23457, None, True])
    """
    kind = type(value)
    if kind in (str, int, bool, NoneType):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    if is_dataclass(kind):
        return {name: plain(getattr(value, name)) for name in _field_names(kind)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    return value if isinstance(value, int) else str(value)


@lru_cache(maxsize=64)
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _number(value: float) -> float | int | None:
    if not isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() else short
