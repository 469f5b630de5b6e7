"""The problems of a results tree, as the reports list them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from probecost.results.names import CaseId


class Kind(StrEnum):
    """The kind of a problem: what it means for the data that it is about.

    ``MISSING``: they cannot be used, their cells are N/A. ``IMPLAUSIBLE``: they are used, and to be read with care.
    ``VOID``: nothing is wrong with the file, and a gate does not let it count. ``SHORT``: they do not count, because
    the generator did not measure as long as it should. ``REMARK``: nothing is wrong; a reader should know.
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


#: The place of a problem that concerns a tree as a whole.
TREE = Where()


@dataclass(frozen=True)
class Problem:
    """One thing that is missing from, or doubtful in, a results tree. ``path``: the file or folder that it is about."""

    where: Where
    path: Path
    reason: str
    kind: Kind

    @property
    def missing(self) -> bool:
        """Whether data that should be there cannot be used."""
        return self.kind is Kind.MISSING

    @property
    def is_unused(self) -> bool:
        """Whether the data are there and do not count."""
        return self.kind in (Kind.VOID, Kind.SHORT)

    def text(self, root: Path) -> str:
        """One line: which perf test of which visit, why, and the file relative to ``root``."""
        where = self.where.text
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return f"{where + ': ' if where else ''}{self.reason} ({path})"
