"""A folder of the legacy format, and a file of cases outside it, as the tests need them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

SSH = """\
ssh_hosts:
  left:
    host: 192.0.2.1
    user: me
    workdir: /home/me/work
  right: {host: 192.0.2.2, user: me, workdir: /home/me/work, port: 2222}
  guest-a: {host: 192.0.2.3, workdir: /root/work}
  guest-b: {host: 192.0.2.4, workdir: /root/work}
"""

PAIRS = """\
test_environments:
  host:
    description: two machines
    server: {ssh_ref: left, test_ip: 10.0.0.1, interface: eth7}
    client: {ssh_ref: right, test_ip: 10.0.0.2, interface: eth7}
    network_config: {server_ip: 10.0.0.1, client_ip: 10.0.0.2, internal_interface: port-x, physical_interface: p1}
  vm:
    server: {ssh_ref: guest-a, test_ip: 10.1.0.1, vm_interface: vnet3, physical_host_ref: left}
    client: {ssh_ref: guest-b, test_ip: 10.1.0.2, vm_interface: vnet4, physical_host_ref: right}
"""

PERFORMANCE = """\
performance_tests:
  throughput:
    single_stream:
      server_cmd: iperf3 -s -p {port} -B {server_ip}
      client_cmd_tcp: iperf3 -c {server_ip} -p {port} -t {duration} -b {target_bw} -J > {result_file}
      duration: 4
      target_bw: [2G]
      ports: [6001]
    multi_stream:
      streams: [3]
      duration: 6
      base_port: 6001
  latency:
    server_cmd: netserver -L {server_ip} -p {port} -D
    client_cmd_tcp: netperf -H {server_ip} -p {port} -t TCP_RR -l {duration} -- -o mean_latency > {result_file}
    duration: 5
    ports: [12000]
monitoring:
  interval: 1
  cpu: {enabled: true, unit: percent}
"""

TOOLS = """\
ebpf_tools:
  drops:
    id: packet_drops
    name: Packet drops
    testcase_source:
      file: cases/host-cases.json
      case_ids: [2, 1]
    test_associations:
      applicable_environments: [host]
      performance_test_types: [throughput, latency]
    resource_monitoring: {enabled: true, cpu: true, memory_types: [rss]}
  rings:
    testcase_source:
      file: cases/guests.json
    test_associations:
      applicable_environments: [vm]
      performance_test_types: [throughput, latency]
"""

HOST_CASES = [
    {"id": 1, "name": "drops_rx", "command": "sudo python3 probes/net/drops.py --src-ip 10.0.0.2", "duration": 10},
    {"id": 2, "name": "drops_tx", "command": "sudo python3 probes/net/drops.py --src-ip 10.0.0.1", "duration": 12},
    {"id": 3, "name": "never", "command": "sudo python3 probes/net/never.py", "duration": 10},
]
GUEST_CASES = [
    {"id": 1, "name": "ring_vhost_pid_4301", "command": "sudo python3 probes/tun/ring.py --pid 4301", "duration": 10},
]

FILES = {
    "ssh-config.yaml": SSH,
    "test-env-config.yaml": PAIRS,
    "performance-test-spec.yaml": PERFORMANCE,
    "ebpf-tools-config.yaml": TOOLS,
}


def make_legacy(config: Path, name: str = "old-bed") -> Path:
    """The environment ``name`` below ``config``; its cases lie in ``config/cases``."""
    folder = config / name
    folder.mkdir(parents=True)
    for file, text in FILES.items():
        (folder / file).write_text(text)
    write_cases(config / "cases/host-cases.json", HOST_CASES)
    write_cases(config / "cases/guests.json", GUEST_CASES)
    return folder


def write_cases(file: Path, cases: Sequence[object]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"metadata": {"total_cases": len(cases)}, "test_cases": cases}, indent=1))


def change(folder: Path, file: str, old: str, new: str) -> None:
    """Replace a piece of a file that is there."""
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
