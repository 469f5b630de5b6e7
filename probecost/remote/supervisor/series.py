"""Records this node's counters at equal intervals during a flow: the noise of the bed without any tool."""

import math
import threading
import time
from typing import Any, Dict, List

from .switching import counters
from .usage import Usage

NAMES = ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "udp_in_datagrams", "cpu_idle_ticks", "cpus")


class Series:
    """A series of readings by ``run``; ``cancel`` ends it from another thread."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage
        self._cancelled = threading.Event()

    def run(self, interface: str, interval_s: float, duration_s: float) -> List[List[int]]:
        """Rows of ns since the first row, then the counters of ``NAMES``, every ``interval_s`` seconds.

        After a late reading, missed ones are left out: made up in a hurry, they would have intervals of almost 0.
        """
        rows: List[List[int]] = []
        steps = 0
        began = time.monotonic()
        while True:
            now_s = time.monotonic() - began
            now: Dict[str, Any] = counters(interface, self._usage)
            rows.append([int(now_s * 1e9)] + [now[name] for name in NAMES])
            late = math.ceil((time.monotonic() - began) / interval_s - 0.5)
            steps = max(steps + 1, late)
            due_s = steps * interval_s
            if due_s > duration_s or self._cancelled.wait(max(0.0, began + due_s - time.monotonic())):
                return rows

    def cancel(self) -> None:
        self._cancelled.set()
