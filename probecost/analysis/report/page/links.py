"""Links of the page to files in the run's folder, relative to its folder of reports."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from probecost.analysis.report.page.model import Link
from probecost.results.layout import REPORTS


def link_to(label: str, target: Path, root: Path) -> Link:
    """A link to ``target`` below the run's folder ``root``, percent-encoded, so that any name is a valid path."""
    return Link(label, quote(Path(os.path.relpath(target, root / REPORTS)).as_posix()))
