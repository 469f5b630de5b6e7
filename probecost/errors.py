"""Errors of probecost, as a small hierarchy: each names the place and the remedy.

``ProbecostError`` is the root; catching it catches everything that is not a bug. ``str(error)`` alone is enough for a
user: it has the file or the node, what was expected, and the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


def printable(text: str) -> str:
    """``text`` with its control characters made visible: output of a node must not steer the reader's terminal.

    >>> printable("bad\\x1b[2Jend")
    'bad\\\\x1b[2Jend'
    """
    if text.isprintable():  # nearly always, and reports ask this of every cell
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, limit: int = 4000) -> str:
    """``text``, with its middle left out if it is longer than ``limit`` characters.

    >>> shortened("abcdefghij", 4)
    'ab ... ij'
    """
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-(limit // 2) :]}"


class ProbecostError(Exception):
    """Root of all errors that probecost raises on purpose. Control characters in its message are made visible."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class ConfigError(ProbecostError):
    """A configuration file, option or case list that cannot be used.

    ``problems`` holds one line per mistake (file, line, key path, value, what was expected), all of a folder at once.
    """

    def __init__(self, *problems: str, hint: str = "") -> None:
        self.problems = problems
        self.hint = hint
        super().__init__("\n".join([*problems, *([hint] if hint else [])]))


class Attempts:
    """Runs steps that may find mistakes in configuration, and collects these mistakes.

    >>> attempts = Attempts()
    >>> attempts.run(lambda: 1)
    1
    >>> bool(attempts.problems)
    False
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.hints: list[str] = []

    def run(self, step: Callable[[], _T]) -> _T | None:
        """The step's result, ``None`` if it found mistakes."""
        try:
            return step()
        except ConfigError as error:
            self.problems += [problem for problem in error.problems if problem not in self.problems]
            self.hints += [error.hint] if error.hint and error.hint not in self.hints else []
            return None

    @property
    def error(self) -> ConfigError:
        """All mistakes together."""
        return ConfigError(*self.problems, hint="\n".join(self.hints))


class NodeError(ProbecostError):
    """Something failed on one node, or on the way to it; a long ``message`` is shortened in the middle."""

    def __init__(self, node: str, message: str) -> None:
        self.node = node
        self.reason = printable(shortened(message))
        super().__init__(f"node {node}: {self.reason}")


class UnreachableError(NodeError):
    """The node does not answer within its deadline, or refuses the connection."""


class AuthenticationError(NodeError):
    """The node refused every key that was offered."""


class HostKeyError(NodeError):
    """The node's host key is unknown or has changed."""


class ConnectionLostError(NodeError):
    """The connection to the node, or the supervisor behind it, ended in the middle of the work."""


class NodeRebootedError(NodeError):
    """The node has rebooted since the run connected to it: facts read before may no longer hold."""


class NodeChangedError(NodeError):
    """Something is attached to the node, or set on it, that was not when the run began: no visit is made on it."""


class RemoteError(NodeError):
    """The supervisor on the node could not carry out a request (the message carries its reason)."""


class SupervisorError(RemoteError):
    """The supervisor could not be started: sudo or Python is missing, or sudo asks for a password."""


class NodeBusyError(NodeError):
    """Another run measures on the node; the message names its owner.

    ``run``: its id, empty if unknown. ``held_s``: seconds for which it has held the node, ``None`` if unknown.
    """

    def __init__(self, node: str, message: str, run: str = "", held_s: float | None = None) -> None:
        super().__init__(node, message)
        self.run = run
        self.held_s = held_s


class TransferError(NodeError):
    """Results could not be fetched, or a file could not be copied; the node keeps its files."""


class ToolError(NodeError):
    """The eBPF tool did not start, did not attach, died, or wrote more than its cap."""


class PerfTestError(NodeError):
    """A generator (iperf3, netperf or one of their servers) failed, hung or gave no data."""


@dataclass(frozen=True)
class Missing:
    """One prerequisite that a node lacks, and the command that provides it (empty when there is none)."""

    node: str
    what: str
    remedy: str = ""


class PreflightError(ProbecostError):
    """All prerequisites that the nodes of an environment lack, found before any traffic."""

    def __init__(self, missing: Sequence[Missing]) -> None:
        self.missing = tuple(missing)
        lines = [f"{item.node}: {item.what}" + (f" - {item.remedy}" if item.remedy else "") for item in missing]
        super().__init__("not ready to measure:\n" + "\n".join(f"  {line}" for line in lines))


class Gathered(ProbecostError):
    """Several errors of one level, raised together. The first is the cause, the rest came up while tidying up."""

    def __init__(self, what: str, errors: Sequence[Exception]) -> None:
        self.errors = tuple(errors)
        head = f"{what}: {len(errors)} errors"
        super().__init__("\n".join([head, *(f"  {number}. {error}" for number, error in enumerate(errors, 1))]))


def busy_nodes(error: Exception) -> list[NodeBusyError]:
    """The errors about nodes that other runs hold; empty if anything else is wrong too."""
    errors = error.errors if isinstance(error, Gathered) else (error,)
    busy = [one for one in errors if isinstance(one, NodeBusyError)]
    return busy if len(busy) == len(errors) else []


class Gatherer:
    """Collects the errors of several steps, so that each step runs even if an earlier one failed.

    >>> gatherer = Gatherer("tear-down")
    >>> with gatherer.step():
    ...     raise ProbecostError("one")
    >>> with gatherer.step():
    ...     pass
    >>> gatherer.raise_all()
    Traceback (most recent call last):
    ...
    probecost.errors.ProbecostError: one
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.errors: list[Exception] = []

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run one step; an ``Exception`` is collected, anything stronger (``KeyboardInterrupt``) passes."""
        try:
            yield
        except Exception as error:  # gathered, and raised by raise_all
            self.errors.append(error)

    def raise_all(self) -> None:
        """Raise the single error as it is, or several as one ``Gathered``."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise Gathered(self.what, self.errors) from self.errors[0]
