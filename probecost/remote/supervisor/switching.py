"""One running flow, the tool switched on and off inside it: what this node's counters say at both ends of a segment.

Segments come in pairs, one of each arm, in the order that the controller's coin decided. The tool is started before
each of its segments and stopped after it; before a segment without it, nothing is done for as long as its start takes.
Both arms then wait for the guard, so that neither attaching nor detaching is in a segment. As many pairs are made as
fit into the flow.
"""

import threading
import time
from typing import Any, Callable, Dict, List, Optional

from .files import Files
from .processes import now_ns
from .sampling import parse_net_dev, parse_snmp, read_proc
from .tool import Tool
from .usage import Usage, parse_cpu

TOOL = "tool"
WARM_UP_S = 0.3
COUNTERS = (
    "rx_packets",
    "rx_bytes",
    "tx_packets",
    "tx_bytes",
    "udp_in_datagrams",
    "udp_rcvbuf_errors",
    "cpu_busy_ticks",
    "cpu_ticks",
    "rx_dropped",
    "user_usec",
    "machines_user_usec",
    "own_user_usec",
    "own_groups",
    "steal_ticks",
)
COLUMNS = ("segment", "pair", "arm", "start_ns", "end_ns", "elapsed_ns")


def counters(interface: str, usage: Usage) -> Dict[str, Optional[int]]:
    """The node's counters now: packets and bytes of ``interface``, UDP datagrams, CPU time in ticks over all CPUs.

    Then user time, in total and of what is not foreign; that of our cgroups is ``None`` where it is not told.
    """
    device = parse_net_dev(read_proc("/proc/net/dev"))[interface]
    udp = parse_snmp(read_proc("/proc/net/snmp"), "Udp")
    ticks = parse_cpu(read_proc("/proc/stat"))[:8]  # the guests' time is in user's and nice's already
    used = usage.read()
    own = used["own_user_usec"]
    return {
        "rx_packets": device["rx_packets"],
        "rx_bytes": device["rx_bytes"],
        "tx_packets": device["tx_packets"],
        "tx_bytes": device["tx_bytes"],
        "udp_in_datagrams": udp["InDatagrams"],
        "udp_rcvbuf_errors": udp.get("RcvbufErrors", 0),
        "cpu_busy_ticks": sum(ticks) - ticks[3] - ticks[4],
        "cpu_ticks": sum(ticks),
        "rx_dropped": device["rx_dropped"],
        "user_usec": used["user_usec"],
        "machines_user_usec": used["machines_user_usec"],
        "own_user_usec": sum(own.values()) if own else None,
        "own_groups": len(own),
        "steal_ticks": ticks[7],
    }


class Switching:
    """``start`` starts the tool for the n-th time, ``stop`` stops it; both belong to the service, as the tool does.

    ``start`` is also told how many programs the tool had loaded and attached the last time.

    ``lead_s``: what a start takes, until there was one. ``done`` is set by whoever runs it, when nothing of it runs any
    more.
    """

    def __init__(
        self,
        start: Callable[[int, Optional[List[int]]], Tool],
        stop: Callable[[], Dict[str, Any]],
        interface: str,
        usage: Usage,
        guard_s: float,
        lead_s: float,
    ) -> None:
        self._start_tool = start
        self._stop_tool = stop
        self._interface = interface
        self._usage = usage
        self._guard_s = guard_s
        self._lead_s = lead_s
        self._cancelled = threading.Event()
        self.done = threading.Event()
        self._seen: Optional[List[int]] = None
        self._rows: List[Dict[str, Any]] = []
        self._starts: List[Dict[str, Any]] = []
        self._stops: List[Dict[str, Any]] = []

    def cancel(self) -> None:
        """End it from another thread, with the tool that it runs; returns when it is done."""
        self._cancelled.set()
        while not self.done.wait(0.1):
            self._stop_tool()

    def run(self, pairs: List[List[str]], segment_s: float, flow_s: float) -> Dict[str, Any]:
        """Make the pairs until they are all made, or the next would not end within ``flow_s`` seconds from now.

        ``starts`` and ``stops`` say how the tool did each time. A start that failed or a tool that died ends it: the
        last entry says why.
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
            "starts": self._starts,
            "stops": self._stops,
            "cancelled": self._cancelled.is_set(),
        }

    def write(self, files: Files, path: str) -> None:
        """``segments.csv``: a row per segment, each counter at both ends; empty where it is not known."""
        names = [counter + end for counter in COUNTERS for end in ("_start", "_end")]
        lines = [",".join(list(COLUMNS) + names)]
        for row in self._rows:
            cells = [row[name] for name in COLUMNS]
            for counter in COUNTERS:
                cells += [row["first"][counter], row["last"][counter]]
            lines.append(",".join("" if cell is None else str(cell) for cell in cells))
        files.write(path, ("\n".join(lines) + "\n").encode())

    def _segment(self, pair: int, arm: str, segment_s: float) -> bool:
        """One segment; whether there may be another."""
        if self._cancelled.is_set():
            return False
        tool: Optional[Tool] = None
        if arm == TOOL:
            before = time.monotonic()
            tool = self._start_tool(len(self._starts) + 1, self._seen)
            started = tool.await_ready()
            self._starts.append(started)
            if started["outcome"] == "ready":
                self._seen = [started["programs_loaded"], started["programs_attached"]]
            self._lead_s = time.monotonic() - before
        else:
            self._cancelled.wait(self._lead_s)
        usable = tool is None or self._starts[-1]["outcome"] in ("ready", "partial")
        if usable and not self._cancelled.wait(self._guard_s):
            self._measure(pair, arm, segment_s)
        if tool is not None:
            self._stops.append(self._stop_tool())
            usable = usable and self._stops[-1]["alive"] and self._stops[-1]["programs_gone"]
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
