"""Reads a virtual machine from its qemu process: command line, tun descriptors, vhost workers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from probecost.discovery.answers import Machines, VmProcess

_BACKENDS = ("-netdev", "--netdev")
_DEVICES = ("-device", "--device")


@dataclass(frozen=True)
class Nic:
    """A network card of a VM: its MAC address, and its tap by name or by the numbers of descriptors."""

    mac: str
    ifname: str | None = None
    descriptors: tuple[int, ...] = ()


def find_process(machines: Machines, uuid: str) -> list[VmProcess]:
    """The qemu processes of the VM: one if it runs. Wrappers (sudo, a shell) do not count.

    A process counts if it is a qemu and has ``-uuid`` with exactly this UUID in its command line.
    """
    found = [process for process in machines.processes if process.uuid.lower() == uuid.lower() and _is_qemu(process)]
    parents = {process.ppid for process in found}
    return [process for process in found if process.pid not in parents]


def running(machines: Machines) -> tuple[str, ...]:
    """UUIDs of the running VMs, in lower case."""
    return tuple(sorted({process.uuid.lower() for process in machines.processes if _is_qemu(process)}))


def _is_qemu(process: VmProcess) -> bool:
    names = [PurePath(path).name for path in (process.exe, *process.argv[:1]) if path]
    return any("qemu" in name or "kvm" in name for name in names)


def vhost_workers(process: VmProcess, machines: Machines) -> tuple[int, ...]:
    """Workers of the VM, in order: kernel threads (up to Linux 6.3, and again by choice) and threads of qemu.

    Both have the name ``vhost-<pid of qemu>``.
    """
    name = f"vhost-{process.pid}"
    everyone = [*machines.kernel_threads.items(), *process.threads.items()]
    return tuple(sorted({number for number, comm in everyone if comm == name}))


def tap_of(process: VmProcess, mac: str) -> str | None:
    """The tap of the network card with ``mac``, by its descriptors' current name; ``None`` if qemu does not show it.

    The command line lacks cards that were plugged in later, and cards whose address qemu chose itself.
    """
    nic = next((nic for nic in nics(process.argv) if nic.mac == mac.lower()), None)
    taps = set(process.tuns.values())
    if nic is None:
        return None
    own = {process.tuns[number] for number in nic.descriptors if number in process.tuns}
    if len(own) == 1:
        return own.pop()
    if nic.ifname in taps or not taps:
        return nic.ifname
    return taps.pop() if len(taps) == 1 else None  # renamed since


def nics(argv: Iterable[str]) -> tuple[Nic, ...]:
    """Network cards with a MAC address in qemu's command line, both as ``key=value`` lists and as JSON."""
    words = list(argv)
    backends: dict[str, Mapping[str, Any]] = {}
    devices: list[Mapping[str, Any]] = []
    for option, value in itertools.pairwise(words):
        if option in _BACKENDS:
            backend = _properties(value, "type")
            backends[str(backend.get("id"))] = backend
        elif option in _DEVICES:
            devices.append(_properties(value, "driver"))
        elif option in ("-nic", "--nic"):
            devices.append({**_properties(value, "type"), "netdev": value})
            backends[value] = devices[-1]
    return tuple(_nics(devices, backends))


def _nics(devices: Iterable[Mapping[str, Any]], backends: Mapping[str, Mapping[str, Any]]) -> Iterator[Nic]:
    for device in devices:
        mac, backend = device.get("mac"), backends.get(str(device.get("netdev")))
        if mac and backend is not None and backend.get("type") == "tap":
            numbers = str(backend.get("fds") or backend.get("fd") or "").split(":")
            ifname = backend.get("ifname")
            yield Nic(
                str(mac).lower(),
                str(ifname) if ifname else None,
                tuple(int(number) for number in numbers if number.isdecimal()),
            )


def _properties(text: str, first: str) -> Mapping[str, Any]:
    """``tap,id=net0,fd=25`` or its JSON as a mapping; ``first`` is the key of a first value without a key."""
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    found = {}
    for number, item in enumerate(text.replace(",,", "\0").split(",")):
        key, equals, value = item.replace("\0", ",").partition("=")
        if equals:
            found[key] = value
        elif number == 0:
            found[first] = key
    return found
