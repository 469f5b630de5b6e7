"""Keeps this node's CPUs out of sleep states during a measurement.

Waking a sleeping CPU takes longer than most round trips. A busy tool keeps CPUs awake, and so seems to make an idle
network faster; at an operator's load CPUs do not sleep anyway. It uses the kernel's latency request of 0 us (PM QoS),
which holds as long as the file is open and ends with any end of this process.
"""

import os
import struct
from typing import Optional

DEVICE = "/dev/cpu_dma_latency"


class Awake:
    """The latency request. ``hold`` and ``release`` are idempotent, and do nothing if unwanted or impossible."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._descriptor: Optional[int] = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def hold(self) -> None:
        if not self._wanted or self._descriptor is not None:
            return
        try:
            descriptor = os.open(DEVICE, os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            os.write(descriptor, struct.pack("i", 0))
        except OSError:
            os.close(descriptor)
            return
        self._descriptor = descriptor

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
