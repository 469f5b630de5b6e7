"""Which BPF programs a tool's processes hold, and which of them are attached.

From fdinfo of ``bpf-prog`` and ``bpf_link`` descriptors, and BPF_TASK_FD_QUERY for perf_event and raw_tracepoint
descriptors, because BCC and older bpftrace attach by ioctl and leave no link to list. Kernels without that query
(before 4.18) only show what is loaded.
"""

import ctypes
import errno
import os
import platform
import re
import struct
from typing import Dict, Iterable, List, NamedTuple, Optional, Set

_SYSCALL = {"x86_64": 321, "aarch64": 280, "ppc64le": 361, "s390x": 351, "riscv64": 280, "loongarch64": 280}
_PROG_GET_NEXT_ID = 11
_MAP_GET_NEXT_ID = 12
_PROG_GET_FD_BY_ID = 13
_TASK_FD_QUERY = 20
_LINK_GET_NEXT_ID = 31
_ATTR_SIZE = 48
_TRACING_TYPES = {2, 5, 17, 24, 26}  # kprobe, tracepoint, raw_tracepoint, raw_tracepoint_writable, tracing
_INFO = re.compile(r"^(prog_type|prog_id):\s*(\d+)", re.MULTILINE)

Programs = NamedTuple(
    "Programs", [("loaded", Set[int]), ("tracing", Set[int]), ("attached", Set[int]), ("observable", bool)]
)


def _bpf(command: int, attr: bytearray) -> int:
    """bpf(2): its result, or the negative errno."""
    number = _SYSCALL.get(platform.machine())
    if number is None:
        return -errno.ENOSYS
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * len(attr)).from_buffer(attr)
    result = int(libc.syscall(number, command, buffer, ctypes.c_uint(_ATTR_SIZE)))
    return -ctypes.get_errno() if result < 0 else result


def attached_program(pid: int, fd: int) -> int:
    """The id of the program attached through descriptor ``fd`` of ``pid``, or a negative errno."""
    name = ctypes.create_string_buffer(256)
    attr = bytearray(_ATTR_SIZE)
    struct.pack_into("<IIIIQ", attr, 0, pid, fd, 0, len(name), ctypes.addressof(name))
    result = _bpf(_TASK_FD_QUERY, attr)
    return result if result < 0 else int(struct.unpack_from("<I", attr, 24)[0])


def exists(program_id: int) -> bool:
    """Whether the kernel still has a program of that id."""
    attr = bytearray(_ATTR_SIZE)
    struct.pack_into("<I", attr, 0, program_id)
    result = _bpf(_PROG_GET_FD_BY_ID, attr)
    if result >= 0:
        os.close(result)
    return result != -errno.ENOENT


def all_programs() -> Optional[List[int]]:
    """The ids of all programs of the kernel, others' too; ``None`` where it does not tell."""
    return _all_ids(_PROG_GET_NEXT_ID)


def all_maps() -> Optional[List[int]]:
    return _all_ids(_MAP_GET_NEXT_ID)


def all_links() -> Optional[List[int]]:
    """``None`` before Linux 5.8, which has attachments that are links and does not list them."""
    return _all_ids(_LINK_GET_NEXT_ID)


def _all_ids(command: int) -> Optional[List[int]]:
    found: List[int] = []
    last = 0
    while True:
        attr = bytearray(_ATTR_SIZE)
        struct.pack_into("<I", attr, 0, last)
        result = _bpf(command, attr)
        if result < 0:
            return found if result == -errno.ENOENT else None
        last = int(struct.unpack_from("<I", attr, 4)[0])
        found.append(last)


def parse_fdinfo(text: str) -> Dict[str, int]:
    return {key: int(value) for key, value in _INFO.findall(text)}


def programs_of(pids: Iterable[int]) -> Programs:
    """What the processes hold now; a process or descriptor that vanishes meanwhile is passed over."""
    loaded: Set[int] = set()
    tracing: Set[int] = set()
    attached: Set[int] = set()
    observable = True
    for pid in pids:
        try:
            names = os.listdir("/proc/%d/fd" % pid)
        except OSError:
            continue
        for name in names:
            try:
                target = os.readlink("/proc/%d/fd/%s" % (pid, name))
                if not target.startswith("anon_inode:"):
                    continue
                kind = target.split(":", 1)[1].strip("[]")
                if kind in ("bpf-prog", "bpf-link", "bpf_link"):
                    with open("/proc/%d/fdinfo/%s" % (pid, name)) as file:
                        info = parse_fdinfo(file.read())
                    if "prog_id" not in info:
                        continue
                    loaded.add(info["prog_id"])
                    if kind != "bpf-prog":
                        attached.add(info["prog_id"])
                    elif info.get("prog_type") in _TRACING_TYPES:
                        tracing.add(info["prog_id"])
                elif kind in ("perf_event", "bpf-raw-tracepoint", "bpf-raw_tracepoint"):
                    result = attached_program(pid, int(name))
                    if result > 0:
                        loaded.add(result)
                        attached.add(result)
                    elif result in (-errno.EINVAL, -errno.ENOSYS, -errno.EPERM):
                        observable = False
            except OSError:
                continue
    return Programs(loaded, tracing, attached, observable)


def gone(program_ids: Iterable[int]) -> bool:
    return not any(exists(program_id) for program_id in program_ids)
