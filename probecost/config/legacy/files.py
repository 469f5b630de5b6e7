"""Models of the four files of the legacy format. Unknown keys are errors, as everywhere.

The files are ``ssh-config.yaml``, ``test-env-config.yaml``, ``performance-test-spec.yaml`` and
``ebpf-tools-config.yaml``. Known keys without a meaning for probecost become notes: see ``read.Legacy``.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from probecost.config.environment import PairKind
from probecost.config.schema import FullPairs, FullSshHost, Name, PerfTest, Seconds, Streams
from probecost.config.validation import Section
from probecost.config.values import Bitrate, FolderName, Scalars, null_is_empty, one_or_many
from probecost.results.metrics import PerfType

Port = Annotated[int, Field(ge=1, le=65535)]
Bitrates = Annotated[tuple[Bitrate, ...], BeforeValidator(one_or_many)]
Ports = Annotated[tuple[Port, ...], BeforeValidator(one_or_many)]
StreamCounts = Annotated[tuple[Streams, ...], BeforeValidator(one_or_many)]
PairKinds = Annotated[tuple[PairKind, ...], BeforeValidator(one_or_many)]
PerfTypes = Annotated[tuple[PerfType, ...], BeforeValidator(one_or_many)]


class LegacySshHost(FullSshHost):
    """A node in ``ssh_hosts``."""

    description: str | None = None
    password: str | None = None
    key_file: str | None = None


class SshFile(Section):
    """ssh-config.yaml."""

    ssh_hosts: Annotated[dict[FolderName, LegacySshHost], Field(min_length=1)]
    version: str | None = None


class EnvironmentFile(Section):
    """test-env-config.yaml. Its pairs are written as in a full.yaml."""

    test_environments: FullPairs
    version: str | None = None


class Commands(Section):
    """Command templates of a perf test; the variables are server_ip, client_ip, port, duration, target_bw, ..."""

    server_cmd: str | None = None
    client_cmd: str | None = None
    client_cmd_tcp: str | None = None
    client_cmd_udp: str | None = None
    description: str | None = None


class LegacyTest(Commands):
    """``single_stream`` or ``multi_stream``; probecost takes the first of a list of values."""

    duration: Seconds | None = None
    target_bw: Bitrates = ()
    streams: StreamCounts = ()
    ports: Ports = ()
    base_port: Port | None = None


class LegacyStreams(LegacyTest):
    """``throughput`` or ``pps``: values here hold for both of its tests."""

    single_stream: LegacyTest | None = None
    multi_stream: LegacyTest | None = None


class LegacyLatency(Commands):
    """``latency``: TCP_RR if there is a TCP command, UDP_RR if there is a UDP command, both without any command.

    ``tcp_rr`` and ``udp_rr`` are written as in a full.yaml and take precedence over the commands.
    """

    duration: Seconds | None = None
    ports: Ports = ()
    tcp_rr: PerfTest | None = None
    udp_rr: PerfTest | None = None


class LegacyTests(Section):
    """``performance_tests``."""

    throughput: LegacyStreams | None = None
    latency: LegacyLatency | None = None
    pps: LegacyStreams | None = None


class Series(Section):
    """One series of ``monitoring``; its units are fixed in probecost."""

    enabled: bool = True
    unit: str | None = None
    units: dict[str, str] = Field(default_factory=dict)
    convert_to_human: bool | None = None
    description: str | None = None


class LegacyMonitoring(Section):
    """``monitoring``."""

    enabled: bool = True
    interval: Seconds | None = None
    cpu: Series = Series()
    memory: Series = Series()
    logsize: Series = Series()


class PerformanceFile(Section):
    """performance-test-spec.yaml."""

    performance_tests: Annotated[LegacyTests, BeforeValidator(null_is_empty)] = LegacyTests()
    monitoring: Annotated[LegacyMonitoring, BeforeValidator(null_is_empty)] = LegacyMonitoring()
    version: str | None = None


class TestcaseSource(Section):
    """The file with the cases of a tool, and the chosen cases; all of them without ``case_ids``."""

    file: Name
    case_ids: tuple[int, ...] | None = None


class Associations(Section):
    """``test_associations``: over which pairs the cases are measured, and with which perf tests."""

    applicable_environments: PairKinds = ()
    performance_test_types: PerfTypes = ()


class ResourceMonitoring(Section):
    """``resource_monitoring``."""

    enabled: bool = True
    interval: Seconds | None = None
    cpu: bool = True
    memory: bool = True
    memory_types: Scalars = ()
    log_size: bool = True
    cpu_stats: Scalars = ()


class LegacyTool(Section):
    """A group of cases in ``ebpf_tools``."""

    testcase_source: TestcaseSource
    id: Name | None = None
    name: str | None = None
    description: str | None = None
    enabled: bool = True
    test_associations: Annotated[Associations, BeforeValidator(null_is_empty)] = Associations()
    resource_monitoring: Annotated[ResourceMonitoring, BeforeValidator(null_is_empty)] = ResourceMonitoring()


class ToolsFile(Section):
    """ebpf-tools-config.yaml."""

    ebpf_tools: Annotated[dict[Name, LegacyTool], Field(min_length=1)]
    version: str | None = None
    metadata: dict[str, Any] | None = None
