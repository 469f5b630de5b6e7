"""Links of the page: to what lies in the run's folder, seen from its folder of reports."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from probecost.analysis.report.page.model import Link
from probecost.results.layout import REPORTS


def link_to(label: str, target: Path, root: Path) -> Link:
    """``target`` below the run's folder ``root``. Percent-encoded, so that it is a path whatever its name holds."""
    return Link(label, quote(Path(os.path.relpath(target, root / REPORTS)).as_posix()))
