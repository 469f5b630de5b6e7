"""Template variables for discovered values, and the way back from a value to its variable."""

from __future__ import annotations

from collections.abc import Iterable

from probecost.config.environment import PairKind, Variables
from probecost.config.schema import FullFile, FullPair, KvmSide, NetworkConfig

#: Test addresses.
ADDRESSES = ("host_LOCAL_IP", "host_REMOTE_IP", "vm_LOCAL_IP", "vm_REMOTE_IP")
#: Processes; their values are numbers, and not every equal number is one.
PROCESSES = ("QEMU_PID", "vhost_pids")
#: Interfaces.
INTERFACES = ("INTERNAL_INTERFACE", "PHY_INTERFACE", "VM_INTERFACE")
ALL = (*ADDRESSES, *INTERFACES, *PROCESSES)


def variables_of(full: FullFile, kind: PairKind) -> Variables:
    """Every variable of ``ALL`` for a tool of pair ``kind``; "" or () if this environment has none.

    LOCAL is the server's end, where tools run, REMOTE the client's. Values missing in a pair's section are taken from
    the other pair if its tools run on the same node.
    """
    pairs = {"host": full.environments.host, "vm": full.environments.vm}
    own, other = pairs[kind], pairs["vm" if kind == "host" else "host"]
    under = [pair for pair in (own, other) if pair is not None]
    if own is not None and other is not None and _tool_node(own) != _tool_node(other):
        under = [own]
    return {
        **_addresses(full),
        "INTERNAL_INTERFACE": _first(_internal(pair.network_config) for pair in under),
        "PHY_INTERFACE": _first(_physical(pair.network_config) for pair in under),
        "VM_INTERFACE": _first(_vm_interface(pair) for pair in under),
        "QEMU_PID": _first(_kvm(pair).qemu_pid or "" for pair in under),
        "vhost_pids": next((_kvm(pair).vhost_pids for pair in under if _kvm(pair).vhost_pids), ()),
    }


def value_names(variables: Variables) -> dict[str, str]:
    """From a value to the variable it stands for: ``{"10.0.0.1": "host_LOCAL_IP", "4711": "vhost_pids.0"}``."""
    names: dict[str, str] = {}
    for name, value in variables.items():
        if isinstance(value, str):
            names.setdefault(value, name)
        else:
            for index, item in enumerate(value):
                names.setdefault(item, f"{name}.{index}")
    names.pop("", None)
    return names


def _addresses(full: FullFile) -> dict[str, str]:
    host, vm = full.environments.host, full.environments.vm
    return {
        "host_LOCAL_IP": host.server.test_ip if host else "",
        "host_REMOTE_IP": host.client.test_ip if host else "",
        "vm_LOCAL_IP": vm.server.test_ip if vm else "",
        "vm_REMOTE_IP": vm.client.test_ip if vm else "",
    }


def _tool_node(pair: FullPair) -> str:
    return pair.server.physical_host_ref or pair.server.ssh_ref


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")


def _internal(network: NetworkConfig) -> str:
    return network.server_internal_interface or network.internal_interface or ""


def _physical(network: NetworkConfig) -> str:
    """The uplink; the members of a bond, joined by commas."""
    members = network.server_physical_nic_members or network.physical_nic_members
    return ",".join(members) or network.server_physical_interface or network.physical_interface or ""


def _vm_interface(pair: FullPair) -> str:
    network = pair.network_config
    return network.server_vm_interface or pair.server.vm_interface or network.vm_interface or ""


def _kvm(pair: FullPair) -> KvmSide:
    return (pair.kvm_config.server if pair.kvm_config else None) or KvmSide()
