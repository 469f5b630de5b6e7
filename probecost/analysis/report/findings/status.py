"""Status of the cases of a study: their outcomes, and the number of units."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from probecost.analysis.judge.verdicts import FLOWS, MetricVerdict
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import span_text
from probecost.analysis.words.verdict_words import short_by_metric
from probecost.results.names import CaseName, MetricId
from probecost.results.rules import LEAST_UNITS
from probecost.text import counted


def status(case: CaseStudy) -> str:
    """The status of a case as text: pytest's outcome, if recorded, and whether data are missing."""
    words = []
    if case.outcome is not None and case.outcome.outcome:
        words.append(case.outcome.outcome)
    if case.missing:
        words.append("data missing")
    elif not words:
        words.append("complete")
    void = sum(1 for problem in case.problems if problem.is_unused)
    if void:
        words.append(f"{void} not used")
    doubtful = len(case.problems) - len(case.missing) - void
    if doubtful:
        words.append(counted(doubtful, "remark"))
    return ", ".join(words)


def units_line(cases: Sequence[CaseStudy], switched: Collection[CaseName] = ()) -> str:
    """The number of units of the cases, and the verdicts that it allows. Cases without data do not count.

    ``switched``: cases whose verdicts come from flows in which the tool was switched; the tables show their visits.
    """
    measured = [case for case in cases if case.folders]
    if not any(case.n_units for case in measured):
        return "No case has a complete unit (a baseline and a tool visit next to each other)."
    by_visits: list[CaseStudy] = []
    by_flows: list[CaseStudy] = []
    for case in measured:
        is_switched = case.id.name in switched
        (by_flows if is_switched else by_visits).append(case)
    sentences = []
    if by_visits:
        few = min(case.n_units for case in by_visits) < LEAST_UNITS
        sentences.append(f"Units per case: {_units_of(by_visits)}.")
        if few:
            sentences.append(
                f"Below {LEAST_UNITS} units these are estimates without a verdict: "
                "a difference may be the noise of the test bed."
            )
    if by_flows:
        of_these = f"Of {counted(len(by_flows), 'switched case')}: p" if by_visits else "P"
        sentences.append(f"{of_these}airs of visits per case: {_units_of(by_flows)}.")
        sentences.append(f"{'Their' if by_visits else 'The'} verdicts come from switched flows, not from this table.")
    return " ".join(sentences)


def _units_of(cases: Sequence[CaseStudy]) -> str:
    return span_text(case.n_units for case in cases)


def switched_cases(verdicts: Iterable[MetricVerdict]) -> frozenset[CaseName]:
    """The cases with a verdict from switched flows."""
    return frozenset(each.case for each in verdicts if each.schedule == FLOWS)


@dataclass(frozen=True)
class CaseVerdicts:
    """Verdicts by case: the words for each metric, and the cases with verdicts from switched flows."""

    words: Mapping[tuple[CaseName, MetricId], str]
    switched: frozenset[CaseName]

    @classmethod
    def of(cls, verdicts: Sequence[MetricVerdict]) -> CaseVerdicts:
        return cls(short_by_metric(verdicts), switched_cases(verdicts))
