"""The data that ``report.html`` draws from: one ``Page``, and a ``Detail`` for each case. ``SCHEMA`` names their shape.

Both become JSON: a dataclass is an object with its fields' names, a tuple is an array, a number that does not exist
(no interval, no adjusted p) is null. All text is plain text: it is shown as it is and never read as HTML. Links are
URLs relative to the folder of reports. Costs are percent, positive is worse with the tool. Times of a ``Detail`` are
seconds since its iteration's ``started``, on the clock of the node where the tool ran.
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
    """``href``: relative to the folder of reports, percent-encoded."""

    label: str
    href: str


@dataclass(frozen=True)
class Run:
    """Where the page comes from. ``facts``: titles and texts, and whether the text is a command.

    ``again`` is the command that makes the page again. ``started`` and ``version`` are empty where nothing tells them.
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
    """A metric of a perf test: what all ``Row`` and figures of that number are of. ``metric``: as in verdicts.csv."""

    title: str
    perf_test: str
    conn_type: str
    metric: str
    unit: str
    lower_is_better: bool | None


@dataclass(frozen=True)
class Case:
    """A case over all iterations. ``name`` is its key, with the environment where there are several."""

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

    ``word`` is the verdict, empty where there is none: then ``cost`` is an estimate. ``says`` is what follows the word
    (``≤ 1.8 %``). ``is_unconfirmed``: a speed-up whose number may not be shown yet; the cost of a confirmed one is that
    of the fresh units. ``reason`` is an index into the page's ``reasons``.
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

    ``words``: each verdict with its title, its meaning, its sign and its class, the worst first. ``problems``: those of
    no single case.
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

    Arrays of equal length: time, value, 1 where the tool ran, unit, and why the point is void: an index into ``voids``,
    -1 where it counts. ``total``: how many points there were; where that is more than there are here, of each stretch
    the lowest and the highest were kept.
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
    """What the tool used over time; the value is null where one log ends and the next begins. ``total`` as above."""

    time_s: tuple[float, ...]
    value: tuple[float | None, ...]
    total: int


@dataclass(frozen=True)
class Window:
    """When a perf test ran with the tool."""

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
    """What the tool's own processes used while a perf test ran, or in all of them (``title`` says)."""

    title: str
    cpu_avg_percent: float | None
    cpu_max_percent: float | None
    rss_max_kb: float | None


@dataclass(frozen=True)
class Iteration:
    """One case in one iteration. ``problems``: text, and what it means for data; ``more_problems`` are not listed."""

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
    """What each unit says by itself, in the order of the plan; void ones are not in it."""

    test: int
    cost: tuple[float, ...]


@dataclass(frozen=True)
class Detail:
    """What is shown of a case when it is opened. ``facts``: titles and texts."""

    facts: tuple[tuple[str, str], ...]
    unit_costs: tuple[UnitCosts, ...]
    iterations: tuple[Iteration, ...]


def plain(value: object) -> object:
    """``value`` as what JSON knows; numbers with six significant digits, those that are not finite as null.

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
