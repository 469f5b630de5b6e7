"""Names of cases for lists over several environments or iterations."""

from __future__ import annotations

from collections.abc import Iterable

from probecost.analysis.study.case import CaseStudy
from probecost.results.layout import item_id


class CaseNames:
    """The cases' keys, with environment and iteration if there are several, like the ids of pytest."""

    def __init__(self, cases: Iterable[CaseStudy]) -> None:
        ids = [case.id for case in cases]
        self._several = len({case.environment for case in ids}) > 1
        self._repeated = len({case.iteration for case in ids}) > 1

    def of(self, environment: str, iteration: int, case_key: str) -> str:
        return item_id(environment, iteration, case_key, several=self._several, repeated=self._repeated)

    def of_run(self, environment: str, case_key: str) -> str:
        """The name of a case over all iterations, for verdicts."""
        return item_id(environment, 1, case_key, several=self._several, repeated=False)
