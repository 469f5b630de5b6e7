"""Writes all reports of a results tree."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath

from probecost.analysis.report.findings.provenance import Provenance, provenance
from probecost.analysis.report.findings.status import switched_cases
from probecost.analysis.report.forest import forest_files
from probecost.analysis.report.markdown.overview import overview
from probecost.analysis.report.markdown.summary import summary
from probecost.analysis.report.markdown.topics import topic_overview
from probecost.analysis.report.page import page_text
from probecost.analysis.report.tables.groups import Group, groups
from probecost.analysis.report.tables.iterations import STATISTICS, statistics_text
from probecost.analysis.report.tables.tables import measurements_text
from probecost.analysis.report.tables.verdicts import verdicts_text
from probecost.analysis.settings.settings import Settings, load_settings
from probecost.analysis.study.run import Study, study_run
from probecost.analysis.study.selection import EVERYTHING, PICTURES, WORKBOOK, Request, select
from probecost.analysis.words.verdict_words import short_by_metric
from probecost.files import write_whole
from probecost.results.layout import REPORT_PAGE, REPORTS

__all__ = ["write_reports", "write_study"]

log = logging.getLogger(__name__)


def write_reports(
    run_dir: Path,
    output_dir: Path | None = None,
    settings: Settings | None = None,
    request: Request = EVERYTHING,
    jobs: int = 1,
) -> Path:
    """Read everything below ``run_dir`` and write its reports to ``output_dir`` (``<run_dir>/reports`` if not given).

    ``settings``: those of analysis/config.yaml if not given; ``jobs``: see ``study_run``. Returns the path of
    overview.md. What is missing or damaged in the tree is reported, not raised; an ``OSError`` means that the reports
    themselves could not be written, a ``ConfigError`` that the settings are wrong, or that there is nothing of what was
    asked for.
    """
    settings = settings or load_settings()
    study = study_run(run_dir, settings, jobs)
    return write_study(study, output_dir or run_dir / REPORTS, settings, request, jobs)


def write_study(
    study: Study, output_dir: Path, settings: Settings, request: Request = EVERYTHING, jobs: int = 1
) -> Path:
    """Write the reports of what was read already; returns the path of overview.md."""
    study = select(study, settings, request)
    output_dir = output_dir.resolve()
    output_dir.mkdir(parents=True, exist_ok=True)
    _log_problems(study)
    origin = provenance(study, settings, request)
    said, switched = short_by_metric(study.verdicts), switched_cases(study.verdicts)
    main_report = PurePosixPath("overview.md")
    found = groups(study, settings)
    files: list[PurePosixPath] = []
    for group in found:
        (output_dir / group.page).parent.mkdir(parents=True, exist_ok=True)
        written = [
            *_write_tables(group, output_dir, jobs),
            *_write_workbook(group, output_dir, origin, settings, request),
        ]
        page = topic_overview(group, [*written, main_report], origin, settings.thresholds, said, switched)
        write_whole(output_dir / group.page, page)
        files += [group.page, *written]
    write_whole(output_dir / "measurements.csv", measurements_text((*study.measurements, *study.fresh)))
    write_whole(output_dir / "verdicts.csv", verdicts_text(study.run.run_id, study.verdicts, study.budgets))
    pictures = _write_pictures(study, output_dir, request)
    html, short = PurePosixPath(REPORT_PAGE), PurePosixPath("summary.md")
    of_the_run = [PurePosixPath("measurements.csv"), PurePosixPath("verdicts.csv"), *pictures]
    write_whole(
        output_dir / main_report,
        overview(study, [html, short, *files, *of_the_run], found, origin, settings.thresholds),
    )
    write_whole(output_dir / short, summary(study, settings.margin_pct, origin, [html, main_report, *of_the_run]))
    write_whole(
        output_dir / html, page_text(study, settings.margin_pct, origin, [main_report, short, *of_the_run], jobs)
    )
    return output_dir / main_report


def _write_tables(group: Group, output_dir: Path, jobs: int) -> list[PurePosixPath]:
    texts = {group.file(table.name, "csv"): table.text() for table in group.tables}
    if group.iteration is None:
        texts[group.file(STATISTICS, "csv")] = statistics_text(group, jobs)
    for file, text in texts.items():
        write_whole(output_dir / file, text)
    return list(texts)


def _write_workbook(
    group: Group, output_dir: Path, origin: Provenance, settings: Settings, request: Request
) -> list[PurePosixPath]:
    if WORKBOOK not in request.formats:
        return []
    from probecost.analysis.report.workbook import workbook_bytes  # takes a while: only where it was asked for

    file = group.file("tables", WORKBOOK)
    write_whole(output_dir / file, workbook_bytes(group, origin, settings.thresholds))
    return [file]


def _write_pictures(study: Study, output_dir: Path, request: Request) -> list[PurePosixPath]:
    if PICTURES not in request.formats:
        return []
    texts = forest_files(study.verdicts, study.budgets)
    if not texts:
        log.warning("--format %s: there is nothing to draw: no primary metric has a cost that counts", PICTURES)
    for name, text in texts.items():
        write_whole(output_dir / name, text)
    return [PurePosixPath(name) for name in texts]


def _log_problems(study: Study) -> None:
    """Each N/A with its reason."""
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
