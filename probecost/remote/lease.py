"""Who measures: what a node's lease says of this run, and what is told of the run that holds it already."""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from probecost.remote.ssh_config import local_user

_TOKEN = secrets.token_hex(8)


@dataclass(frozen=True)
class Holder:
    """A run that measures; all sessions of one process are one run, known by ``token``."""

    run: str
    user: str
    host: str
    token: str = field(repr=False)

    @property
    def group(self) -> str:
        """How the run's cgroups are called: the token, which opens the lease, cannot be read from it."""
        return hashlib.sha256(self.token.encode()).hexdigest()[:8]

    @classmethod
    def of_this_process(cls, run_id: str) -> Holder:
        return cls(run_id, local_user(), socket.gethostname(), _TOKEN)


def in_use_by(holder: Mapping[str, Any]) -> str:
    """What to tell whoever finds the lease taken; ``holder`` comes from the node."""
    if "run" not in holder:
        who = "another run"
    else:
        who = f"run {holder['run']} of {holder.get('user')}@{holder.get('host')}{_since(holder.get('since_ns'))}"
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
