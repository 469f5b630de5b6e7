"""``probecost cleanup``: shows and ends leftovers of earlier runs on the nodes of an environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probecost.cli import options
from probecost.cli.doctor import open_nodes
from probecost.config.find import find_environment
from probecost.config.folder import load_environment
from probecost.errors import ProbecostError
from probecost.text import counted

if TYPE_CHECKING:
    from probecost.remote.leftovers import Leftovers
    from probecost.remote.node import Node

_FAILED = 1


@dataclass(frozen=True)
class Looked:
    """Leftovers of each node, and the errors of nodes that could not be checked."""

    found: Mapping[str, Leftovers]
    errors: Mapping[str, Exception]


@click.command(short_help="Show and end leftovers of earlier runs on the nodes.")
@click.option("--env", "environment", required=True, help="The environment.")
@options.config_dir
@click.option("--yes", is_flag=True, help="End it without asking.")
@click.option("--keep-results", is_flag=True, help="Leave results that were not fetched on the nodes.")
@click.option("--ssh-accept-new", is_flag=True, help="Accept and remember host keys that are not known yet.")
@click.pass_context
def command(
    context: click.Context, environment: str, config_dir: Path, yes: bool, keep_results: bool, ssh_accept_new: bool
) -> None:
    """List leftovers of dead runs on the nodes of an environment, and end them after asking.

    They are recognised by marks, never by a name: other people's iperf3, netserver and bpftrace are not touched, nor
    is anything of a run that measures now. Without a terminal, and without --yes, it only lists.

    Exit code 0: nothing is left, 1: something is, or a node could not be checked.
    """
    loaded = load_environment(find_environment(config_dir, environment))
    nodes = open_nodes(loaded, list(loaded.nodes), accept_new=ssh_accept_new)
    try:
        context.exit(_clean(nodes, yes=yes, keep_results=keep_results))
    finally:
        _close(nodes)


def _clean(nodes: Sequence[Node], *, yes: bool, keep_results: bool) -> int:
    from probecost.remote.pool import each

    looked = _look(nodes)
    for node in nodes:
        click.echo("\n".join(_shown(node.name, looked, keep_results=keep_results)))
    count = sum(len(found.lines(with_results=not keep_results)) for found in looked.found.values())
    if not count:
        return _FAILED if looked.errors else 0
    if not yes and not sys.stdin.isatty():
        click.echo(f"{counted(count, 'thing')} left; --yes ends and removes it")
        return _FAILED
    if not yes and not click.confirm(f"End and remove {counted(count, 'thing')}?"):
        return _FAILED
    reached = [node for node in nodes if node.name in looked.found]
    problems = each(reached, lambda node: _end(node, looked.found[node.name], keep_results=keep_results))
    for name, said in problems.items():
        for problem in [str(said)] if isinstance(said, Exception) else said:
            click.echo(f"{name}: {problem}", err=True)
    failed = bool(looked.errors) or any(isinstance(said, Exception) or said for said in problems.values())
    click.echo("not all of it could be ended" if failed else f"{counted(count, 'thing')} ended and removed")
    return _FAILED if failed else 0


def _look(nodes: Sequence[Node]) -> Looked:
    from probecost.remote.pool import each

    def ask(node: Node) -> Leftovers:
        node.open(clock=False)
        return node.leftovers()

    answers = each(nodes, ask)
    errors = {name: answer for name, answer in answers.items() if isinstance(answer, Exception)}
    for error in errors.values():
        if not isinstance(error, ProbecostError):
            raise error
    return Looked({name: one for name, one in answers.items() if not isinstance(one, Exception)}, errors)


def _shown(node: str, looked: Looked, *, keep_results: bool) -> list[str]:
    from probecost.remote.lease import in_use_by

    if node in looked.errors:
        return [f"{node}: not looked at: {looked.errors[node]}"]
    found = looked.found[node]
    lines = found.lines(with_results=not keep_results)
    shown = [f"{node}: {counted(len(lines), 'thing')} left by earlier runs" if lines else f"{node}: nothing is left"]
    if found.holder is not None:
        shown.append(f"  {in_use_by(found.holder, advise=False)}: its own, and all files, are left alone")
    return shown + [f"  {line}" for line in lines]


def _end(node: Node, found: Leftovers, *, keep_results: bool) -> list[str]:
    """End the leftovers of a node; return the failures, including leftovers that came back."""
    from probecost.remote.lease import Holder

    if not found.lines(with_results=not keep_results):
        return []
    problems = node.end_leftovers(found, Holder.of_this_process("cleanup"), keep_results=keep_results)
    left = node.leftovers()
    shown = set(found.lines())
    return problems or [f"still there: {line}" for line in left.lines(with_results=not keep_results) if line in shown]


def _close(nodes: Sequence[Node]) -> None:
    from probecost.remote.pool import each

    def close(node: Node) -> None:
        with suppress(ProbecostError):
            node.close()

    each(nodes, close)
