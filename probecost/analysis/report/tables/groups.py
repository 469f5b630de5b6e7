"""Groups of the tables: the cases of one environment, topic and iteration, or of all iterations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from probecost.analysis.report.tables.iterations import Spread, iteration_values, spreads
from probecost.analysis.report.tables.tables import Table, tables
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.over_iterations import over_iterations, series
from probecost.analysis.study.run import Study
from probecost.analysis.study.selection import ALL
from probecost.analysis.words.cells import file_name
from probecost.results.layout import iteration_name


@dataclass(frozen=True)
class Group:
    """A group. If ``iteration`` is ``None``, it covers all: ``cases`` are means, ``members`` their iterations."""

    environment: str
    topic: str
    iteration: int | None
    cases: tuple[CaseStudy, ...]
    members: tuple[tuple[CaseStudy, ...], ...] = ()

    @property
    def iteration_name(self) -> str:
        """``iteration_001``, or ``all``."""
        return ALL if self.iteration is None else iteration_name(self.iteration)

    @property
    def iteration_words(self) -> str:
        return "all iterations" if self.iteration is None else self.iteration_name

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        return tables(self.cases)

    @cached_property
    def spreads(self) -> Sequence[Spread]:
        """The spreads of values over the iterations; empty for a single one."""
        return spreads(iteration_values(self.cases, self.members)) if self.iteration is None else ()

    def file(self, name: str, ending: str) -> PurePosixPath:
        """Path of a report of the group: ``lab/drops_latency_iteration_001.csv``."""
        return PurePosixPath(file_name(self.environment)) / f"{self.topic}_{name}_{self.iteration_name}.{ending}"

    @property
    def page(self) -> PurePosixPath:
        return self.file("overview", "md")


def groups(study: Study, settings: Settings) -> list[Group]:
    """By environment and topic: each iteration, then all of them if the topic has several."""
    found: dict[tuple[str, str], dict[int, list[CaseStudy]]] = {}
    for case in study.cases:
        iterations = found.setdefault((case.id.environment, settings.topic(case.category)), {})
        iterations.setdefault(case.id.iteration, []).append(case)
    result = []
    for (environment, topic), iterations in sorted(found.items()):
        result += [Group(environment, topic, number, tuple(iterations[number])) for number in sorted(iterations)]
        if len(iterations) > 1:
            result.append(_over_all(environment, topic, [case for own in iterations.values() for case in own]))
    return result


def _over_all(environment: str, topic: str, cases: Sequence[CaseStudy]) -> Group:
    members = tuple(map(tuple, series(cases)))
    return Group(environment, topic, None, tuple(map(over_iterations, members)), members)
