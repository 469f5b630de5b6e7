"""bpf(2): programs, links and maps of the kernel, where they are attached, and how they are detached.

Everything degrades: a kernel that lacks a command answers with an errno, and the functions with nothing.
"""

import contextlib
import ctypes
import errno
import os
import platform
import re
import struct
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional

_SYSCALL = {"x86_64": 321, "aarch64": 280, "ppc64le": 361, "s390x": 351, "riscv64": 280, "loongarch64": 280}
_OBJ_GET, _PROG_DETACH = 7, 9
_PROG_GET_NEXT_ID, _MAP_GET_NEXT_ID, _LINK_GET_NEXT_ID = 11, 12, 31
_PROG_GET_FD_BY_ID, _MAP_GET_FD_BY_ID, _LINK_GET_FD_BY_ID = 13, 14, 30
_OBJ_INFO, _PROG_QUERY, _TASK_FD_QUERY, _LINK_DETACH = 15, 16, 20, 34
_ATTR_SIZE, _INFO_SIZE, _MOST_QUERIED = 64, 256, 64
_PROGRAM_INFO = re.compile(r"^(prog_type|prog_id):\s*(\d+)", re.MULTILINE)
_OBJECT_INFO = re.compile(r"^(prog_id|map_id|link_id):\s*(\d+)", re.MULTILINE)
_PROGRAM_TYPES = (
    "unspec socket_filter kprobe sched_cls sched_act tracepoint xdp perf_event cgroup_skb cgroup_sock lwt_in lwt_out "
    "lwt_xmit sock_ops sk_skb cgroup_device sk_msg raw_tracepoint cgroup_sock_addr lwt_seg6local lirc_mode2 "
    "sk_reuseport flow_dissector cgroup_sysctl raw_tracepoint_writable cgroup_sockopt tracing struct_ops ext lsm "
    "sk_lookup syscall netfilter"
)
_MAP_TYPES = (
    "unspec hash array prog_array perf_event_array percpu_hash percpu_array stack_trace cgroup_array lru_hash "
    "lru_percpu_hash lpm_trie array_of_maps hash_of_maps devmap sockmap cpumap xskmap sockhash cgroup_storage "
    "reuseport_sockarray percpu_cgroup_storage queue stack sk_storage devmap_hash struct_ops ringbuf inode_storage "
    "task_storage bloom_filter user_ringbuf cgrp_storage arena"
)
_LINK_TYPES = (
    "unspec raw_tracepoint tracing cgroup iter netns xdp perf_event kprobe_multi struct_ops netfilter tcx uprobe_multi "
    "netkit sockmap"
)

Program = NamedTuple("Program", [("id", int), ("type", str), ("name", str), ("tag", str)])
Link = NamedTuple("Link", [("id", int), ("type", str), ("program", int)])
#: An object that is pinned: ``kind`` is program, link or map; ``program`` that of a program or link, else 0.
Pinned = NamedTuple("Pinned", [("kind", str), ("id", int), ("program", int)])


def _bpf(command: int, attr: bytearray) -> int:
    """bpf(2): its result, or the negative errno."""
    number = _SYSCALL.get(platform.machine())
    if number is None:
        return -errno.ENOSYS
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * len(attr)).from_buffer(attr)
    result = int(libc.syscall(number, command, buffer, ctypes.c_uint(len(attr))))
    return -ctypes.get_errno() if result < 0 else result


def _checked(command: int, layout: str, *values: int) -> int:
    """The result of a command; ``OSError`` where it fails."""
    attr = bytearray(_ATTR_SIZE)
    struct.pack_into(layout, attr, 0, *values)
    result = _bpf(command, attr)
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


@contextlib.contextmanager
def _held(command: int, number: int) -> Iterator[int]:
    """A descriptor of an object, which lives at least as long: hold it briefly."""
    descriptor = _checked(command, "<I", number)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _info(command: int, number: int) -> bytes:
    """What the kernel reports about an object; ``OSError``: it has gone, or the kernel is too old."""
    data = ctypes.create_string_buffer(_INFO_SIZE)
    with _held(command, number) as descriptor:
        _checked(_OBJ_INFO, "<IIQ", descriptor, _INFO_SIZE, ctypes.addressof(data))
    return data.raw


def _name(names: str, number: int) -> str:
    known = names.split()
    return known[number] if number < len(known) else "type %d" % number


def program(number: int) -> Optional[Program]:
    """``None``: it has gone."""
    try:
        data = _info(_PROG_GET_FD_BY_ID, number)
    except OSError:
        return None
    (kind,) = struct.unpack_from("<I", data)
    name = data[64:80].split(b"\0")[0].decode("utf-8", "replace")
    return Program(number, _name(_PROGRAM_TYPES, kind), name, data[8:16].hex())


def link(number: int) -> Optional[Link]:
    """``None``: it has gone."""
    try:
        kind, _, of = struct.unpack_from("<III", _info(_LINK_GET_FD_BY_ID, number))
    except OSError:
        return None
    return Link(number, _name(_LINK_TYPES, kind), of)


def map_words(number: int) -> str:
    """Name and type of a map; empty: it has gone."""
    try:
        data = _info(_MAP_GET_FD_BY_ID, number)
    except OSError:
        return ""
    name = data[24:40].split(b"\0")[0].decode("utf-8", "replace")
    return ("%s (%s)" % (name, _name(_MAP_TYPES, struct.unpack_from("<I", data)[0]))).lstrip()


def attached_program(pid: int, fd: int) -> int:
    """The id of the program attached through descriptor ``fd`` of ``pid``, or a negative errno."""
    name = ctypes.create_string_buffer(256)
    attr = bytearray(_ATTR_SIZE)
    struct.pack_into("<IIIIQ", attr, 0, pid, fd, 0, len(name), ctypes.addressof(name))
    result = _bpf(_TASK_FD_QUERY, attr)
    return result if result < 0 else int(struct.unpack_from("<I", attr, 24)[0])


def attached_to(target: int, attach_type: int) -> List[int]:
    """Ids of the programs at a hook of an interface (by index) or a cgroup (by descriptor)."""
    found = (ctypes.c_uint32 * _MOST_QUERIED)()
    attr = bytearray(_ATTR_SIZE)
    struct.pack_into("<IIIIQI", attr, 0, target, attach_type, 0, 0, ctypes.addressof(found), _MOST_QUERIED)
    if _bpf(_PROG_QUERY, attr) < 0:
        return []
    return list(found[: min(_MOST_QUERIED, struct.unpack_from("<I", attr, 24)[0])])


def pinned(path: str) -> Optional[Pinned]:
    """The object that is pinned there; ``None`` for everything else."""
    text = ctypes.create_string_buffer(path.encode("utf-8", "surrogateescape"))
    try:
        descriptor = _checked(_OBJ_GET, "<QII", ctypes.addressof(text), 0, 0)
    except OSError:
        return None
    try:
        with open("/proc/self/fdinfo/%d" % descriptor) as file:
            info = {key: int(value) for key, value in _OBJECT_INFO.findall(file.read())}
    finally:
        os.close(descriptor)
    for kind, key in (("link", "link_id"), ("map", "map_id"), ("program", "prog_id")):
        if key in info:
            return Pinned(kind, info[key], info.get("prog_id", 0))
    return Pinned("object", 0, 0)


def detach(target: int, attach_type: int, number: int) -> None:
    """Take a program from a hook of an interface (by index) or a cgroup (by descriptor). ``OSError``."""
    with _held(_PROG_GET_FD_BY_ID, number) as descriptor:
        _checked(_PROG_DETACH, "<III", target, descriptor, attach_type)


def detach_link(number: int) -> None:
    """``OSError``: it has gone, or is of a kind that ends only with its last holder."""
    with _held(_LINK_GET_FD_BY_ID, number) as descriptor:
        _checked(_LINK_DETACH, "<I", descriptor)


def exists(program_id: int) -> bool:
    """Whether the kernel still has a program of that id."""
    attr = bytearray(_ATTR_SIZE)
    struct.pack_into("<I", attr, 0, program_id)
    result = _bpf(_PROG_GET_FD_BY_ID, attr)
    if result >= 0:
        os.close(result)
    return result != -errno.ENOENT


def gone(program_ids: Iterable[int]) -> bool:
    return not any(exists(program_id) for program_id in program_ids)


def all_programs() -> Optional[List[int]]:
    """The ids of all programs of the kernel, whoever loaded them; ``None`` where it does not list them."""
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
    return {key: int(value) for key, value in _PROGRAM_INFO.findall(text)}


class Known:
    """Programs by id, each asked for once: an id is never given twice while a program of it lives."""

    def __init__(self) -> None:
        self._programs: Dict[int, Program] = {}

    def all(self) -> Dict[int, Program]:
        """All programs of the kernel now."""
        now = all_programs() or []
        for number in now:
            if number not in self._programs:
                found = program(number)
                if found is not None:
                    self._programs[number] = found
        self._programs = {number: self._programs[number] for number in now if number in self._programs}
        return self._programs
