"""``python -m analysis``: the reports of a results tree again, from its files alone."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from analysis.parallel import in_its_own_process
from analysis.report import write_study
from analysis.settings import DEFAULT_FILE, load_settings
from analysis.study import study_run
from probecost.errors import ProbecostError


@click.command()
@click.option(
    "--iteration-path",
    "path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="A run's folder, an iteration's, or any folder that holds <node>/performance-test-results.",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where the reports go; it is made when it is not there.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_FILE,
    help="Settings of the analysis (topics).",
)
def main(path: Path, output_dir: Path, config_file: Path) -> None:
    """Write the reports of a results tree: no SSH, no root. What is missing in them goes to stderr."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        settings = load_settings(config_file)
        with in_its_own_process() as jobs:
            study = study_run(path, settings.margin_pct, settings.foreign_cpu_limit_pct, jobs)
            click.echo(write_study(study, output_dir, settings))
    except (ProbecostError, OSError) as error:
        click.echo(f"analysis: {error}", err=True)
        sys.exit(4)


if __name__ == "__main__":
    main()
