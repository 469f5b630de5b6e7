"""``probecost compare``: shows the changes of overhead from one run to another."""

from __future__ import annotations

from pathlib import Path

import click

from probecost.cli import options
from probecost.cli.table import table
from probecost.errors import printable

FAILED = 1
_RUN = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(short_help="Show the changes of overhead from one run to another.")
@click.argument("run_a", type=_RUN)
@click.argument("run_b", type=_RUN)
@click.option(
    "--across",
    type=click.Choice(["kernel", "bed", "generators", "options"]),
    multiple=True,
    help="Compare although the runs differ in this; may be given several times.",
)
@click.option("--allow-different", is_flag=True, help="Compare in spite of any difference between the runs.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write compare.csv and compare.md there.",
)
@options.analysis_settings
@click.option("--fail-on-worse", is_flag=True, help="Exit with 1 where an overhead grew (verdict OVERHEAD).")
def command(
    run_a: Path,
    run_b: Path,
    across: tuple[str, ...],
    allow_different: bool,
    output_dir: Path | None,
    config: Path | None,
    fail_on_worse: bool,
) -> int:
    """Compare two runs (results/<run_id>, results/latest): two versions of a tool, two kernels, two months.

    The verdicts are on the change of cost from RUN_A to RUN_B. Runs under different conditions are refused, with the
    differences and the option that accepts them.
    """
    from probecost.analysis.report.findings.change import TITLES, foot_lines, head_lines, table_rows
    from probecost.analysis.report.write_change import write_change
    from probecost.analysis.two_runs.changes import compare_runs
    from probecost.analysis.two_runs.conditions import Kind
    from probecost.analysis.two_runs.judged_by import common_settings

    accepted = list(Kind) if allow_different else [Kind(kind) for kind in across]
    settings = common_settings((run_a, run_b), config)
    found = compare_runs(run_a, run_b, settings, accepted)
    rows = table_rows(found.changes)
    body = [table(TITLES, rows)] if rows else ["no primary metric was measured in both runs"]
    click.echo(printable("\n".join([*head_lines(found), "", *body, "", *foot_lines(found)])))
    if output_dir is not None:
        for file in write_change(found, output_dir):
            click.echo(f"written: {file}")
    return FAILED if fail_on_worse and found.is_worse else 0
