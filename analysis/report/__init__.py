"""Writes all reports of a results tree."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from analysis.report.cells import file_name
from analysis.report.overview import overview
from analysis.report.tables import measurements_text, tables
from analysis.report.topics import topic_overview
from analysis.report.verdicts import verdicts_text
from analysis.settings import Settings, load_settings
from analysis.study import CaseStudy, Study, study_run
from probecost.layout import REPORTS, iteration_name

__all__ = ["write_reports", "write_study"]

log = logging.getLogger(__name__)


def write_reports(run_dir: Path, output_dir: Path | None = None, jobs: int = 1) -> Path:
    """Read everything below ``run_dir`` and write its reports to ``output_dir`` (``<run_dir>/reports`` if not given).

    ``jobs``: see ``study_run``. Returns the path of overview.md. What is missing or damaged in the tree is reported,
    not raised; an ``OSError`` means that the reports themselves could not be written, a ``ConfigError`` that the
    analysis' own settings are wrong.
    """
    settings = load_settings()
    study = study_run(run_dir, settings.margin_pct, settings.foreign_cpu_limit_pct, jobs)
    return write_study(study, output_dir or run_dir / REPORTS, settings)


def write_study(study: Study, output_dir: Path, settings: Settings) -> Path:
    """Write the reports of what was read already; returns the path of overview.md."""
    output_dir = output_dir.resolve()
    output_dir.mkdir(parents=True, exist_ok=True)
    _log_problems(study)
    main_report = output_dir / "overview.md"
    files = []
    for (environment, topic, iteration), cases in sorted(_groups(study, settings).items()):
        folder = output_dir / file_name(environment)
        folder.mkdir(parents=True, exist_ok=True)
        csv_files = []
        for table in tables(cases):
            path = folder / f"{topic}_{table.name}_{iteration_name(iteration)}.csv"
            _write(path, table.text())
            csv_files.append(path)
        page = folder / f"{topic}_overview_{iteration_name(iteration)}.md"
        _write(page, topic_overview(topic, cases, study.root, csv_files, main_report))
        files += [page, *csv_files]
    measurements = output_dir / "measurements.csv"
    _write(measurements, measurements_text(study.measurements))
    judged = output_dir / "verdicts.csv"
    _write(judged, verdicts_text(study.run.run_id, study.verdicts, study.budgets))
    written = [PurePosixPath(file.relative_to(output_dir)) for file in [*files, measurements, judged]]
    _write(main_report, overview(study, written))
    return main_report


def _groups(study: Study, settings: Settings) -> Mapping[tuple[str, str, int], list[CaseStudy]]:
    groups: dict[tuple[str, str, int], list[CaseStudy]] = {}
    for case in study.cases:
        key = (case.id.environment, settings.topic(case.category), case.id.iteration)
        groups.setdefault(key, []).append(case)
    return groups


def _log_problems(study: Study) -> None:
    """Each N/A with its reason."""
    for problem in (*(entry for case in study.cases for entry in case.problems), *study.problems):
        level = logging.WARNING if problem.missing else logging.INFO
        kind = "N/A" if problem.missing else "read with care"
        log.log(
            level,
            "%s %s: %s",
            problem.case_key or problem.environment or "results tree",
            kind,
            problem.text(study.root),
        )


def _write(path: Path, text: str) -> None:
    """Never half a report: written beside, then put in place."""
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)
