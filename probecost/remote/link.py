"""The link to one node: a connection with a supervisor at its end, made anew after a cut, and the clocks' offset."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from probecost.config.environment import SshHost
from probecost.deadline import Deadline
from probecost.errors import ConnectionLostError, NodeError, RemoteError, UnreachableError
from probecost.remote.answers import AnswerError, member
from probecost.remote.lease import Holder
from probecost.remote.session import CLOSE_S, Session
from probecost.remote.ssh import Connection, connect
from probecost.remote.ssh_config import SshConfig

CONNECT_S = 10.0
START_S = 20.0
PING_S = 30.0
IN_VAIN_S = 2.0
LAST_WORD_S = 0.5
MAX_TIME_NS = 1 << 63


@dataclass(frozen=True)
class Clock:
    """The node's clock minus the controller's, in nanoseconds, and its uncertainty.

    ``drift_ns``: change of the offset until its last measurement, ``None`` if it was measured once.
    """

    offset_ns: int
    uncertainty_ns: int
    drift_ns: int | None = None


class Link:
    """A connection to a node with a supervisor at its end; ``revive`` makes it anew after a cut.

    ``generation`` counts the connections: files placed on the node in an earlier one are gone. With ``holder`` the node
    is taken for that run, and opening it fails while another run has it; for facts alone, none is needed.
    ``keep_awake``: its CPUs do not sleep while a perf test runs.
    """

    def __init__(
        self,
        host: SshHost,
        config: SshConfig,
        *,
        python: str,
        accept_new: bool = False,
        holder: Holder | None = None,
        keep_awake: bool = False,
    ) -> None:
        self.host = host
        self.clock = Clock(0, 0)
        self._config = config
        self._python = python
        self._accept_new = accept_new
        self._holder = holder
        self._keep_awake = keep_awake
        self._connection: Connection | None = None
        self._session: Session | None = None
        self._limit: Deadline | None = None
        self._gone: NodeError | None = None
        self._past_round_trips = 0
        self.generation = 0

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def round_trips(self) -> int:
        """Requests sent so far, lease renewals not counted."""
        return self._past_round_trips + (self._session.round_trips if self._session else 0)

    def open(self, deadline: Deadline | None = None, *, clock: bool = True) -> None:
        """Connect, start the supervisor, and compare the clocks if wanted (``clock``)."""
        self.generation += 1
        self._gone = None
        in_time = (deadline or Deadline.after(CONNECT_S)).or_sooner(self._limit)
        self._connection = connect(self.host, self._config, in_time, accept_new=self._accept_new)
        try:
            started = (deadline or Deadline.after(START_S)).or_sooner(self._limit)
            self._start_session(self._connection, started, clock=clock)
        except BaseException:
            self._connection.close()
            raise

    def _start_session(self, connection: Connection, deadline: Deadline, *, clock: bool) -> None:
        run = f"{self._holder.group}-" if self._holder else ""
        config: dict[str, object] = {
            "mark": f"{run}{self.name}-{secrets.token_hex(4)}",
            "run": run,
            "workdir": self.host.workdir,
            "lease": asdict(self._holder) if self._holder else None,
            "keep_awake": self._keep_awake,
            "own_connection": True,
        }
        user = connection.user
        self._session = Session(connection, python=self._python, sudo=user != "root", config=config, deadline=deadline)
        self._session.limit = self._limit
        if clock:
            self.clock = self._compare_clocks(self._session)

    def close(self) -> None:
        """End the supervisor and the connection, and with them everything that still runs on the node."""
        if self._session is not None:
            self._past_round_trips += self._session.round_trips
            self._session.close(max(Deadline.after(CLOSE_S).or_sooner(self._limit).left_s, LAST_WORD_S))
            self._session = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def hurry(self, deadline: Deadline) -> None:
        """Let nothing wait longer than until ``deadline`` from now on, pending requests included.

        The first call counts: a second interruption gives no more time.
        """
        self._limit = deadline.or_sooner(self._limit)
        if self._session is not None:
            self._session.limit = self._limit

    def revive(self) -> None:
        """Make sure that the node answers: after a cut, connect anew once."""
        if self._session is not None and self._session.alive:
            return
        self.close()
        began = time.monotonic()
        try:
            self.open()
        except (UnreachableError, ConnectionLostError) as error:
            if time.monotonic() - began > IN_VAIN_S:
                self._gone = error
            raise

    def answering(self) -> Session:
        """The session, made anew after a cut.

        After ``revive`` has waited in vain, this raises at once until ``revive`` is called again: the run holds all its
        other nodes meanwhile.
        """
        if self._gone is not None:
            raise self._gone
        self.revive()
        assert self._session is not None
        return self._session

    def events(self) -> list[Mapping[str, Any]]:
        """Unsolicited events of the supervisor since the last call."""
        found: list[Mapping[str, Any]] = []
        while self._session is not None and not self._session.events.empty():
            found.append(self._session.events.get())
        return found

    def check_clock(self) -> None:
        """Measure the offset again and note its drift since the connection."""
        if self._session is not None:
            now = self._compare_clocks(self._session, exchanges=2)
            self.clock = replace(self.clock, drift_ns=now.offset_ns - self.clock.offset_ns)

    def _compare_clocks(self, session: Session, exchanges: int = 5) -> Clock:
        """The best of several exchanges; the uncertainty of the offset is half the round trip."""
        best: Clock | None = None
        for _ in range(exchanges):
            before = time.time_ns()
            there = self._time_ns(session)
            after = time.time_ns()
            clock = Clock(there - (before + after) // 2, (after - before) // 2)
            if best is None or clock.uncertainty_ns < best.uncertainty_ns:
                best = clock
        assert best is not None
        return best

    def _time_ns(self, session: Session) -> int:
        try:
            there = member("time_ns", int)(session.request("ping", deadline=Deadline.after(PING_S)))
            if not 0 <= there < MAX_TIME_NS:
                raise AnswerError(f"{there} is no time in ns")
        except AnswerError as error:
            raise RemoteError(self.name, f"its clock cannot be read: {error}") from error
        return there
