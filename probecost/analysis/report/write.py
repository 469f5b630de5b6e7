"""Writes all reports of a results tree."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from probecost.analysis.report.findings.provenance import Provenance, provenance
from probecost.analysis.report.findings.status import CaseVerdicts
from probecost.analysis.report.forest import forest_files
from probecost.analysis.report.markdown.overview import overview
from probecost.analysis.report.markdown.summary import summary
from probecost.analysis.report.markdown.topics import topic_overview
from probecost.analysis.report.page import page_text
from probecost.analysis.report.tables.groups import Group, groups
from probecost.analysis.report.tables.iterations import STATISTICS, spreads_text
from probecost.analysis.report.tables.tables import measurements_text
from probecost.analysis.report.tables.verdicts import verdicts_text
from probecost.analysis.settings.settings import Settings, load_settings
from probecost.analysis.study.run import Study, study_run
from probecost.analysis.study.selection import EVERYTHING, PICTURES, WORKBOOK, Request, select
from probecost.files import write_whole
from probecost.results.layout import REPORT_PAGE, REPORTS

__all__ = ["write_reports", "write_study"]

log = logging.getLogger(__name__)

_OVERVIEW, _SUMMARY, _PAGE = map(PurePosixPath, ("overview.md", "summary.md", REPORT_PAGE))


def write_reports(
    run_dir: Path,
    output_dir: Path | None = None,
    settings: Settings | None = None,
    request: Request = EVERYTHING,
    jobs: int = 1,
) -> Path:
    """Read everything below ``run_dir`` and write its reports to ``output_dir`` (``<run_dir>/reports`` if not given).

    ``settings``: from analysis/config.yaml if not given; ``jobs``: see ``study_run``. Returns the path of overview.md.
    Missing or damaged files of the tree are reported, not raised. ``OSError``: the reports could not be written.
    ``ConfigError``: the settings are wrong, or the request has no results.
    """
    settings = settings or load_settings()
    study = study_run(run_dir, settings, jobs)
    return write_study(study, output_dir or run_dir / REPORTS, settings, request, jobs)


def write_study(
    study: Study, output_dir: Path, settings: Settings, request: Request = EVERYTHING, jobs: int = 1
) -> Path:
    """Write the reports of a study; return the path of overview.md."""
    study = select(study, settings, request)
    _log_problems(study)
    writer = _Writer(study, output_dir.resolve(), settings, request, provenance(study, settings, request))
    return writer.write_all(jobs)


@dataclass(frozen=True)
class _Writer:
    """Writes the reports of ``study`` into ``folder``. Paths are relative to it, as the reports link to each other."""

    study: Study
    folder: Path
    settings: Settings
    request: Request
    origin: Provenance

    def write_all(self, jobs: int) -> Path:
        study, origin, settings = self.study, self.origin, self.settings
        found, verdicts = groups(study, settings), CaseVerdicts.of(study.verdicts)
        of_groups = [file for group in found for file in self._group(group, verdicts)]
        of_the_run = [
            self._put("measurements.csv", measurements_text((*study.measurements, *study.fresh))),
            self._put("verdicts.csv", verdicts_text(study.run.run_id, study.verdicts, study.budgets)),
            *self._pictures(),
        ]
        files = [_PAGE, _SUMMARY, *of_groups, *of_the_run]
        self._put(_OVERVIEW, overview(study, files, found, origin, settings.thresholds))
        self._put(_SUMMARY, summary(study, settings.margin_pct, origin, [_PAGE, _OVERVIEW, *of_the_run]))
        self._put(_PAGE, page_text(study, settings.margin_pct, origin, [_OVERVIEW, _SUMMARY, *of_the_run], jobs))
        return self.folder / _OVERVIEW

    def _put(self, file: str | PurePosixPath, content: str | bytes) -> PurePosixPath:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        return PurePosixPath(file)

    def _group(self, group: Group, verdicts: CaseVerdicts) -> list[PurePosixPath]:
        """Write the tables of a group, its workbook if requested, and the page that links to them."""
        tables = [self._put(group.file(table.name, "csv"), table.text()) for table in group.tables]
        if group.iteration is None:
            tables.append(self._put(group.file(STATISTICS, "csv"), spreads_text(group.spreads)))
        if WORKBOOK in self.request.formats:
            from probecost.analysis.report.workbook import workbook_bytes  # takes a while: only where it was asked for

            book = workbook_bytes(group, self.origin, self.settings.thresholds)
            tables.append(self._put(group.file("tables", WORKBOOK), book))
        page = topic_overview(group, [*tables, _OVERVIEW], self.origin, self.settings.thresholds, verdicts)
        return [self._put(group.page, page), *tables]

    def _pictures(self) -> list[PurePosixPath]:
        if PICTURES not in self.request.formats:
            return []
        texts = forest_files(self.study.verdicts, self.study.budgets)
        if not texts:
            log.warning("--format %s: there is nothing to draw: no primary metric has a cost that counts", PICTURES)
        return [self._put(name, text) for name, text in texts.items()]


def _log_problems(study: Study) -> None:
    """Log the reason of each N/A."""
    for problem in (*(entry for case in study.cases for entry in case.problems), *study.problems):
        level = logging.WARNING if problem.missing else logging.INFO
        kind = "N/A" if problem.missing else "not used" if problem.is_unused else "read with care"
        log.log(
            level,
            "%s %s: %s",
            problem.where.case_key or problem.where.environment or "results tree",
            kind,
            problem.text(study.root),
        )
