"""Leftovers of earlier runs as a node lists them: shown to the user, and sent back to the node to be ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probecost.errors import printable


@dataclass(frozen=True)
class LeftProcess:
    """A process. ``by`` is its evidence: ``cgroup``, ``environment`` or ``child of PID``; ``mark`` is its session's."""

    pid: int
    command: str
    by: str
    mark: str


@dataclass(frozen=True)
class LeftRecord:
    """The record of a dead session, and its placed files that still exist."""

    path: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class LeftResults:
    """Results that were not fetched."""

    path: str
    files: int
    bytes: int


@dataclass(frozen=True)
class Leftovers:
    """All leftovers. ``holder``: the run that has the node now; with one, ``records`` and ``results`` are empty."""

    holder: Mapping[str, Any] | None
    processes: tuple[LeftProcess, ...] = ()
    cgroups: tuple[str, ...] = ()
    leases: tuple[str, ...] = ()
    records: tuple[LeftRecord, ...] = ()
    results: LeftResults | None = None

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Leftovers:
        results = answer["results"]
        return cls(
            holder=answer["holder"],
            processes=tuple(LeftProcess(**one) for one in answer["processes"]),
            cgroups=tuple(answer["cgroups"]),
            leases=tuple(answer["leases"]),
            records=tuple(LeftRecord(one["path"], tuple(one["files"])) for one in answer["records"]),
            results=None if results is None else LeftResults(**results),
        )

    @property
    def as_sent(self) -> dict[str, Any]:
        """The leftovers in the node's format, to be sent back to it."""
        return {
            "processes": [vars(one) for one in self.processes],
            "cgroups": list(self.cgroups),
            "leases": list(self.leases),
            "records": [{"path": one.path, "files": list(one.files)} for one in self.records],
            "results": None if self.results is None else vars(self.results),
        }

    def lines(self, *, with_results: bool = True) -> list[str]:
        """A line per leftover, safe for a terminal."""
        found = [f"process {one.pid}, {one.by}: {one.command}" for one in self.processes]
        found += [f"cgroup {path}" for path in self.cgroups]
        found += [f"lease of a dead run: {path}" for path in self.leases]
        for record in self.records:
            found += [f"placed file {path}" for path in record.files]
            found.append(f"record of placed files {record.path}")
        if self.results is not None and with_results:
            size = f"{self.results.files} files, {self.results.bytes:,} bytes"
            found.append(f"results that were not fetched: {self.results.path} ({size})")
        return [printable(line).replace("\n", " ") for line in found]
