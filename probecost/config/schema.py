"""Models of the environment files: minimal-input.yaml, <env>-full.yaml and <env>-cases.json.

Unknown keys are errors. The keys that older generators wrote are all known.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from probecost.config.budgets import Budgets
from probecost.config.environment import Attaches, PairKind
from probecost.config.tools import Registry, RegistryChanges
from probecost.config.validation import Section, complaint
from probecost.config.values import (
    Address,
    Bitrate,
    DestinationText,
    FolderName,
    Host,
    Scalar,
    Scalars,
    SizeBytes,
    StopSignal,
    null_is_empty,
)

Name = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0)]
MAX_STREAMS = 128
Streams = Annotated[int, Field(ge=1, le=MAX_STREAMS)]


def _ports_in_order(ports: object) -> object:
    if ports is None:
        return None
    whole = isinstance(ports, list | tuple) and len(ports) == 2 and all(type(port) is int for port in ports)
    if not whole or not 1024 <= ports[0] < ports[1] <= 65535:  # type: ignore[index]
        raise complaint("expected [first, last], two ports from 1024 to 65535 in order")
    return ports


class PerfTest(Section):
    """One connection type of a perf test; absent values come from its section or the defaults."""

    duration: Seconds | None = None
    streams: Streams | None = None
    target_bw: Bitrate | None = None


class StreamTests(Section):
    """``throughput`` or ``pps``. If it names neither stream, both are meant."""

    duration: Seconds | None = None
    target_bw: Bitrate | None = None
    single_stream: PerfTest | None = None
    multi_stream: PerfTest | None = None


class LatencyTests(Section):
    """``latency``. If it names neither connection type, both are meant."""

    duration: Seconds | None = None
    tcp_rr: PerfTest | None = None
    udp_rr: PerfTest | None = None


class PerformanceTests(Section):
    """``performance_tests``: an absent (or ``null``) section is not run."""

    throughput: StreamTests | None = None
    latency: LatencyTests | None = None
    pps: StreamTests | None = None
    port_range: Annotated[tuple[int, int] | None, BeforeValidator(_ports_in_order)] = None


class MinimalNode(Section):
    """One node of a minimal-input.yaml."""

    ssh: DestinationText
    role: PairKind
    workdir: Name | None = None
    host_ref: str | None = None
    uuid: str | None = None
    test_ip: Address | None = None
    internal_port_type: str | None = None  # overrides discovery_hints
    physical_interface: Name | None = None


class PairNames(Section):
    """The two nodes at the ends of a test pair."""

    server: str
    client: str


class PairsByKind(Section):
    """``test_pairs``."""

    host: PairNames | None = None
    vm: PairNames | None = None


class DiscoveryHints(Section):
    """Hints that decide between several candidates."""

    internal_port_type: str | None = None
    python_interpreter: Name = "python3"


class Paths(Section):
    """``paths``. ``tools_dir`` is on the node, relative to its workdir; local ones are relative to the file."""

    tools_dir: Name | None = None
    local_tools_dir: Name | None = None
    measurement_tools_dir: Name | None = None  # older name of local_tools_dir
    results_dir: str | None = None


class Defaults(Section):
    """``defaults`` of a full.yaml. ``duration`` is for cases without their own, in seconds."""

    duration: Seconds = 10.0
    timeout: Seconds | None = None
    use_sudo: bool = True
    python_interpreter: Name = "python3"


class Monitoring(Section):
    """``monitoring``: the recorded series of the tool's own usage."""

    enabled: bool = True
    interval: Seconds | None = None
    cpu: bool = True
    memory: bool = True
    memory_types: Scalars = ()
    log_size: bool = True
    cpu_stats: Scalars = ()


class MinimalFile(Section):
    """minimal-input.yaml, written by hand."""

    version: str = "1.0"
    environment: FolderName
    nodes: Annotated[dict[FolderName, MinimalNode], Field(min_length=1)]
    test_pairs: PairsByKind | None = None
    discovery_hints: Annotated[DiscoveryHints, BeforeValidator(null_is_empty)] = DiscoveryHints()
    ssh_config: str | None = None
    paths: Annotated[Paths, BeforeValidator(null_is_empty)] = Paths()
    tools: Annotated[RegistryChanges, BeforeValidator(null_is_empty)] = RegistryChanges()
    performance_tests: PerformanceTests | None = None
    defaults: Defaults | None = None
    monitoring: Monitoring | None = None
    budgets: Annotated[Budgets, BeforeValidator(null_is_empty)] = Budgets()


class FullSshHost(Section):
    """A node in ``ssh.ssh_hosts``."""

    host: Host
    workdir: Name
    user: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None


class FullSsh(Section):
    """``ssh``. ``config_file`` is an OpenSSH client configuration, relative to the file's folder."""

    ssh_hosts: Annotated[dict[FolderName, FullSshHost], Field(min_length=1)]
    config_file: str | None = None


class FullSide(Section):
    """``server`` or ``client`` of a pair."""

    ssh_ref: Name
    test_ip: Address
    interface: str | None = None
    vm_interface: str | None = None
    physical_host_ref: str | None = None


class NetworkConfig(Section):
    """Interfaces under a pair. Older files do not distinguish the server's from the client's."""

    server_ip: str | None = None
    client_ip: str | None = None
    internal_interface: str | None = None
    server_internal_interface: str | None = None
    client_internal_interface: str | None = None
    physical_interface: str | None = None
    physical_nic_members: Scalars = ()
    server_physical_interface: str | None = None
    server_physical_nic_members: Scalars = ()
    client_physical_interface: str | None = None
    client_physical_nic_members: Scalars = ()
    vm_interface: str | None = None
    server_vm_interface: str | None = None
    client_vm_interface: str | None = None


class KvmSide(Section):
    """The processes of one VM, and the UUID that finds them again."""

    qemu_pid: str | None = None
    vhost_pids: Scalars = ()
    uuid: str | None = None


class KvmConfig(Section):
    """``kvm_config``; the values of older files are the server's."""

    server: KvmSide | None = None
    client: KvmSide | None = None

    @model_validator(mode="before")
    @classmethod
    def _flat_is_the_servers(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.keys() & KvmSide.model_fields.keys() and "server" not in data:
            flat = {key: value for key, value in data.items() if key != "client"}
            return {"server": flat, **({"client": data["client"]} if "client" in data else {})}
        return data


class FullPair(Section):
    """``environments.host`` or ``environments.vm``."""

    description: str | None = None
    server: FullSide
    client: FullSide
    network_config: Annotated[NetworkConfig, BeforeValidator(null_is_empty)] = NetworkConfig()
    kvm_config: KvmConfig | None = None


class FullPairs(Section):
    """``environments``."""

    host: FullPair | None = None
    vm: FullPair | None = None


class Generated(Section):
    """Origin of a generated file. ``inputs`` are SHA-256 of files, relative to the file's folder."""

    by: str = "probecost bootstrap"
    version: str | None = None
    at: str | None = None
    inputs: dict[str, str] = Field(default_factory=dict)
    full_sha256: str | None = None
    cases_sha256: str | None = None


class FullFile(Section):
    """<env>-full.yaml: everything known of an environment."""

    version: str = "1.0"
    environment: FolderName
    generated: Generated | None = None
    ssh: FullSsh
    environments: FullPairs
    paths: Annotated[Paths, BeforeValidator(null_is_empty)] = Paths()
    defaults: Annotated[Defaults, BeforeValidator(null_is_empty)] = Defaults()
    monitoring: Annotated[Monitoring, BeforeValidator(null_is_empty)] = Monitoring()
    tools: Annotated[Registry, BeforeValidator(null_is_empty)] = Registry()
    performance_tests: PerformanceTests | None = None
    budgets: Annotated[Budgets, BeforeValidator(null_is_empty)] = Budgets()


class CaseEntry(Section):
    """One case of <env>-cases.json. Legacy entries have only id, name, command and duration.

    ``discovered`` maps parameters to the variables of their discovered values: ``{"vhost_pid": "vhost_pids.0"}``.
    """

    id: Annotated[int, Field(ge=0)]
    name: Name
    command: Annotated[str, Field(pattern=r"\S")]
    script: Name | None = None
    category: str | None = None
    environment: PairKind | None = None
    parameters: dict[str, Scalar] | None = None
    duration: Seconds | None = None
    description: str | None = None
    template: str | None = None
    discovered: dict[str, str] = Field(default_factory=dict)
    attaches: Attaches | None = None
    ready_timeout: Seconds | None = None
    stop_signal: StopSignal | None = None
    log_cap_bytes: SizeBytes | None = None


class CasesFile(Section):
    """<env>-cases.json, also as a bare list of cases. Nothing depends on ``metadata`` and ``summary``."""

    test_cases: tuple[CaseEntry, ...]
    metadata: dict[str, Any] | None = None
    summary: Any = None

    @model_validator(mode="before")
    @classmethod
    def _bare_list(cls, data: Any) -> Any:
        return {"test_cases": data} if isinstance(data, list) else data
