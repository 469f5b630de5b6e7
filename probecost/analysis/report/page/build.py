"""Builds the data of ``report.html`` from a study: the ``Page``, and the maker of each case's ``Detail``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isinf
from pathlib import PurePosixPath

from probecost.analysis.judge.baseline import Comparison
from probecost.analysis.judge.budgets import BudgetCheck
from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.report.findings.answer import answer
from probecost.analysis.report.findings.estimates import estimate_of, estimated_cost_pct
from probecost.analysis.report.findings.provenance import NODE_FACTS, UNKNOWN, Provenance, run_version, time_text
from probecost.analysis.report.findings.status import status
from probecost.analysis.report.forest import Line, page_forest
from probecost.analysis.report.page.details import Details
from probecost.analysis.report.page.links import link_to
from probecost.analysis.report.page.model import SCHEMA, Case, Forest, Link, Machine, Page, Row, Run, Test
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.run import Study
from probecost.analysis.words.cells import file_name, percent
from probecost.analysis.words.verdict_words import column_order, short, title
from probecost.analysis.words.vocabulary import WORDS, WORST_FIRST, word_text
from probecost.results.layout import REPORTS, RUN_FILE, WORKFLOW_FILE, WORKFLOW_RESULTS_FILE
from probecost.results.metrics import CPU_PER_BYTE, METRICS, PRIMARY
from probecost.results.names import CaseName, MetricId
from probecost.results.rules import NULL_TOOL

MAX_PROBLEMS = 200
_ROW_FIELDS = tuple(Row.__dataclass_fields__)


def page_content(
    study: Study, margin_pct: float, origin: Provenance, files: Sequence[PurePosixPath]
) -> tuple[Page, Sequence[tuple[CaseName, Sequence[CaseStudy]]], Details]:
    """The page's data; its cases with their iterations, in its order; and the maker of their details.

    ``files``: the other reports, relative to their folder.
    """
    by_case = _by_case(study)
    environments = study.environments
    tests = _tests(study)
    numbers = {metric: number for number, metric in enumerate(tests)}
    rows = _rows(study, by_case, numbers)
    reasons = {reason: at for at, reason in enumerate(sorted({reason for _, reason in rows}))}
    cases = tuple(_case(case, own, several=len(environments) > 1) for case, own in by_case.items())
    page = Page(
        schema=SCHEMA,
        run=_run(study, origin),
        answer=answer(study, margin_pct),
        margin_pct=margin_pct,
        words=tuple(
            (word.value, word_text(word), entry.meaning.format(m=f"{margin_pct:g}"), entry.sign, entry.look)
            for word, entry in WORDS.items()
        ),
        machines=tuple(_machine(study, environment) for environment in environments),
        tests=tuple(map(_test, tests)),
        cases=cases,
        row_fields=_ROW_FIELDS,
        rows=tuple(_numbered(row, reasons[reason]) for row, reason in rows),
        reasons=tuple(reasons),
        forests=tuple(_forests([row for row, _ in rows], cases, margin_pct)),
        problems=tuple(_problems(study)),
        files=tuple(_files(study, files)),
    )
    primary = {metric for metric in tests if PRIMARY.get(metric.perf_test) == metric.metric}
    shown = primary | {each.metric for each in study.verdicts if each.is_primary}
    charted = frozenset(shown | {metric for metric in tests if metric.metric == CPU_PER_BYTE})
    return page, list(by_case.items()), Details(study, numbers, charted)


def metric_title(metric: MetricId) -> str:
    """A metric in words; the usual one of a perf test has the name of the test.

    >>> from probecost.results.names import metric_id
    >>> metric_title(metric_id("latency", "tcp_rr", "mean_us")), metric_title(metric_id("latency", "tcp_rr", "p99_us"))
    ('TCP RR latency', 'TCP RR latency, 99th percentile')
    """
    if metric.metric == CPU_PER_BYTE or PRIMARY.get(metric.perf_test) == metric.metric:
        return title(metric)
    return f"{title(metric)}, {METRICS[metric.metric].title}"


def _by_case(study: Study) -> dict[CaseName, list[CaseStudy]]:
    """The iterations of each case; controls last, as in every list of the page."""
    found: dict[CaseName, list[CaseStudy]] = {}
    for case in sorted(study.cases, key=lambda case: (case.tool_id == NULL_TOOL, case.id)):
        found.setdefault(case.id.name, []).append(case)
    return found


def _tests(study: Study) -> list[MetricId]:
    """All measured metrics, in the order of the reports."""
    found = {each.metric for each in study.verdicts}
    found |= {metric for case in study.cases for metric in case.comparisons}
    metrics = list(METRICS)
    return sorted(found, key=lambda metric: (column_order(metric)[0], metric.test, metrics.index(metric.metric)))


def _run(study: Study, origin: Provenance) -> Run:
    return Run(
        id=origin.run,
        version=run_version(study),
        started=time_text(origin.started_ns) if origin.started_ns is not None else "",
        facts=tuple((fact.name, fact.text, fact.is_command) for fact in origin.facts),
        again=origin.again,
    )


def _machine(study: Study, environment: str) -> Machine:
    nodes = study.nodes.get(environment, {})
    names = tuple(sorted(nodes))
    facts = tuple((name, *(fact(nodes[node]) or UNKNOWN for node in names)) for name, fact in NODE_FACTS)
    return Machine(environment, names, facts if names else ())


def _test(metric: MetricId) -> Test:
    return Test(
        metric_title(metric),
        metric.perf_test,
        metric.conn_type,
        metric.metric,
        METRICS[metric.metric].unit,
        METRICS[metric.metric].lower_is_better,
    )


def _case(case: CaseName, studies: Sequence[CaseStudy], *, several: bool) -> Case:
    first = studies[0]
    states = dict.fromkeys(status(each) for each in studies)
    return Case(
        name=f"{case.environment}:{case.case_key}" if several else case.case_key,
        environment=case.environment,
        tool=first.tool_id,
        pair=first.pair_kind,
        command=first.command,
        status="; ".join(states),
        is_control=first.tool_id == NULL_TOOL,
    )


def _rows(
    study: Study, by_case: Mapping[CaseName, Sequence[CaseStudy]], tests: Mapping[MetricId, int]
) -> list[tuple[Row, str]]:
    """A row for each verdict, and for each difference without a verdict; with its reason, the worst first."""
    budgets = {(check.case, check.budget.metric): check for check in study.budgets}
    cases = {case: number for number, case in enumerate(by_case)}
    found: list[tuple[Row, str]] = []
    judged: dict[CaseName, set[MetricId]] = {case: set() for case in by_case}
    for each in study.verdicts:
        if each.case in cases:
            judged[each.case].add(each.metric)
            where = (cases[each.case], tests[each.metric], budgets.get((each.case, each.metric)))
            estimate = estimate_of(by_case[each.case], each.metric) if each.cost is None else None
            row = _verdict_row(each, *where) if estimate is None else _estimate_row(estimate, *where, each)
            found.append((row, each.verdict.reason))
    for case, studies in by_case.items():
        metrics = dict.fromkeys(metric for each in studies for metric in each.comparisons)
        for metric in metrics:
            estimate = estimate_of(studies, metric) if metric not in judged[case] else None
            if estimate is not None:
                where = (cases[case], tests[metric], budgets.get((case, metric)))
                found.append((_estimate_row(estimate, *where), "no units of its own: an estimate and no verdict"))
    words = [word.value for word in WORST_FIRST]
    is_control = [studies[0].tool_id == NULL_TOOL for studies in by_case.values()]

    def place(entry: tuple[Row, str]) -> tuple[bool, bool, int, float, int, int]:
        row = entry[0]
        cost = -row.cost if row.cost is not None else 0.0
        return not row.is_primary, is_control[row.case], words.index(row.word), cost, row.case, row.test

    return sorted(found, key=place)


def _verdict_row(each: MetricVerdict, case: int, test: int, check: BudgetCheck | None) -> Row:
    cost = each.stated_cost
    has_interval = cost is not None and not (isinf(cost.low_pct) or isinf(cost.high_pct))
    return Row(
        case=case,
        test=test,
        is_primary=each.is_primary,
        word=each.verdict.word.value,
        is_unconfirmed=each.is_unconfirmed,
        says=_says(each),
        cost=cost.estimate_pct if cost is not None else None,
        low=cost.low_pct if cost is not None and has_interval else None,
        high=cost.high_pct if cost is not None and has_interval else None,
        n_units=each.n_units,
        schedule=each.schedule,
        p_adjusted=each.p_adjusted,
        void_baseline=each.n_void_baseline,
        void_tool=each.n_void_tool,
        reason=0,
        budget=check.budget.percent if check else None,
        budget_result=check.result.value if check else "",
    )


def _estimate_row(
    found: Comparison, case: int, test: int, check: BudgetCheck | None, verdict: MetricVerdict | None = None
) -> Row:
    """A difference of means as a cost: a rate that falls is positive."""
    is_primary = verdict.is_primary if verdict else PRIMARY.get(found.metric.perf_test) == found.metric.metric
    return Row(
        case=case,
        test=test,
        is_primary=is_primary,
        word=Word.NONE.value,
        is_unconfirmed=False,
        says="",
        cost=estimated_cost_pct(found),
        low=None,
        high=None,
        n_units=found.n_units,
        schedule="shared baseline" if found.shared_baseline else "visits",
        p_adjusted=None,
        void_baseline=verdict.n_void_baseline if verdict else 0,
        void_tool=verdict.n_void_tool if verdict else 0,
        reason=0,
        budget=check.budget.percent if check else None,
        budget_result=check.result.value if check else "",
    )


def _forests(rows: Iterable[Row], cases: Sequence[Case], margin_pct: float) -> Iterator[Forest]:
    """A plot for each test with a cost, in the order of the tests."""
    by_test: dict[int, list[Line]] = {}
    for row in rows:
        if row.cost is not None and row.word != Word.INVALID:
            by_test.setdefault(row.test, []).append(_forest_line(row, row.cost, cases[row.case]))
    for test in sorted(by_test):
        yield Forest(test, *page_forest(by_test[test], margin_pct))


def _forest_line(row: Row, cost_pct: float, case: Case) -> Line:
    interval = None if row.low is None or row.high is None else (row.low, row.high)
    numbers = percent(cost_pct) + (f" [{percent(interval[0])}, {percent(interval[1])}]" if interval else "")
    return Line(
        name=case.name,
        word=Word(row.word),
        is_control=case.is_control,
        is_unconfirmed=row.is_unconfirmed,
        cost_pct=cost_pct,
        interval_pct=interval,
        budget_pct=row.budget,
        text=f"{row.word or 'estimate'} {row.says or numbers}",
        number=row.case,
    )


def _says(each: MetricVerdict) -> str:
    """The text after the word, without cost and interval, which have separate cells."""
    if each.verdict.word not in (Word.NEGLIGIBLE, Word.INCONCLUSIVE, Word.MASKED, Word.SPEED_UP):
        return ""
    return short(each).removeprefix(each.verdict.word.value).removeprefix(",").strip()


def _numbered(row: Row, reason: int) -> tuple[object, ...]:
    return tuple(reason if name == "reason" else getattr(row, name) for name in _ROW_FIELDS)


def _problems(study: Study) -> Iterator[str]:
    """Problems of no case of the page."""
    shown = {id(case.outcome) for case in study.cases}
    lines = [
        f"{outcome.case_key} has no results, {outcome.outcome}" + (f": {outcome.message}" if outcome.message else "")
        for outcome in study.run.cases
        if outcome.was_started and id(outcome) not in shown
    ]
    lines += [*study.run.notes, *(problem.text(study.root) for problem in study.problems)]
    yield from lines[:MAX_PROBLEMS]
    if len(lines) > MAX_PROBLEMS:
        yield f"and {len(lines) - MAX_PROBLEMS} more"


def _files(study: Study, files: Sequence[PurePosixPath]) -> Iterator[Link]:
    """Links to the reports and files of the whole run; overview.md lists the tables."""
    for path in files:
        if len(path.parts) == 1:
            yield link_to(path.as_posix(), study.root / REPORTS / path, study.root)
    for name in (RUN_FILE, WORKFLOW_FILE, WORKFLOW_RESULTS_FILE):
        if (study.root / name).is_file():
            yield link_to(name, study.root / name, study.root)
    for environment in study.environments:
        folder = study.root / file_name(environment)
        if folder.is_dir():
            yield link_to(f"{environment}: raw files of all nodes", folder, study.root)
