"""``report.html``: a run's answer, verdicts, plots and facts in one self-contained file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from probecost.analysis.processes import each
from probecost.analysis.report.findings.provenance import Provenance
from probecost.analysis.report.page.build import page_content
from probecost.analysis.report.page.embed import html_text, json_text
from probecost.analysis.study.run import Study

__all__ = ["page_text"]


def page_text(
    study: Study, margin_pct: float, origin: Provenance, files: Sequence[PurePosixPath], jobs: int = 1
) -> str:
    """The text of ``report.html``. ``files``: the other reports, relative to their folder; ``jobs``: see ``study_run``.

    The text does not depend on its path: links are relative to the run's own folder of reports.
    """
    page, cases, details = page_content(study, margin_pct, origin, files)
    return html_text(page, each(lambda case: json_text(details.detail(*case)), cases, jobs))
