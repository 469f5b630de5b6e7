"""Pairs the environments, cases and metrics of two runs."""

from __future__ import annotations

from dataclasses import dataclass

from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.study.run import Study
from probecost.results.names import CaseName


@dataclass(frozen=True)
class Pairing:
    """Pairs, A first; ``only_a`` and ``only_b`` are cases that the other run does not have.

    ``metrics`` has both verdicts on each common metric, in the order of cases and metrics.
    """

    environments: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[MetricVerdict, MetricVerdict], ...]
    only_a: tuple[CaseName, ...]
    only_b: tuple[CaseName, ...]


def pair(a: Study, b: Study) -> Pairing:
    """Pair environments by name; if each run has only one, these two."""
    environments = [(name, name) for name in a.environments if name in b.environments]
    if len(a.environments) == len(b.environments) == 1:
        environments = [(a.environments[0], b.environments[0])]
    names = dict(environments)

    def in_b(case: CaseName) -> CaseName:
        return case._replace(environment=names.get(case.environment, case.environment))

    of_b = {(each.case, each.metric): each for each in b.verdicts}
    cases_a, cases_b = _cases(a), _cases(b)
    return Pairing(
        environments=tuple(environments),
        metrics=tuple(
            (each, of_b[in_b(each.case), each.metric]) for each in a.verdicts if (in_b(each.case), each.metric) in of_b
        ),
        only_a=tuple(case for case in cases_a if in_b(case) not in cases_b),
        only_b=tuple(case for case in cases_b if case not in map(in_b, cases_a)),
    )


def _cases(study: Study) -> list[CaseName]:
    """Every case of the run, failed ones included."""
    return sorted({case.id.name for case in study.cases})
