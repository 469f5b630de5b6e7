"""The command of ``probecost analyze`` and ``python -m probecost.analysis``: its options and its function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from probecost.analysis.processes import in_its_own_process
from probecost.analysis.report.write import write_study
from probecost.analysis.settings.settings import DEFAULT_FILE, load_settings
from probecost.analysis.study.run import refuse_others, study_run
from probecost.analysis.study.selection import (
    ALL,
    BASIC_FORMATS,
    MORE_FORMATS,
    Request,
    parse_formats_option,
    parse_iteration_option,
)
from probecost.errors import ProbecostError
from probecost.results.layout import REPORTS

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--iteration-path",
        "path",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        required=True,
        help="The folder of a run (results/<run_id>), of one iteration, or any that holds "
        "<node>/performance-test-results.",
    ),
    click.option(
        "--output-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where the reports are written; the reports folder of the run if absent.",
    ),
    click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        default=DEFAULT_FILE,
        help="Settings: topics, thresholds, what is negligible, what voids. See analysis/config.yaml.",
    ),
    click.option("--topic", "topics", multiple=True, help="Only this topic or category; may be given several times."),
    click.option("--iteration", default=ALL, show_default=True, help="Only the iteration of this number, or all."),
    click.option(
        "--format",
        "formats",
        multiple=True,
        help=f"Comma-separated. {' and '.join(BASIC_FORMATS)} are always written; {', '.join(MORE_FORMATS)}: "
        "workbooks too.",
    ),
)


def analyze_options(function: _F) -> _F:
    """Decorate ``function`` with the options of the command, in this order; it takes the arguments of ``analyze``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def analyze(
    path: Path,
    output_dir: Path | None,
    config_file: Path,
    topics: Sequence[str],
    iteration: str,
    formats: Sequence[str],
) -> Path:
    """Write the reports; return the path of overview.md.

    ``ConfigError``: wrong options or settings, or a folder without results. ``ProbecostError``: the reports cannot be
    written.
    """
    request = Request(tuple(topics), parse_iteration_option(iteration), parse_formats_option(formats))
    settings = load_settings(config_file)
    try:
        with in_its_own_process() as jobs:
            study = study_run(path, settings, jobs)
            refuse_others(study)
            return write_study(study, output_dir or path / REPORTS, settings, request, jobs)
    except OSError as error:
        raise ProbecostError(f"the reports cannot be written: {error}; name another folder with --output-dir") from None
