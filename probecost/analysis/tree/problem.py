"""Problems of a results tree, for the reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from probecost.results.names import CaseId


class Kind(StrEnum):
    """The kind of a problem: its consequence for the data.

    ``MISSING``: they cannot be used, their cells are N/A. ``IMPLAUSIBLE``: they are used, but need care. ``VOID``: the
    file is fine, but a gate excludes it. ``SHORT``: they do not count, because the generator measured for too short a
    time. ``REMARK``: nothing is wrong; a reader should know.
    """

    MISSING = "missing"
    IMPLAUSIBLE = "implausible"
    SHORT = "short"
    VOID = "void"
    REMARK = "remark"

    @property
    def in_check(self) -> Kind:
        """The kind under which a check of a tree counts it: a short measurement is an implausible one."""
        return Kind.IMPLAUSIBLE if self is Kind.SHORT else self


@dataclass(frozen=True)
class Where:
    """The place of a problem: case, visit and perf test; a field is empty, or 0, where it is unknown or means all."""

    environment: str = ""
    iteration: int = 0
    case_key: str = ""
    visit_id: str = ""
    arm: str = ""
    unit: int = 0
    perf_test: str = ""
    conn_type: str = ""

    @property
    def case(self) -> CaseId:
        return CaseId(self.environment, self.iteration, self.case_key)

    @property
    def text(self) -> str:
        """``unit 3, tool visit, latency tcp_rr``."""
        parts = (
            f"unit {self.unit}" if self.unit else "",
            f"{self.arm} visit" if self.arm else "",
            f"{self.perf_test} {self.conn_type}".strip(),
        )
        return ", ".join(part for part in parts if part)


#: The place of a problem of a whole tree.
TREE = Where()


@dataclass(frozen=True)
class Problem:
    """A missing or doubtful part of a results tree. ``path``: its file or folder."""

    where: Where
    path: Path
    reason: str
    kind: Kind

    @property
    def missing(self) -> bool:
        """Whether expected data cannot be used."""
        return self.kind is Kind.MISSING

    @property
    def is_unused(self) -> bool:
        """Whether the data exist but do not count."""
        return self.kind in (Kind.VOID, Kind.SHORT)

    def text(self, root: Path) -> str:
        """One line: perf test and visit, reason, and the file relative to ``root``."""
        where = self.where.text
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return f"{where + ': ' if where else ''}{self.reason} ({path})"
