"""``probecost migrate``: makes full.yaml and cases.json from the legacy format with four files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from probecost.cli import options
from probecost.config.find import find_environment, is_environment
from probecost.config.legacy.migrate import Migrated, migrate
from probecost.discovery.generated import FileChange, Planned, cases_text, full_text, text_hash, write_all
from probecost.errors import ConfigError
from probecost.text import counted


@click.command(short_help="Write the unified form of a legacy folder.")
@options.config_dir
@click.option(
    "--env", "environment", help="An environment below --config-dir; not needed where that is its own folder."
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files are written; the environment's folder if absent.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be written, write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def command(config_dir: Path, environment: str | None, output_dir: Path | None, dry_run: bool, force: bool) -> None:
    """Write <env>-full.yaml and <env>-cases.json of a legacy folder, and list settings without a counterpart.

    The legacy files stay. The written files are used in their place until the legacy files change.
    """
    folder = _folder(config_dir, environment)
    target = output_dir or folder
    migrated = migrate(folder, target)
    changes = write_all(_planned(migrated, folder), force=force, dry_run=dry_run)
    _show(migrated, changes, dry_run=dry_run)


def _folder(config_dir: Path, environment: str | None) -> Path:
    if environment is not None:
        return find_environment(config_dir, environment)
    if config_dir.is_dir() and is_environment(config_dir):
        return config_dir
    raise click.UsageError("give the folder of one environment as --config-dir DIR, or --env NAME as well")


def _planned(migrated: Migrated, folder: Path) -> Sequence[Planned]:
    cases = cases_text(migrated.environment, migrated.entries)
    generated = {**migrated.full_content["generated"], "cases_sha256": text_hash(cases)}
    head = [f"Made by `probecost migrate` of the legacy files of {folder.resolve().name}."]
    if migrated.notes:
        head += ["", "What has no counterpart:", *(note.replace(f"{folder}/", "") for note in migrated.notes)]
    full = full_text({**migrated.full_content, "generated": generated}, "\n".join(head))
    files = ((migrated.cases_path, cases), (migrated.full_path, full))
    return [Planned(path, text, edited=path.exists()) for path, text in files]


def _show(migrated: Migrated, changes: Sequence[FileChange], *, dry_run: bool) -> None:
    there = [change for change in changes if change.state == "edited"]
    if there:
        raise ConfigError(
            f"{', '.join(str(change.path) for change in there)}: there already, not overwritten (nothing was written)",
            *(change.difference for change in there),
            hint="Overwrite with --force, or write elsewhere with --output-dir DIR.",
        )
    for change in changes:
        click.echo(f"{change.state}: {change.path}")
    if migrated.notes:
        click.echo("What has no counterpart in probecost:")
        for note in migrated.notes:
            click.echo(f"  {note}")
    count = counted(len(migrated.entries), "case")
    click.echo(f"{migrated.environment}: {count}" + (" (nothing was written)" if dry_run else ""))
