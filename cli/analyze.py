"""``probecost analyze``: from the files of a run to its reports, again."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Write the reports of a run again.")
@click.option(
    "--iteration-path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="The folder of a run (results/<run_id>), or of one iteration.",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the reports are written; the reports folder of the run if absent.",
)
def command(iteration_path: Path, output_dir: Path | None) -> None:
    """Read the raw files of a run and write its reports: tables, overview, measurements."""
    from analysis.parallel import in_its_own_process
    from analysis.report import write_reports

    with in_its_own_process() as jobs:
        click.echo(f"reports: {write_reports(iteration_path, output_dir, jobs)}")
