"""CPU time in user mode: of the machine, of this run's cgroups on it, and of the carriers of its traffic.

The machine's time without the rest is foreign: other people's processes, the controller of a lab. If several nodes
share a kernel, /proc/stat covers all of them, and so do the visible cgroups of this run.
"""

import os
from typing import Any, Dict, List, Optional

from .cgroups import Cgroup, user_usec_of
from .machines import virtual_machines

_USEC_PER_TICK = 1_000_000 // os.sysconf("SC_CLK_TCK")
_CPU_FOLDER = "/sys/devices/system/cpu"
SWITCHES = ("ovs-vswitchd",)


def parse_cpu(text: str) -> List[int]:
    """Ticks over all CPUs: user nice system idle iowait irq softirq steal guest guest_nice (0 where unknown)."""
    fields = [int(field) for field in text.split("\n", 1)[0].split()[1:11]]
    return fields + [0] * (10 - len(fields))


def idle_ticks(ticks: List[int]) -> int:
    """Ticks of idling and waiting for disks. Kernels measure these exactly, but only sample busy times.

    A flow paced by a timer can run between the samples, or at each of them: CPU time is the time that was not idle.
    """
    return ticks[3] + ticks[4]


def online_cpus(text: str) -> int:
    """The number of CPUs in ``/proc/stat``."""
    return sum(line[:3] == "cpu" and line[3:4].isdigit() for line in text.splitlines())


def user_usec(ticks: List[int]) -> int:
    """User and nice time without the guests' time, which the kernel includes in both."""
    user, nice, guest, guest_nice = ticks[0], ticks[1], ticks[8], ticks[9]
    return max(0, user + nice - guest - guest_nice) * _USEC_PER_TICK


def parse_own_user_ticks(text: str) -> int:
    """User time of a process without its guest's, from ``/proc/<pid>/stat``."""
    fields = text.rpartition(")")[2].split()
    guest = int(fields[40]) if len(fields) > 40 else 0
    return max(0, int(fields[11]) - guest)


def userspace_switches() -> List[int]:
    """PIDs of virtual switches that forward in user mode: the tested traffic itself may keep them busy."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and _line("/proc/%s/comm" % name) in SWITCHES:
            found.append(int(name))
    return found


class Usage:
    """Reads CPU times repeatedly; carriers are the virtual machines and switches that ran when it was made."""

    def __init__(self, group: Optional[Cgroup]) -> None:
        self._group = group
        self._carriers = [process["pid"] for process in virtual_machines([])["processes"]] + userspace_switches()

    def read(self) -> Dict[str, Any]:
        """CPU times now. ``own_user_usec`` is by the cgroup's name, without cgroups of unknown user time."""
        with open("/proc/stat") as file:
            ticks = parse_cpu(file.read())
        return {
            "user_usec": user_usec(ticks),
            "own_user_usec": self._own(),
            "carriers_user_usec": sum(map(_user_usec_of_process, self._carriers)),
            "steal_ticks": ticks[7],
        }

    def _own(self) -> Dict[str, int]:
        if self._group is None:
            return {}
        used = {path: user_usec_of(path) for path in self._group.of_the_same_run()}
        return {os.path.basename(path): usec for path, usec in used.items() if usec is not None}


def _user_usec_of_process(pid: int) -> int:
    """User time of a process; 0 if it has ended."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return parse_own_user_ticks(file.read()) * _USEC_PER_TICK
    except OSError:
        return 0


def boot_id() -> Optional[str]:
    """Id of the kernel's boot: nodes with the same one share a machine."""
    return _line("/proc/sys/kernel/random/boot_id")


def frequencies_khz() -> List[int]:
    """The current frequency of each CPU, if known."""
    try:
        names = sorted(name for name in os.listdir(_CPU_FOLDER) if name[:3] == "cpu" and name[3:].isdigit())
    except OSError:
        return []
    found = [_line("%s/%s/cpufreq/scaling_cur_freq" % (_CPU_FOLDER, name)) for name in names]
    return [int(text) for text in found if text and text.isdigit()]


def _line(path: str) -> Optional[str]:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None
