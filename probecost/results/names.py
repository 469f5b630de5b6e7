"""Names that are keys of results: of a case, of a perf test, of a metric."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from probecost.results.offered_load import SUFFIX

_CONN_TYPE = re.compile(rf"(?P<base>[a-z][a-z0-9_]*)(?:-(?P<load>{SUFFIX}))?")


class CaseName(NamedTuple):
    """A case over all iterations of a run."""

    environment: str
    case_key: str


class CaseId(NamedTuple):
    """A case in one iteration. ``case_key`` is empty for a shared baseline."""

    environment: str
    iteration: int
    case_key: str

    @property
    def name(self) -> CaseName:
        return CaseName(self.environment, self.case_key)

    @property
    def shared_baseline(self) -> CaseId:
        """The id of the shared baseline of its environment and iteration."""
        return self._replace(case_key="")


class PairId(NamedTuple):
    """A test pair in one iteration: all its visits make the same perf tests."""

    environment: str
    iteration: int
    pair_kind: str


class PerfTestName(NamedTuple):
    """A perf test: ``throughput``, ``single``, ``load25``. ``load`` is empty without one."""

    perf_test: str
    base: str
    load: str = ""

    @classmethod
    def of(cls, perf_test: str, conn_type: str) -> PerfTestName:
        """The name of a perf test, from a connection type that includes the load.

        >>> PerfTestName.of("throughput", "single-load2G")
        PerfTestName(perf_test='throughput', base='single', load='load2G')
        """
        return _perf_test(perf_test, conn_type)

    @classmethod
    def parse(cls, text: str) -> PerfTestName:
        """The name that ``str`` made: ``throughput:single-load25``.

        >>> PerfTestName.parse("latency:tcp_rr") == PerfTestName("latency", "tcp_rr")
        True
        """
        perf_test, _, conn_type = text.partition(":")
        return _perf_test(perf_test, conn_type)

    @property
    def conn_type(self) -> str:
        """The connection type in files: ``single-load25``."""
        return f"{self.base}-{self.load}" if self.load else self.base

    @property
    def unloaded(self) -> PerfTestName:
        return self._replace(load="")

    def __str__(self) -> str:
        return f"{self.perf_test}:{self.conn_type}"


@lru_cache(maxsize=1024)
def _perf_test(perf_test: str, conn_type: str) -> PerfTestName:
    match = _CONN_TYPE.fullmatch(conn_type)
    return PerfTestName(perf_test, match["base"], match["load"] or "") if match else PerfTestName(perf_test, conn_type)


class MetricId(NamedTuple):
    """One metric of one perf test."""

    test: PerfTestName
    metric: str

    @property
    def perf_test(self) -> str:
        return self.test.perf_test

    @property
    def conn_type(self) -> str:
        """The connection type in files, with the load: ``single-load25``."""
        return self.test.conn_type

    @property
    def columns(self) -> tuple[str, str, str]:
        """Its cells in tables: perf test, connection type and metric."""
        return self.perf_test, self.conn_type, self.metric


@lru_cache(maxsize=1024)
def metric_id(perf_test: str, conn_type: str, metric: str) -> MetricId:
    """The metric of a perf test by its names in files; cached, as a run has few.

    >>> metric_id("latency", "tcp_rr", "mean_us").test.base
    'tcp_rr'
    """
    return MetricId(PerfTestName.of(perf_test, conn_type), metric)
