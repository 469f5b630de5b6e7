"""``probecost fetch``: copies the results of a run from a node by hand, after a cut or from kept ones."""

from __future__ import annotations

import posixpath
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probecost.cli import options
from probecost.cli.environments import find_environment
from probecost.config.environment import SshHost
from probecost.config.values import is_folder_name, parse_destination
from probecost.errors import ConfigError
from probecost.results.layout import TREE
from probecost.text import counted

if TYPE_CHECKING:
    from probecost.remote.mirror import Progress
    from probecost.remote.node import Node

_PYTHON = "python3"


@dataclass(frozen=True)
class Place:
    """Address of the node, with the copied folder as its workdir."""

    host: SshHost
    ssh_config: Path | None
    python: str


@click.command(short_help="Copy the results of a run from a node, by hand.")
@click.option("--host", "node", required=True, metavar="NODE", help="A node of the environment, or [user@]host[:port].")
@click.option("--remote-path", required=True, metavar="P", help="The folder on the node; relative: to its workdir.")
@click.option(
    "--local-dir",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="D",
    help=f"Where its files go; those of a {TREE} go to D/NODE/{TREE}.",
)
@click.option("--env", "environment", help="An environment: its nodes, its ssh configuration.")
@options.config_dir
@click.option("--ssh-accept-new", is_flag=True, help="Accept and remember host keys that are not known yet.")
def command(
    node: str, remote_path: str, local_dir: Path, environment: str | None, config_dir: Path, ssh_accept_new: bool
) -> None:
    """Copy missing and different files from a folder of a node; each file is checked by its SHA-256.

    The same command continues after an interruption, and transfers nothing if everything is here.
    Nothing is removed on either side. Exit code 0: all of it is here, 1: some is not, 4: usage or configuration.
    """
    place = find_place(node, remote_path, environment, config_dir)
    target = local_dir
    if posixpath.basename(place.host.workdir) == TREE:
        target = local_dir / place.host.name / TREE
    from probecost.remote.mirror import mirror

    source = open_node(place, accept_new=ssh_accept_new)
    try:
        source.open(clock=False)
        found = mirror(source, target, _teller(place.host.name))
    finally:
        source.close()
    left_out = f"; left out: {counted(found.left_out, 'link or device')}" if found.left_out else ""
    click.echo(
        f"{target}: {counted(found.files, 'file')} transferred ({_megabytes(found.size_bytes)}), "
        f"{found.kept} here already{left_out}"
    )


def open_node(place: Place, *, accept_new: bool) -> Node:
    """The node, not yet connected; while connected, no run can measure on it, and during a run it is busy."""
    from probecost.remote.lease import Holder
    from probecost.remote.node import Node
    from probecost.remote.ssh_config import read_ssh_config

    holder = Holder.of_this_process("fetch")
    config = read_ssh_config(place.ssh_config)
    return Node(place.host, config, python=place.python, accept_new=accept_new, holder=holder)


def find_place(node: str, remote_path: str, environment: str | None, config_dir: Path) -> Place:
    """Resolve NODE. ``ConfigError``: an unknown environment, or neither one of its nodes nor a destination."""
    path = remote_path.rstrip("/") or remote_path[:1]
    if not path or "\0" in path:
        raise ConfigError(f"--remote-path: expected a folder of the node, found {remote_path!r}")
    if environment is None:
        return Place(replace(_destination(node), workdir=path), None, _PYTHON)
    from probecost.config.folder import load_environment

    known = load_environment(find_environment(config_dir, environment))
    host = known.nodes.get(node)
    if host is not None:
        host = replace(host, workdir=posixpath.join(host.workdir, path))
    elif any(mark in node for mark in "@:."):
        host = replace(_destination(node), workdir=path)
    else:
        nodes = ", ".join(known.nodes)
        raise ConfigError(f"--host: environment {known.name} has no node {node!r}; it has {nodes}")
    return Place(host, known.ssh_config, known.python_interpreter)


def _destination(text: str) -> SshHost:
    try:
        where = parse_destination(text)
    except ValueError:
        where = None
    if where is None or not is_folder_name(where.host):
        raise ConfigError(f"--host: expected a node of --env, or [user@]host[:port], found {text!r}")
    return SshHost(where.host, where.host, "", where.user, where.port)


def _teller(node: str) -> Callable[[Progress], None]:
    """A function that writes progress to a terminal, a few times a second; nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        is_last = progress.files == progress.of_files
        if is_last or time.monotonic() - last > 0.2:
            last = time.monotonic()
            done, of = _megabytes(progress.size_bytes), _megabytes(progress.of_bytes)
            click.echo(
                f"\r{node}: {progress.files} of {progress.of_files} files, {done} of {of} ", err=True, nl=is_last
            )

    return tell


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
