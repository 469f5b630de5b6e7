"""The verbs of the controller's requests, one method each. Names and arguments are as in ``remote.node``."""

import json
import os
from typing import Any, Callable, Dict, List, Optional

from . import discovery, facts, inventory, leftovers
from .attachments import Inventories
from .awake import Awake
from .cgroups import Cgroup
from .clearing import NO_TOOL, TOOL, Clearing
from .files import Files
from .footprint import Footprint
from .generators import Generators, count_free
from .machines import virtual_machines
from .owner import Owner
from .processes import Identity, now_ns
from .reference import Reference
from .sampling import NodeSampler, ToolSampler
from .series import NAMES, Series
from .switching import Starter, Switching
from .tool import Tool
from .usage import Usage

Result = Dict[str, Any]


class Service:
    """``emit`` sends an event of its own accord, ``note`` tells the watchdog what was made on this node.

    ``clearing`` is what the watchdog does with it.
    """

    def __init__(
        self,
        workdir: str,
        group: Optional[Cgroup],
        emit: Callable[[Dict[str, Any]], None],
        note: Callable[[str, str], None],
        keep_awake: bool = False,
        owner: Optional[Owner] = None,
        clearing: Optional[Clearing] = None,
    ) -> None:
        self._identity = Identity()
        self._files = Files(workdir, self._identity, note, owner)
        self._generators = Generators(self._files)
        self._group = group
        self._emit = emit
        self._starts = 0
        self._tool: Optional[Tool] = None
        self._tool_sampler: Optional[ToolSampler] = None
        self._node_sampler: Optional[NodeSampler] = None
        self._switching: Optional[Switching] = None
        self._series: Optional[Series] = None
        self._awake = Awake(keep_awake)
        self._note = note
        self._clearing = clearing
        self._inventories = clearing.inventories if clearing else Inventories(group.path if group else "")
        self._reference: Optional[Reference] = None

    def hello(self) -> Result:
        return {
            "pid": os.getpid(),
            "uid": os.getuid(),
            "user": self._identity.user,
            "workdir": self._files.workdir,
            "cgroup": self._group.path if self._group else None,
        }

    def series(self, interface: str, interval_s: float, duration_s: float) -> Result:
        """The node's counters at equal intervals for ``duration_s`` seconds; column 0 is ns since the first row."""
        series = self._series = Series(Usage(self._group))
        try:
            return {"names": list(NAMES), "rows": series.run(interface, interval_s, duration_s)}
        finally:
            self._series = None

    def ping(self) -> Result:
        return {"time_ns": now_ns()}

    def facts(self) -> Result:
        return facts.collect()

    def discover(self, uuids: List[str], send: Callable[[bytes], None]) -> Result:
        return discovery.discover(uuids, send)

    def virtual_machines(self) -> Result:
        return virtual_machines([])

    def remember(self, earlier: Optional[Result]) -> Result:
        """Set the reference for ``changes``: this node's state now, or an ``earlier`` one of this boot.

        The result can be given back as ``earlier``; ``found`` lists attachments that were already here.
        """
        self._reference = Reference.of(self._inventories, earlier)
        return self._reference.sent

    def changes(self) -> Result:
        """Differences of this node from the reference; asked while no tool runs."""
        if self._reference is None:
            raise ValueError("nothing is remembered of this node")
        return {"changes": self._reference.changes()}

    def missing(self, programs: List[str], files: List[str]) -> Result:
        absent = [name for name in files if not os.path.exists(self._files.locate(name))]
        return {"missing": facts.missing(programs, self._files.workdir, self._identity), "files": absent}

    def free_ports(self, address: str, port_range: List[int], wanted: int) -> Result:
        return {"free": count_free(address, port_range[0], port_range[1], wanted)}

    def open_perf_test(
        self, servers: List[Dict[str, Any]], address: str, port_range: List[int], monitoring: str
    ) -> Result:
        """Start listening servers and the node's counters, on the server's side."""
        opened = self._generators.open_servers(servers, address, port_range)
        self._restart_node_sampler(monitoring, address)
        return {"servers": opened}

    def run_clients(self, clients: List[Dict[str, Any]], timeout_s: float, address: str, monitoring: str) -> Result:
        """Run the generators to their end, with the node's counters around them, on the client's side."""
        self._restart_node_sampler(monitoring, address)
        try:
            reports = self._generators.run_clients(clients, timeout_s)
        finally:
            sampled = self._finish_node_sampler()
        return {"clients": reports, "sampler": sampled}

    def close_perf_test(self, linger_s: float) -> Result:
        sampled = self._finish_node_sampler()
        return {"servers": self._generators.close_servers(linger_s), "sampler": sampled}

    def start_tool(self, spec: Dict[str, Any], monitors: Dict[str, str]) -> Result:
        """Start the tool, wait until it is attached, then start its monitors."""
        result = self._open_tool(spec).await_ready()
        if result["outcome"] in ("ready", "partial"):
            assert self._tool is not None
            self._tool_sampler = ToolSampler(self._tool, self._files, **monitors)
        return result

    def _open_tool(self, spec: Dict[str, Any]) -> Tool:
        """Start the tool in a new cgroup for each start: a process that could not be ended may be in an earlier one."""
        if self._tool is not None:
            raise ValueError("a tool runs already")
        self._starts += 1
        group = self._group.below("tool-%d" % self._starts) if self._group else None
        before = self._inventories.take()
        if self._clearing is not None:
            self._note(TOOL, self._clearing.not_ours(before))
        try:
            self._tool = Tool(spec, self._files, group, self._emit, Footprint(self._inventories, before))
        except BaseException:
            if group is not None:
                group.remove()
            raise
        return self._tool

    def switch(
        self,
        spec: Dict[str, Any],
        pairs: List[List[str]],
        segment_s: float,
        guard_s: float,
        lead_s: float,
        flow_s: float,
        interface: str,
        segments: str,
        other: Optional[Dict[str, Any]] = None,
    ) -> Result:
        """Switch the tool on and off while a flow runs; the counters of each segment go to the file ``segments``.

        ``spec`` as for ``start_tool``; ``{start}`` in its file names becomes the number of the start. ``other`` runs in
        the segments without the tool.
        """
        tools = self._starter(spec), self._starter(other) if other else None
        usage = Usage(self._group)
        switching = self._switching = Switching(*tools, self.stop_tool, interface, usage, guard_s, lead_s)
        try:
            return switching.run(pairs, segment_s, flow_s)
        finally:
            self._switching = None
            self.stop_tool()
            switching.done.set()
            switching.write(self._files, segments)

    def _starter(self, spec: Dict[str, Any]) -> Starter:
        def start(number: int, expected: Optional[List[int]]) -> Tool:
            files = {key: spec[key].replace("{start}", str(number)) for key in ("stdout", "stderr")}
            return self._open_tool(dict(spec, expected=expected or spec.get("expected"), **files))

        return Starter(start)

    def stop_tool(self) -> Result:
        """Stop the monitors, then the tool; ``{}`` if none was started."""
        if self._tool is None:
            return {}
        sampler, self._tool_sampler = self._tool_sampler, None
        tool, self._tool = self._tool, None
        if sampler is not None:
            sampler.pause()
        stopped = tool.stop()  # compares with the node as it was, and removes what is left
        if self._clearing is not None:
            self._note(TOOL, NO_TOOL)
        return dict(stopped, sampler=sampler.finish() if sampler else {"error": None, "samples": 0})

    def stop_all(self) -> Result:
        """End everything of a case on this node, in any state."""
        switching = self._switching
        if switching is not None:
            switching.cancel()
        if self._series is not None:
            self._series.cancel()
        self._generators.stop()
        self._finish_node_sampler()
        self._generators.close_servers(0.0)
        return self.stop_tool()

    def sha256(self, path: str) -> Result:
        return {"sha256": self._files.sha256(path)}

    def place(self, path: str, mode: int, payload: bytes) -> Result:
        return self._files.place(path, payload, mode)

    def write(self, payload: bytes) -> Result:
        """``payload``: a JSON object of small files, text by path."""
        for path, text in json.loads(payload.decode("utf-8")).items():
            self._files.write(path, text.encode("utf-8"))
        return {}

    def archive(self, paths: List[str], send: Callable[[bytes], None]) -> Result:
        return {"files": self._files.archive(paths, send)}

    def manifest(self, path: str, send: Callable[[bytes], None]) -> Result:
        return self._files.manifest(path, send)

    def leftovers(self, root: str) -> Result:
        """Leftovers of dead sessions on this node; ``root`` holds their results, below the workdir."""
        return leftovers.find(self._files.workdir, self._files.path(root))

    def end_leftovers(self, shown: Result, root: str, keep_results: bool, us: Result) -> Result:
        """End and remove the given leftovers that still exist; return the failures."""
        return {"problems": leftovers.end(shown, self._files.workdir, self._files.path(root), keep_results, us)}

    def inventory(self, root: str) -> Result:
        return inventory.take(self._files.workdir, self._files.path(root))

    def remove(self, paths: List[str], root: str) -> Result:
        self._files.remove(paths, root)
        return {}

    def _restart_node_sampler(self, folder: str, address: str) -> None:
        self._finish_node_sampler()
        self._awake.hold()
        self._node_sampler = NodeSampler(self._files, folder, address, self._group)

    def _finish_node_sampler(self) -> Result:
        self._awake.release()
        sampler, self._node_sampler = self._node_sampler, None
        return sampler.finish() if sampler else {"error": None}
