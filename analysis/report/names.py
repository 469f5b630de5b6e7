"""How cases are called where those of several environments or iterations stand together."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.study import CaseStudy
from probecost.layout import iteration_name


class CaseNames:
    """The cases' keys, with environment and iteration where there are several: as in the ids of pytest."""

    def __init__(self, cases: Iterable[CaseStudy]) -> None:
        ids = [case.id for case in cases]
        self._several = len({case.environment for case in ids}) > 1
        self._repeated = len({case.iteration for case in ids}) > 1

    def of(self, environment: str, iteration: int, case_key: str) -> str:
        ending = f"-{iteration_name(iteration)}" if self._repeated else ""
        return f"{environment}:{case_key}{ending}" if self._several else f"{case_key}{ending}"
