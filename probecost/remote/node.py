"""One node of an environment for the engine: typed calls, each one round trip to the node's supervisor."""

from __future__ import annotations

import json
import shlex
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from probecost.deadline import Deadline
from probecost.errors import NodeError, RemoteError, SupervisorError, TransferError, printable
from probecost.remote.answers import AnswerError, Compressed, facts, member, remembered, typed
from probecost.remote.lease import Holder
from probecost.remote.leftovers import Leftovers
from probecost.remote.link import CONNECT_S, Link
from probecost.remote.messages import (
    ClientSpec,
    CounterSeries,
    Digest,
    GeneratorEnd,
    Lacks,
    Machine,
    OpenServer,
    ServerSpec,
    Switched,
    SwitchSpec,
    ToolSpec,
    ToolStart,
    ToolStop,
)
from probecost.remote.ssh import connect
from probecost.remote.transfer import Unpacker
from probecost.results.layout import TREE

REQUEST_S = 30.0
REMOVE_S = 120.0
ARCHIVE_STALL_S = 30.0
SERVER_LINGER_S = 2.0
ARCHIVE_S = 3600.0
MAX_MANIFEST = 256 << 20

_Read = TypeVar("_Read")


class Node(Link):
    """A connected node, with a method for each request."""

    def _ask(self, verb: str, timeout_s: float = REQUEST_S, /, **args: object) -> Any:
        session = self._session or self.answering()
        return session.request(verb, args, deadline=Deadline.after(timeout_s))

    def _asked(self, read: Callable[[Any], _Read], verb: str, timeout_s: float = REQUEST_S, /, **args: object) -> _Read:
        """The answer parsed by ``read``; ``RemoteError``: it has the wrong form."""
        answer = self._ask(verb, timeout_s, **args)
        try:
            return read(answer)
        except AnswerError as error:
            raise RemoteError(self.name, f"{verb}: its answer cannot be read: {error}") from error

    def leftovers(self) -> Leftovers:
        """Leftovers of dead sessions on this node."""
        return Leftovers.read(self._ask("leftovers", root=TREE))

    def end_leftovers(self, shown: Leftovers, us: Holder, *, keep_results: bool) -> list[str]:
        """End and remove the leftovers ``shown`` that still exist; return the failures."""
        asked = {"shown": shown.as_sent, "root": TREE, "keep_results": keep_results, "us": asdict(us)}
        return [printable(str(problem)) for problem in self._ask("end_leftovers", REMOVE_S, **asked)["problems"]]

    def facts(self) -> dict[str, Any]:
        return self._asked(facts, "facts")

    def discover(self, uuids: Sequence[str]) -> dict[str, Any]:
        """The answer of ``supervisor.discovery``; ``uuids`` are of VMs that should run on this node."""
        session = self.answering()
        found = Compressed()
        deadline = Deadline.after(REQUEST_S)
        try:
            session.request("discover", {"uuids": list(uuids)}, deadline=deadline, on_data=found.feed)
            return found.read()
        except AnswerError as error:
            raise RemoteError(self.name, f"discover: its answer cannot be read: {error}") from error

    def remember(self, earlier: Mapping[str, object] | None) -> dict[str, Any]:
        """Set the reference for ``changes``: the node's state now, or ``earlier`` if it has not rebooted since.

        Its member ``found`` has a line per attachment that was already there.
        """
        return self._asked(remembered, "remember", earlier=earlier)

    def changes(self) -> tuple[str, ...]:
        """Differences of the node from its reference, a line each; asked while no tool runs there."""
        return self._asked(member("changes", tuple[str, ...]), "changes")

    def virtual_machines(self) -> list[Machine]:
        """Every process on this node with a UUID of a VM in its command line."""
        return self._asked(Machine.read_all, "virtual_machines")

    def open_and_check(self, programs: Sequence[str], files: Sequence[str]) -> Lacks:
        """Open the node unless it is open, and find what it is missing.

        If not even the supervisor starts, the login shell is asked.
        """
        try:
            if self._session is None:
                self.open()
        except SupervisorError as error:
            return Lacks(self._lacks_by_shell(programs), supervisor=error.reason)
        return self.lacks(programs, files)

    def _lacks_by_shell(self, programs: Sequence[str]) -> tuple[str, ...]:
        deadline = Deadline.after(CONNECT_S)
        connection = connect(self.host, self._config, deadline, accept_new=self._accept_new)
        names = shlex.join(programs)
        look = f"for p in {names}; do command -v $p >/dev/null || echo $p; done"
        script = f"PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; {look}"
        try:
            said = connection.run(f"sh -c {shlex.quote(script)}", deadline).split()
        finally:
            connection.close()
        return tuple(program for program in programs if program in said)

    def lacks(self, programs: Sequence[str], files: Sequence[str]) -> Lacks:
        return self._asked(Lacks.read, "missing", programs=list(programs), files=list(files))

    def free_ports(self, address: str, port_range: tuple[int, int], wanted: int) -> int:
        """The number of free ports of ``address``, up to ``wanted``. ``RemoteError``: the node lacks the address."""
        asked = {"address": address, "port_range": list(port_range), "wanted": wanted}
        return self._asked(member("free", int), "free_ports", **asked)

    def open_perf_test(
        self, servers: Sequence[ServerSpec], address: str, port_range: tuple[int, int], monitoring: str
    ) -> list[OpenServer]:
        """Start servers on free ports of ``address`` and the node's counters; all listen when this returns."""
        specs = [vars(server) | {"argv": list(server.argv)} for server in servers]
        asked = {"servers": specs, "address": address, "port_range": list(port_range), "monitoring": monitoring}
        return self._asked(member("servers", list[OpenServer]), "open_perf_test", **asked)

    def run_clients(
        self, clients: Sequence[ClientSpec], timeout_s: float, address: str, monitoring: str
    ) -> list[GeneratorEnd]:
        """Run generators from ``address`` to their end; one that exceeds ``timeout_s`` is ended and marked as hung."""
        specs = [vars(client) | {"argv": list(client.argv)} for client in clients]
        limit_s = timeout_s + REQUEST_S
        asked = {"clients": specs, "timeout_s": timeout_s, "address": address, "monitoring": monitoring}
        return self._asked(member("clients", list[GeneratorEnd]), "run_clients", limit_s, **asked)

    def close_perf_test(self) -> list[GeneratorEnd]:
        """End the servers and the counters."""
        return self._asked(member("servers", list[GeneratorEnd]), "close_perf_test", linger_s=SERVER_LINGER_S)

    def start_tool(self, spec: ToolSpec) -> ToolStart:
        """Start the tool and wait until it is attached (or not); its monitors run when this returns."""
        limit_s = spec.ready_timeout_s + REQUEST_S
        asked = {"spec": spec.sent, "monitors": dict(spec.monitors)}
        return self._asked(lambda answer: ToolStart.read(answer, limit_s), "start_tool", limit_s, **asked)

    def switch(self, spec: ToolSpec, switching: SwitchSpec, other: ToolSpec | None = None) -> Switched:
        """Switch the tool on and off inside a flow, or between it and ``other``; return when that is done.

        In the file names of a spec, ``{start}`` becomes the number of its start.
        """
        limit_s = switching.flow_s + spec.ready_timeout_s + REQUEST_S
        sent = {"spec": spec.sent, "other": None if other is None else other.sent}
        asked = sent | vars(switching)
        return self._asked(lambda answer: Switched.read(answer, limit_s), "switch", limit_s, **asked)

    def series(self, interface: str, interval_s: float, duration_s: float) -> CounterSeries:
        """Record the node's counters every ``interval_s`` seconds; return after ``duration_s`` seconds."""
        asked = {"interface": interface, "interval_s": interval_s, "duration_s": duration_s}
        return self._asked(lambda answer: typed(CounterSeries, answer), "series", duration_s + REQUEST_S, **asked)

    def stop_tool(self) -> ToolStop | None:
        """Stop the monitors and the tool; ``None`` if none was running."""
        return self._asked(ToolStop.read, "stop_tool")

    def stop_all(self) -> ToolStop | None:
        """End everything that was started on this node, in any state."""
        return self._asked(ToolStop.read, "stop_all")

    def place(self, relative: str, file: Path) -> None:
        """Make sure that ``file`` is at ``relative`` below the workdir.

        It is copied only if it is not there yet; a copy is removed when the run ends.
        """
        assert self._session is not None
        args = {"path": relative, "mode": 0o755}
        deadline = Deadline.after(REQUEST_S)
        self._session.request("place", args, deadline=deadline, payload=file.read_bytes())

    def sha256(self, relative: str) -> str | None:
        return self._asked(lambda answer: typed(Digest, answer), "sha256", path=relative).sha256

    def write(self, files: Mapping[str, str]) -> None:
        """Write small text files below the workdir."""
        session = self._session or self.answering()
        payload = json.dumps(dict(files)).encode()
        session.request("write", deadline=Deadline.after(REQUEST_S), payload=payload)

    def manifest(self, folder: str) -> tuple[bytes, int]:
        """The supervisor's list of plain files below ``folder``, unpacked, and the number of skipped links.

        It takes long: the node reads all files.
        """
        session = self.answering()
        chunks = Compressed(MAX_MANIFEST)
        args = {"path": folder}
        try:
            answer = session.request(
                "manifest", args, deadline=Deadline.after(ARCHIVE_S), on_data=chunks.feed, stall_s=ARCHIVE_STALL_S
            )
            text = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(chunks.data, MAX_MANIFEST)
            return text, member("left_out", int)(answer)
        except (AnswerError, zlib.error) as error:
            raise RemoteError(self.name, f"manifest: its answer cannot be read: {error}") from error

    def fetch(self, folders: Sequence[str], target: Path, accept: Callable[[str, str], bool] | None = None) -> int:
        """Copy folders of the results into ``target`` as one compressed transfer; return the number of files.

        ``target`` then mirrors the workdir. Nothing is removed on the node. It may take as long as it makes progress.
        ``accept``: see ``Unpacker``.
        """
        try:
            session = self.answering()
            with Unpacker(self.name, target, accept, folders=folders) as unpacker:
                answer = session.request(
                    "archive",
                    {"paths": list(folders)},
                    deadline=Deadline.after(ARCHIVE_S),
                    on_data=unpacker.feed,
                    stall_s=ARCHIVE_STALL_S,
                )
                received = unpacker.finish()
            sent = member("files", int)(answer)
        except Exception as error:
            self.close()  # drops the rest of the stream
            if isinstance(error, TransferError):
                raise
            reason = error.reason if isinstance(error, NodeError) else str(error)
            raise TransferError(self.name, f"results not fetched, they are still there: {reason}") from error
        if sent != received:
            raise TransferError(self.name, f"{sent} files were sent and {received} arrived; they are still on the node")
        return received

    def remove(self, folders: Sequence[str]) -> None:
        """Remove folders of results on the node, and empty folders above them."""
        self._ask("remove", paths=list(folders), root=TREE)
