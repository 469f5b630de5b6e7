"""The problems of a results tree, as the reports list them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What a problem means for who trusts the data."""

    MISSING = "missing"
    IMPLAUSIBLE = "implausible"
    VOID = "void"
    REMARK = "remark"


@dataclass(frozen=True)
class Problem:
    """One thing that is missing from, or doubtful in, a results tree.

    ``missing``: data that should be there cannot be used, its cells are N/A. Otherwise the data are used and should be
    read with care, or, with ``is_void``, a gate does not let them count though nothing is wrong with the file;
    ``is_short``: because the generator did not measure as long as it should. ``is_remark``: nothing is wrong, it is
    told so that it is known. The identifying fields are empty where they are unknown (damaged metadata).
    """

    path: Path
    reason: str
    missing: bool
    environment: str = ""
    iteration: int = 0
    case_key: str = ""
    visit_id: str = ""
    arm: str = ""
    unit: int = 0
    perf_test: str = ""
    conn_type: str = ""
    is_void: bool = False
    is_short: bool = False
    is_remark: bool = False

    @property
    def is_unused(self) -> bool:
        """Whether the data are there and do not count."""
        return self.is_void and not self.missing

    @property
    def kind(self) -> Kind:
        if self.missing:
            return Kind.MISSING
        if self.is_remark:
            return Kind.REMARK
        return Kind.VOID if self.is_void and not self.is_short else Kind.IMPLAUSIBLE

    def text(self, root: Path) -> str:
        """One line: which perf test of which visit, why, and the file relative to ``root``."""
        parts = [
            f"unit {self.unit}" if self.unit else "",
            f"{self.arm} visit" if self.arm else "",
            f"{self.perf_test} {self.conn_type}".strip(),
        ]
        where = ", ".join(part for part in parts if part)
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return f"{where + ': ' if where else ''}{self.reason} ({path})"
