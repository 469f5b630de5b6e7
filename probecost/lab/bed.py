"""Brings a lab up and takes it down, as root. Both may be interrupted anywhere; each cleans up after the other.

The order of steps makes that work: the state is recorded before anything that it describes exists, a first process is
recorded before it may live on alone, links vanish with their hosts, and all mounts of a host are in its own mount
namespace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from probecost.lab import environment, publish, render, state
from probecost.lab.addresses import HOST_NAMES, LabAddresses, addresses_of, choose_index
from probecost.lab.errors import LabError
from probecost.lab.hosts import (
    Starting,
    answers_as_ssh,
    machine_links,
    machine_networks,
    remove_links,
    run_ip,
    unrecorded_first_processes,
    wait_for_ssh,
)
from probecost.lab.keys import make_keys
from probecost.lab.places import Place
from probecost.lab.process import ProcessId, kill
from probecost.lab.requirements import Programs, check_kernel, check_tun, find_guest_programs, find_programs
from probecost.lab.state import LabState
from probecost.lab.vm import guest as guests
from probecost.lab.vm.built import BuiltHost
from probecost.lab.vm.image import Image, prepare
from probecost.lab.vm.spec import built_host, machine_network, with_guest
from probecost.lab.waiting import Deadline, wait_until

UP_S = 30.0
GUESTS_UP_S = 240.0
LOCK_S = 300.0
END_S = 10.0
HEALTHY_S = 3.0
GUEST_HEALTHY_S = 10.0
GUEST_GREETING_S = 10.0
#: The folder from which Python imports this package, and, in a clone, the project's.
ROOT = Path(__file__).resolve().parents[2]
IMAGE_CACHE = (ROOT / ".cache" if (ROOT / "pyproject.toml").is_file() else Path("/var/cache/probecost")) / "lab-vm"


@dataclass(frozen=True)
class Up:
    """A running lab. ``hold`` is a descriptor with the use lock, which keeps the lab from vanishing."""

    addresses: LabAddresses
    how: Literal["brought up", "was up", "repaired"]
    hold: int | None


@dataclass(frozen=True)
class Equipment:
    """Parts of guests: QEMU, and its image."""

    qemu: str
    image: Image

    @classmethod
    def of_this_machine(cls) -> Equipment:
        """Find everything that guests need, and make their image unless it is in the cache."""
        check_tun()
        found = find_guest_programs()
        image = prepare(IMAGE_CACHE, {name: found[name] for name in guests.PROGRAMS})
        return cls(found["qemu-system-x86_64"], image)


def bring_up(place: Place, *, kept: bool) -> Up:
    """Bring the lab up unless it is up and well. A ``kept`` lab stays; any other has a guard and comes with a hold."""
    check_kernel()
    programs = find_programs()
    equipment = Equipment.of_this_machine() if place.has_guests else None
    with state.working_on(place, Deadline.after(LOCK_S)):
        was_there = place.state_dir.exists()
        recorded = state.load(place)
        if recorded is not None and trouble(place, recorded) is None:
            hold = None if kept else _hold(place)
            _adopt(place, recorded, kept=kept)
            return Up(addresses_of(recorded.index, guests=place.has_guests), "was up", hold)
        _remove(place, programs)
        try:
            return replace(_build(place, programs, equipment, kept=kept), how="repaired" if was_there else "brought up")
        except BaseException:
            with suppress(LabError, OSError):
                _remove(place, programs)
            raise


def take_down(place: Place) -> bool:
    """Remove everything of the lab; ``False`` if there was nothing. It may be repeated, and run after a crash."""
    check_kernel()
    with state.working_on(place, Deadline.after(LOCK_S)):
        return _remove(place, find_programs())


def take_down_if_unused(place: Place) -> bool:
    """For the guard, which holds the use lock exclusively: ``False`` if another program is working on it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(state.working_on(place, Deadline.after(0.0)))
        except LabError:
            return False
        recorded = state.load(place)
        if recorded is not None and not recorded.kept:
            _remove(place, find_programs())
    return True


def trouble(place: Place, recorded: LabState) -> str | None:
    """The trouble of a lab that should be up, ``None`` if there is none."""
    if not recorded.complete:
        return "it was not brought up to the end"
    addresses = addresses_of(recorded.index, guests=place.has_guests)
    for host in addresses.hosts:
        first = recorded.hosts.get(host.name)
        if first is None or not first.alive:
            return f"{host.name} has ended"
        address = host.management_ip
        if not wait_until(partial(answers_as_ssh, address), Deadline.after(HEALTHY_S)):
            return f"{host.name} does not answer at {address}"
    for guest in addresses.guests:
        answers = partial(answers_as_ssh, guest.management_ip, GUEST_GREETING_S)
        if not wait_until(answers, Deadline.after(GUEST_HEALTHY_S)):
            return f"{guest.name} does not answer at {guest.management_ip}"
    for path in (place.identity(), place.known_hosts(), place.ssh_config(), place.minimal_input()):
        if not path.is_file():
            return f"{path} is missing"
    wanted = environment.minimal_input(place.name, addresses, place.instance)
    if place.minimal_input().read_text(encoding="utf-8") != wanted:
        return f"{place.minimal_input()} describes another lab"
    return None


def _hold(place: Place) -> int:
    """Take the use lock. A guard that holds it gives it back, because it cannot get the work lock as well."""
    handle = state.open_in_use(place)
    if not wait_until(lambda: state.try_lock(handle, exclusive=False), Deadline.after(END_S)):
        os.close(handle)
        raise LabError(f"cannot lock {place.in_use_file}")
    return handle


def _adopt(place: Place, recorded: LabState, *, kept: bool) -> None:
    """Turn a running lab into a kept one, or start its missing guard."""
    if kept and not recorded.kept:
        state.save(place, replace(recorded, kept=True))
    elif not recorded.kept and (recorded.guard is None or not recorded.guard.alive):
        state.save(place, replace(recorded, guard=_start_guard(place)))


def _build(place: Place, programs: Programs, equipment: Equipment | None, *, kept: bool) -> Up:
    deadline = Deadline.after(GUESTS_UP_S if equipment else UP_S)
    recorded = _begin(place, programs, kept=kept)
    addresses = addresses_of(recorded.index, guests=place.has_guests)
    hold = None
    if not kept:
        hold = _hold(place)
        recorded = replace(recorded, guard=_start_guard(place))
        state.save(place, recorded)
    names = [node.name for node in addresses.nodes]
    keys, login = make_keys(programs, names, place.identity(), place.state_dir)
    accounts = _machine_accounts()
    with ExitStack() as stack:
        starting: list[Starting] = []
        for host in addresses.hosts:
            stage = place.stage_dir(host.name)
            stage.mkdir()
            spec = render.host_spec(
                host,
                addresses,
                instance=place.instance,
                stage=stage,
                accounts=accounts,
                keys=keys,
                sshd=programs.sshd,
                openssh_version=programs.openssh_version,
            )
            if equipment:
                spec = with_guest(
                    spec,
                    host,
                    addresses,
                    instance=place.instance,
                    keys=keys,
                    image=equipment.image,
                    qemu=equipment.qemu,
                    openssh_version=programs.openssh_version,
                )
            started = Starting.launch(spec, place.log_file(host.name), programs, deadline)
            stack.callback(started.close)
            starting.append(started)
            recorded = replace(recorded, hosts={**recorded.hosts, host.name: started.first})
            state.save(place, recorded)
        pids = {one.name: one.first.pid for one in starting}
        run_ip(programs, render.machine_network(addresses, pids))
        if equipment:
            run_ip(programs, machine_network(addresses, pids))
        for one in starting:
            one.order("network")
        owner = publish.Owner.calling()
        publish.make_folder(place.folder, owner)
        files = (
            (place.identity(), login.private, 0o600),
            (place.known_hosts(), environment.known_hosts(addresses, keys), 0o644),
            (place.ssh_config(), environment.ssh_config(addresses, place.identity(), place.known_hosts()), 0o644),
            (place.minimal_input(), environment.minimal_input(place.name, addresses, place.instance), 0o644),
        )
        for path, text, mode in files:
            publish.write_if_changed(path, text, owner, mode)
        for one in starting:
            one.expect("mounted", deadline)
            one.expect("started", deadline)
        for one, host in zip(starting, addresses.hosts, strict=True):
            wait_for_ssh(one.name, host.management_ip, one.log_file, deadline)
        for guest in addresses.guests:
            root = Path(f"/proc/{pids[guest.host]}/root")
            console = root / guests.console_file(guest).lstrip("/")
            wait_for_ssh(guest.name, guest.management_ip, console, deadline, GUEST_GREETING_S)
        built = _built(addresses, place.instance, pids)
        state.save(place, replace(recorded, built=built, complete=True))  # before a host lives on without this process
        for one in starting:
            one.order("go")
            one.expect("ready", deadline)
    return Up(addresses, "brought up", hold)


def _begin(place: Place, programs: Programs, *, kept: bool) -> LabState:
    """The record of a new lab, with an index that no other lab has."""
    with state.working(place.state_root, Deadline.after(LOCK_S)):
        taken = state.indices_taken(place)
        index = choose_index(place.instance, taken, machine_networks(programs), machine_links(programs))
        place.state_dir.mkdir(mode=0o755)
        place.in_use_file.touch(mode=0o644)
        recorded = LabState(str(place.config_dir), index, kept)
        state.save(place, recorded)
    return recorded


def _built(addresses: LabAddresses, instance: str, pids: dict[str, int]) -> dict[str, BuiltHost]:
    """The record of each host with a guest, by the host's name."""
    found = {}
    for guest in addresses.guests:
        (host,) = [host for host in addresses.hosts if host.name == guest.host]
        pid_file = Path(f"/proc/{pids[host.name]}/root") / guests.pid_file(guest).lstrip("/")
        found[host.name] = built_host(host, addresses, instance, int(pid_file.read_text(encoding="ascii")))
    return found


def _machine_accounts() -> render.Accounts:
    texts = [Path("/etc", name).read_text(encoding="utf-8") for name in ("passwd", "group", "shadow")]
    return render.Accounts(*texts)


def _start_guard(place: Place) -> ProcessId:
    """Start the guard in a new session; it outlives the process that brings the lab up."""
    with Path(place.state_dir, "guard.log").open("ab") as log:
        guard = subprocess.Popen(
            [sys.executable, "-B", "-m", "probecost.lab", "guard", place.name, "--config-dir", str(place.config_dir)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            start_new_session=True,
        )
    return ProcessId.of(guard.pid)


def _remove(place: Place, programs: Programs) -> bool:
    """Remove everything, under the work lock. ``False`` if there is nothing.

    The record is removed last, and stays if a process does not end.
    """
    deadline = Deadline.after(END_S)
    recorded = state.load(place)
    firsts = list(recorded.hosts.values()) if recorded else []
    if recorded and recorded.guard and recorded.guard.pid != os.getpid():
        kill(recorded.guard, deadline)
    firsts += unrecorded_first_processes([place.log_file(name) for name in HOST_NAMES])
    stuck = [str(first.pid) for first in firsts if not kill(first, deadline)]
    if stuck:
        raise LabError(f"first processes of {place.name} do not end: {', '.join(stuck)} (kept: {place.state_dir})")
    if recorded:
        remove_links(programs, [host.machine_link for host in addresses_of(recorded.index).hosts])
    if not place.state_dir.exists():
        return bool(firsts)
    shutil.rmtree(place.state_dir)
    return True
