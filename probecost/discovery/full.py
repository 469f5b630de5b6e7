"""Builds the content of a full.yaml from the user's input and the discovered facts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probecost.config.documents import Document
from probecost.config.environment import PairKind, SshHost
from probecost.config.folder import DEFAULT_TOOLS_DIR, MinimalConfig
from probecost.config.schema import Defaults, MinimalFile, PairNames
from probecost.config.values import parse_destination
from probecost.discovery.survey import Found
from probecost.discovery.vm import VmFound
from probecost.errors import NodeError
from probecost.plan.registry import Tools

# Safe in a user's command inside any quotes. The node names its interfaces, so they are checked.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+-]*")
_MONITORING = {
    "enabled": True,
    "cpu": True,
    "memory": True,
    "memory_types": ["virt", "rss"],
    "log_size": True,
    "cpu_stats": ["avg", "peak"],
}


@dataclass(frozen=True)
class Ingredients:
    """Parts of a full.yaml; ``output_dir`` is its folder, ``generated`` its record."""

    minimal: MinimalConfig
    output_dir: Path
    pairs: Mapping[PairKind, PairNames]
    nodes: Mapping[str, Found]
    tools: Tools
    performance_tests: Mapping[str, Any]
    generated: Mapping[str, Any]


def ssh_hosts(minimal: MinimalFile) -> dict[str, SshHost]:
    """The address of every node. A node without ``workdir`` gets ``probecost`` in its user's home."""
    hosts = {}
    for name, node in minimal.nodes.items():
        where = parse_destination(node.ssh)
        home = "/root" if where.user in (None, "root") else f"/home/{where.user}"
        hosts[name] = SshHost(name, where.host, node.workdir or f"{home}/probecost", where.user, where.port)
    return hosts


def full_content(parts: Ingredients) -> dict[str, Any]:
    """The content of ``<env>-full.yaml``; paths in it are relative to ``output_dir``."""
    file = parts.minimal.file
    return {
        "version": file.version,
        "environment": file.environment,
        "generated": dict(parts.generated),
        "ssh": {
            "ssh_hosts": {name: _ssh_host(host) for name, host in ssh_hosts(file).items()},
            **_moved("config_file", file.ssh_config, parts),
        },
        "environments": {kind: _pair(kind, names, parts) for kind, names in parts.pairs.items()},
        "paths": _paths(parts),
        "defaults": _defaults(parts.minimal),
        "monitoring": parts.minimal.document.get(("monitoring",)) or dict(_MONITORING),
        "tools": dict(parts.tools.raw),
        "performance_tests": dict(parts.performance_tests),
        **({"budgets": budgets} if (budgets := parts.minimal.document.get(("budgets",))) else {}),
    }


def performance_tests(template: Document, minimal: Document) -> dict[str, Any]:
    """The defaults with the user's changes merged over them, key by key; ``null`` removes a test.

    The user's value for a whole section precedes the defaults of its single tests.
    """
    defaults = template.get(("performance_tests",)) or {}
    changes = minimal.get(("performance_tests",)) or {}
    return _over({name: _yielding(section, changes.get(name)) for name, section in defaults.items()}, changes)


def _yielding(section: object, changes: object) -> object:
    """A section of the defaults; its tests lose the values that ``changes`` sets for the whole section."""
    if not isinstance(section, Mapping) or not isinstance(changes, Mapping):
        return section
    given = {key for key, value in changes.items() if value is not None}
    return {
        key: {name: own for name, own in test.items() if name not in given} if isinstance(test, Mapping) else test
        for key, test in section.items()
    }


def _over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _over(merged[key], value) if both else value
    return {key: value for key, value in merged.items() if value is not None}


def _ssh_host(host: SshHost) -> dict[str, Any]:
    return {
        "host": host.host,
        **({"user": host.user} if host.user else {}),
        **({"port": host.port} if host.port else {}),
        "workdir": host.workdir,
    }


def _pair(kind: PairKind, names: PairNames, parts: Ingredients) -> dict[str, Any]:
    server, client = parts.nodes[names.server], parts.nodes[names.client]
    sides = {"server": server, "client": client}
    return {
        "description": f"{kind}-to-{kind} testing on {parts.minimal.file.environment}",
        "server": _side(names.server, server),
        "client": _side(names.client, client),
        "network_config": {
            "server_ip": server.test_ip,
            "client_ip": client.test_ip,
            **_internal_interfaces(server, client),
            **{key: value for side, found in sides.items() for key, value in _below(side, found).items()},
        },
        **_kvm_config(sides),
    }


def _side(name: str, found: Found) -> dict[str, Any]:
    _check_names(name, found)
    side = {"ssh_ref": name, "test_ip": found.test_ip, "interface": found.interface.name}
    if isinstance(found, VmFound):
        side |= {"vm_interface": found.tap, "physical_host_ref": found.host}
    return side


def _check_names(node: str, found: Found) -> None:
    """Check names of interfaces. ``NodeError``: a shell might take a name for more than a word."""
    names = [(node, found.interface.name)]
    where = node
    if isinstance(found, VmFound):
        where = found.host
        names.append((where, found.tap))
    if found.uplink is not None:
        names += [(where, name) for name in (found.uplink.interface, *found.uplink.members)]
    for owner, name in names:
        if not _PLAIN_NAME.fullmatch(name):
            letters = "letters, digits and _ . @ : + -"
            raise NodeError(owner, f"an interface is called {name!r}: it must be of {letters} to stand in commands")


def _internal_interfaces(server: Found, client: Found) -> dict[str, str]:
    """The interfaces of hosts where local traffic enters the network; the client's only if its name differs."""
    if isinstance(server, VmFound):
        return {}
    own, other = server.interface.name, client.interface.name
    return {"internal_interface": own, **({"client_internal_interface": other} if other != own else {})}


def _below(side: str, found: Found) -> dict[str, Any]:
    """The uplink; empty if packets leave by no interface that Linux knows."""
    uplink: dict[str, Any] = {}
    if found.uplink is not None:
        uplink[f"{side}_physical_interface"] = found.uplink.interface
    uplink[f"{side}_physical_nic_members"] = list(found.uplink.members) if found.uplink else []
    return uplink | ({f"{side}_vm_interface": found.tap} if isinstance(found, VmFound) else {})


def _kvm_config(sides: Mapping[str, Found]) -> dict[str, Any]:
    """Processes of VMs, as text, like older files have them."""
    config = {
        side: {
            "qemu_pid": str(found.processes.qemu_pid),
            "vhost_pids": [str(pid) for pid in found.processes.vhost_pids],
            "uuid": found.uuid,
        }
        for side, found in sides.items()
        if isinstance(found, VmFound)
    }
    return {"kvm_config": config} if config else {}


def _paths(parts: Ingredients) -> dict[str, Any]:
    paths = parts.minimal.file.paths
    return {
        "tools_dir": paths.tools_dir or DEFAULT_TOOLS_DIR,
        **({"results_dir": paths.results_dir} if paths.results_dir else {}),
        **_moved("local_tools_dir", paths.local_tools_dir, parts),
        **_moved("measurement_tools_dir", paths.measurement_tools_dir, parts),
    }


def _moved(key: str, path: str | None, parts: Ingredients) -> dict[str, str]:
    """A path relative to the minimal input, made relative to ``output_dir``; absolute ones and ``~`` stay."""
    if path is None:
        return {}
    if Path(path).is_absolute() or path.startswith("~"):
        return {key: path}
    target = parts.minimal.document.file.parent.resolve() / path
    return {key: os.path.relpath(target, parts.output_dir.resolve())}


def _defaults(minimal: MinimalConfig) -> dict[str, Any]:
    defaults = minimal.file.defaults or Defaults()
    own_python = "python_interpreter" in defaults.model_fields_set
    duration_s = defaults.duration
    return {
        "duration": int(duration_s) if duration_s.is_integer() else duration_s,
        **({"timeout": defaults.timeout} if defaults.timeout else {}),
        "use_sudo": defaults.use_sudo,
        "python_interpreter": (defaults if own_python else minimal.file.discovery_hints).python_interpreter,
    }
