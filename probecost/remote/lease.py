"""The holder of a node's lease: its record for this run, and the message about another run that holds it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from probecost.errors import printable
from probecost.remote.ssh_config import local_user
from probecost.remote.supervisor.lease import group_of

_TOKEN = secrets.token_hex(8)


@dataclass(frozen=True)
class Holder:
    """A run that measures; all sessions of one process are one run, identified by ``token``."""

    run: str
    user: str
    host: str
    token: str = field(repr=False)

    @property
    def group(self) -> str:
        """Prefix of the marks of the run's sessions."""
        return group_of(self.token)

    @classmethod
    def of_this_process(cls, run_id: str) -> Holder:
        return cls(run_id, local_user(), socket.gethostname(), _TOKEN)


def in_use_by(holder: Mapping[str, Any], *, advise: bool = True) -> str:
    """Message about a taken lease, with the remedy (``advise``); ``holder`` comes from the node."""
    if "run" not in holder:
        who = "another run"
    else:
        who = f"run {holder['run']} of {holder.get('user')}@{holder.get('host')}{_since(holder.get('since_ns'))}"
    if not advise:
        return printable(f"in use by {who}")
    return (
        f"in use by {who}: two runs on one node would measure each other. "
        "Wait until that one has ended (after a kill or a cut: 15 s), or use other nodes"
    )


def _since(since_ns: object) -> str:
    try:
        when = datetime.fromtimestamp(int(str(since_ns)) / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return f", since {when:%Y-%m-%d %H:%M:%S} UTC by the node's clock"
