"""Switches the tool on and off inside a running flow, and reads this node's counters at both ends of each segment.

Segments come in pairs, one of each arm, in the order of the controller's coin flips. The tool is started before each of
its segments and stopped after it; a segment without it is preceded by a wait as long as its start. If another tool is
given, that one is started and stopped around the segments without the first. Both arms then wait for the guard, so that
neither attaching nor detaching is in a segment. As many pairs are made as fit into the flow.
"""

import threading
import time
from typing import Any, Callable, Dict, List, Optional

from .files import Files
from .processes import now_ns
from .sampling import parse_net_dev, parse_snmp, read_proc
from .tool import Tool
from .usage import Usage, idle_ticks, online_cpus, parse_cpu

TOOL = "tool"
WARM_UP_S = 0.3  # as in probecost.results.planning, which is not on the node
COUNTERS = (
    "rx_packets",
    "rx_bytes",
    "tx_packets",
    "tx_bytes",
    "udp_in_datagrams",
    "udp_rcvbuf_errors",
    "cpu_idle_ticks",
    "cpus",
    "rx_dropped",
    "user_usec",
    "carriers_user_usec",
    "own_user_usec",
    "own_groups",
    "steal_ticks",
)
COLUMNS = ("segment", "pair", "arm", "start_ns", "end_ns", "elapsed_ns")


def counters(interface: str, usage: Usage) -> Dict[str, Optional[int]]:
    """The node's counters now: packets and bytes of ``interface``, UDP datagrams, idle ticks over all online CPUs.

    Then user time, in total and of processes that are not foreign; for our cgroups it is ``None`` if unknown.
    """
    device = parse_net_dev(read_proc("/proc/net/dev"))[interface]
    udp = parse_snmp(read_proc("/proc/net/snmp"), "Udp")
    stat = read_proc("/proc/stat")
    ticks = parse_cpu(stat)
    used = usage.read()
    own = used["own_user_usec"]
    return {
        "rx_packets": device["rx_packets"],
        "rx_bytes": device["rx_bytes"],
        "tx_packets": device["tx_packets"],
        "tx_bytes": device["tx_bytes"],
        "udp_in_datagrams": udp["InDatagrams"],
        "udp_rcvbuf_errors": udp.get("RcvbufErrors", 0),
        "cpu_idle_ticks": idle_ticks(ticks),
        "cpus": online_cpus(stat),
        "rx_dropped": device["rx_dropped"],
        "user_usec": used["user_usec"],
        "carriers_user_usec": used["carriers_user_usec"],
        "own_user_usec": sum(own.values()) if own else None,
        "own_groups": len(own),
        "steal_ticks": ticks[7],
    }


class Starter:
    """Starts a tool by ``start``, which gets the number of the start and the earlier numbers of programs.

    ``starts`` and ``stops`` are the results of each time.
    """

    def __init__(self, start: Callable[[int, Optional[List[int]]], Tool]) -> None:
        self._start = start
        self._seen: Optional[List[int]] = None
        self.starts: List[Dict[str, Any]] = []
        self.stops: List[Dict[str, Any]] = []

    def start(self) -> bool:
        """Start the tool and wait until it is ready; return whether it is."""
        tool = self._start(len(self.starts) + 1, self._seen)
        started = tool.await_ready()
        self.starts.append(started)
        if started["outcome"] == "ready":
            self._seen = [started["programs_loaded"], started["programs_attached"]]
        return started["outcome"] in ("ready", "partial")

    def stopped(self, how: Dict[str, Any]) -> bool:
        """Record the result of a stop; return whether it is good."""
        self.stops.append(how)
        return bool(how["alive"] and how["programs_gone"] and not how["left"])


class Switching:
    """Runs the segments: ``tool`` in its own, ``other`` (if given) in those without it; ``stop`` stops either.

    All three belong to the service, as the tools do. ``lead_s``: the assumed time of a start, before the first one. The
    caller sets ``done`` when nothing runs any more.
    """

    def __init__(
        self,
        tool: Starter,
        other: Optional[Starter],
        stop: Callable[[], Dict[str, Any]],
        interface: str,
        usage: Usage,
        guard_s: float,
        lead_s: float,
    ) -> None:
        self._tool = tool
        self._other = other
        self._stop_tool = stop
        self._interface = interface
        self._usage = usage
        self._guard_s = guard_s
        self._lead_s = lead_s
        self._cancelled = threading.Event()
        self.done = threading.Event()
        self._rows: List[Dict[str, Any]] = []

    def cancel(self) -> None:
        """End the run and its tool, from another thread; return when it is done."""
        self._cancelled.set()
        while not self.done.wait(0.1):
            self._stop_tool()

    def run(self, pairs: List[List[str]], segment_s: float, flow_s: float) -> Dict[str, Any]:
        """Make the pairs, as long as the next one would end within ``flow_s`` seconds from now.

        ``starts`` and ``stops`` are the results of the tool, ``other_starts`` and ``other_stops`` of the other one. A
        failed start or a dead tool ends the run: the last entry has the reason.
        """
        began = time.monotonic()
        longest_s = 0.0
        made = 0
        self._cancelled.wait(WARM_UP_S)
        for pair, arms in enumerate(pairs, 1):
            before = time.monotonic()
            if before - began + longest_s * 1.1 > flow_s:
                break
            if not all(self._segment(pair, arm, segment_s) for arm in arms):
                break
            made = pair
            longest_s = max(longest_s, time.monotonic() - before)
        return {
            "pairs": made,
            "segments": len(self._rows),
            "starts": self._tool.starts,
            "stops": self._tool.stops,
            "other_starts": self._other.starts if self._other else [],
            "other_stops": self._other.stops if self._other else [],
            "cancelled": self._cancelled.is_set(),
        }

    def write(self, files: Files, path: str) -> None:
        """Write ``segments.csv``: a row per segment, each counter at both ends; empty if unknown."""
        names = [counter + end for counter in COUNTERS for end in ("_start", "_end")]
        lines = [",".join(list(COLUMNS) + names)]
        for row in self._rows:
            cells = [row[name] for name in COLUMNS]
            for counter in COUNTERS:
                cells += [row["first"][counter], row["last"][counter]]
            lines.append(",".join("" if cell is None else str(cell) for cell in cells))
        files.write(path, ("\n".join(lines) + "\n").encode())

    def _segment(self, pair: int, arm: str, segment_s: float) -> bool:
        """Make one segment; return whether another one may follow."""
        if self._cancelled.is_set():
            return False
        runs = self._tool if arm == TOOL else self._other
        usable = True
        if runs is not None:
            before = time.monotonic()
            usable = runs.start()
            self._lead_s = time.monotonic() - before
        else:
            self._cancelled.wait(self._lead_s)
        if usable and not self._cancelled.wait(self._guard_s):
            self._measure(pair, arm, segment_s)
        if runs is not None:
            usable = runs.stopped(self._stop_tool()) and usable
        return usable and not self._cancelled.is_set()

    def _measure(self, pair: int, arm: str, segment_s: float) -> None:
        start_ns, clock = now_ns(), time.monotonic()
        first = counters(self._interface, self._usage)
        if self._cancelled.wait(segment_s):
            return
        elapsed_ns = int((time.monotonic() - clock) * 1e9)
        last = counters(self._interface, self._usage)
        self._rows.append(
            {
                "segment": len(self._rows) + 1,
                "pair": pair,
                "arm": arm,
                "start_ns": start_ns,
                "end_ns": start_ns + elapsed_ns,
                "elapsed_ns": elapsed_ns,
                "first": first,
                "last": last,
            }
        )
