"""Interface of a tool to the kernel, by bpf(2) and perf_event_open(2): a map, a program, a tracepoint.

Every failure is a ``KernelError`` whose text names the request and the remedy.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import re
import resource
import struct
from dataclasses import dataclass
from pathlib import Path

_NUMBERS = {  # bpf(2), perf_event_open(2); little-endian machines, as the assembler's
    "x86_64": (321, 298),
    "aarch64": (280, 241),
    "riscv64": (280, 241),
    "loongarch64": (280, 241),
    "ppc64le": (361, 319),
}
_MAP_CREATE, _MAP_LOOKUP, _PROG_LOAD, _OBJ_PIN, _PROG_ATTACH, _ENABLE_STATS = 0, 1, 5, 6, 8, 32
_PERCPU_ARRAY = 6
#: Types of programs, by their numbers in include/uapi/linux/bpf.h.
TRAFFIC_CONTROL, TRACEPOINT, XDP, CGROUP_SOCKET_BUFFER = 3, 5, 6, 8
_CGROUP_INGRESS, _ALLOW_MULTIPLE = 0, 2
_ATTR_SIZE = 128
_PERF_TYPE_TRACEPOINT, _PERF_ATTR_SIZE, _PERF_CLOSE_ON_EXEC = 2, 64, 8
_PERF_SET_BPF, _PERF_ENABLE = 0x40042408, 0x2400
_LOG_BYTES = 1 << 20
TRACEFS = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
_DATA_LOCATION = re.compile(r"field:__data_loc char\[\] (\w+);\s*offset:(\d+);")
_libc = ctypes.CDLL(None, use_errno=True)


class KernelError(Exception):
    """The kernel refuses a request."""


@dataclass(frozen=True)
class Tracepoint:
    """A tracepoint: its ``id``, and the offset in its record of each text field's location, in bytes."""

    name: str
    id: int
    texts: dict[str, int]


def tracepoint(name: str, places: tuple[Path, ...] = TRACEFS) -> Tracepoint:
    """The tracepoint ``category:event``, read from tracefs."""
    category, _, event = name.partition(":")
    roots = [place for place in places if os.access(place / "events", os.X_OK)]
    if not roots:
        tried = " and ".join(map(str, places))
        raise KernelError(f"no tracefs at {tried}: mount -t tracefs none {places[0]}; reading it needs root")
    folder = roots[0] / "events" / category / event
    try:
        number = int((folder / "id").read_text())
        texts = dict(_DATA_LOCATION.findall((folder / "format").read_text()))
    except FileNotFoundError:
        raise KernelError(f"this kernel has no tracepoint {name}: there is no {folder}") from None
    except OSError as error:
        raise KernelError(f"tracepoint {name}: {folder} cannot be read: {error.strerror}") from None
    return Tracepoint(name, number, {field: int(offset) for field, offset in texts.items()})


class PerCpuCounters:
    """A map with ``count`` 64-bit numbers for each CPU, initially 0."""

    def __init__(self, count: int) -> None:
        self._count = count
        _unlock_memory()
        attr = struct.pack("<IIII", _PERCPU_ARRAY, 4, 8 * count, 1)
        self.descriptor = _bpf(_MAP_CREATE, attr, "a map")

    def sums(self) -> tuple[int, ...]:
        """Each number, summed over all CPUs."""
        cpus = _highest(Path("/sys/devices/system/cpu/possible").read_text()) + 1
        values = (ctypes.c_uint64 * (self._count * cpus))()
        key = ctypes.c_uint32(0)
        attr = struct.pack("<IIQQ", self.descriptor, 0, ctypes.addressof(key), ctypes.addressof(values))
        _bpf(_MAP_LOOKUP, attr, "the counters")
        return tuple(sum(values[index :: self._count]) for index in range(self._count))


@dataclass(frozen=True)
class LoadedProgram:
    """A program that passed the kernel's verifier."""

    descriptor: int

    def statistics(self) -> tuple[int, int]:
        """Runs and nanoseconds that the kernel counted while its statistics were on."""
        text = Path(f"/proc/self/fdinfo/{self.descriptor}").read_text()
        found = dict(re.findall(r"^(run_cnt|run_time_ns):\s*(\d+)", text, re.MULTILINE))
        return int(found.get("run_cnt", 0)), int(found.get("run_time_ns", 0))


def load_program(name: str, code: bytes, kind: int = TRACEPOINT) -> LoadedProgram:
    """Load ``code``. Refused programs are loaded again for the verifier's own words."""
    instructions, terms = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(_LOG_BYTES)

    def attempt(log_level: int) -> int:
        attr = struct.pack(
            "<IIQQIIQII16s",
            kind,
            len(code) // 8,
            ctypes.addressof(instructions),
            ctypes.addressof(terms),
            log_level,
            _LOG_BYTES if log_level else 0,
            ctypes.addressof(log) if log_level else 0,
            0,
            0,
            name.encode(),
        )
        return _bpf(_PROG_LOAD, attr, "the program")

    try:
        return LoadedProgram(attempt(0))
    except KernelError:
        try:
            return LoadedProgram(attempt(1))
        except KernelError as error:
            said = log.value.decode("utf-8", "replace").strip().splitlines()[-6:]
            raise KernelError("\n".join([str(error), *said])) from None


def pin(program: LoadedProgram, path: Path) -> None:
    """Give ``program`` a name in a BPF file system: it lives as long as that."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    _bpf(_OBJ_PIN, struct.pack("<QII", ctypes.addressof(name), program.descriptor, 0), f"the pin {path}")


def attach_to_cgroup(program: LoadedProgram, folder: Path) -> None:
    """Run ``program`` for every packet that a process of the cgroup receives, until it is detached."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        attr = struct.pack("<IIII", descriptor, program.descriptor, _CGROUP_INGRESS, _ALLOW_MULTIPLE)
        _bpf(_PROG_ATTACH, attr, f"a program at {folder}")
    finally:
        os.close(descriptor)


def attach(program: LoadedProgram, point: Tracepoint) -> int:
    """Run ``program`` at ``point`` on every CPU until the returned descriptor is closed.

    One perf event is enough: the kernel runs the programs of a tracepoint on every CPU.
    """
    cpu = int(re.split("[-,]", Path("/sys/devices/system/cpu/online").read_text())[0])
    attr = struct.pack("<IIQ", _PERF_TYPE_TRACEPOINT, _PERF_ATTR_SIZE, point.id).ljust(_PERF_ATTR_SIZE, b"\0")
    buffer = ctypes.create_string_buffer(attr, len(attr))
    number = _numbers()[1]
    event = _libc.syscall(number, buffer, -1, cpu, -1, ctypes.c_ulong(_PERF_CLOSE_ON_EXEC))
    if event < 0:
        raise _refused(f"the tracepoint {point.name}")
    for request, value in ((_PERF_SET_BPF, program.descriptor), (_PERF_ENABLE, 0)):
        if _libc.ioctl(event, ctypes.c_ulong(request), value) < 0:
            raise _refused(f"the program at {point.name}")
    return int(event)


def received_packets(interface: str, file: Path = Path("/proc/net/dev")) -> int:
    """Packets received so far by ``interface`` of this network namespace, by all its interfaces if empty."""
    rows = (line.split(":", 1) for line in file.read_text().splitlines()[2:])
    counts = {name.strip(): int(numbers.split()[1]) for name, numbers in rows}
    if interface and interface not in counts:
        raise KernelError(f"there is no interface {interface}, only {', '.join(counts)}")
    return counts[interface] if interface else sum(counts.values())


def enable_statistics() -> int:
    """Let the kernel count the runs and time of all programs until the returned descriptor is closed (Linux 5.8)."""
    return _bpf(_ENABLE_STATS, struct.pack("<I", 0), "run-time statistics")


def _unlock_memory() -> None:
    """Lift the limit of locked memory, if allowed: kernels before 5.11 count maps in it."""
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _bpf(command: int, attr: bytes, what: str) -> int:
    buffer = ctypes.create_string_buffer(attr.ljust(_ATTR_SIZE, b"\0"), _ATTR_SIZE)
    result = int(_libc.syscall(_numbers()[0], command, buffer, ctypes.c_uint(len(attr))))
    if result < 0:
        raise _refused(what)
    return result


def _numbers() -> tuple[int, int]:
    machine = platform.machine()
    if machine not in _NUMBERS:
        raise KernelError(f"this tool does not know the system calls of {machine}: it runs on {', '.join(_NUMBERS)}")
    return _NUMBERS[machine]


def _refused(what: str) -> KernelError:
    number = ctypes.get_errno()
    hint = ": run it as root" if number in (errno.EPERM, errno.EACCES) and os.geteuid() != 0 else ""
    return KernelError(f"the kernel refuses {what}: {os.strerror(number)}{hint}")


def _highest(cpu_list: str) -> int:
    """The last CPU of a list like ``0-3,8``."""
    return int(re.split("[-,]", cpu_list.strip())[-1])
