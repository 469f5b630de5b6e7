"""From what was discovered of hosts and VMs, through the full.yaml, to the commands of tools."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.discovery_answers import MAC_A, MAC_B, VM_A, VM_B, guest, raw

from probecost.config.folder import load_folder
from probecost.discovery.bootstrap import BootstrapResult, bootstrap
from probecost.remote.questions import Questions

MINIMAL = f"""\
version: "1.0"
environment: bed
nodes:
  host-server: {{ssh: 192.0.2.1, role: host}}
  host-client: {{ssh: 192.0.2.2, role: host, internal_port_type: port-mgt}}
  vm-server: {{ssh: 192.0.2.3, role: vm, host_ref: host-server, uuid: {VM_B}, test_ip: 10.2.0.11}}
  vm-client: {{ssh: 192.0.2.4, role: vm, host_ref: host-client, uuid: {VM_A}, test_ip: 10.2.0.12}}
discovery_hints: {{internal_port_type: access}}
tools: {{registry: tools.yaml}}
"""
REGISTRY = """\
tools:
  categories:
    net:
      environment: host
      tools:
        - {script: h.py, template: 'sudo python3 {path} --int {INTERNAL_INTERFACE} --phy {PHY_INTERFACE}'}
    kvm:
      environment: vm
      directions: [rx, tx]
      tools:
        - {script: v.py, template: 'sudo python3 {path} {SRC_IP} --vm {VM_INTERFACE} --phy {PHY_INTERFACE}'}
        - {script: q.py, template: 'sudo python3 {path} --pid {QEMU_PID} --worker {vhost_pid}',
           parameters: {vhost_pid: '{vhost_pids}'}}
"""


def run(folder: Path) -> BootstrapResult:
    def probe(questions: Questions) -> dict[str, Any]:
        assert questions.uuids == {"host-server": [VM_B], "host-client": [VM_A]}
        return {
            "host-server": raw("ovs"),
            "host-client": raw("ovs"),
            "vm-server": guest("10.2.0.11", MAC_B),
            "vm-client": guest("10.2.0.12", MAC_A),
        }

    return bootstrap(folder / "minimal-input.yaml", folder, probe)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "minimal-input.yaml").write_text(MINIMAL)
    (tmp_path / "tools.yaml").write_text(REGISTRY)
    return tmp_path


def test_commands(folder: Path) -> None:
    result = run(folder)
    assert result.problems == ()
    _, cases = load_folder(folder)
    assert {case.key: case.command.partition(".py ")[2] for case in cases} == {
        "host-h": "--int port-access --phy eth3,eth4",
        "vm-v-rx": "10.2.0.12 --vm vnet1 --phy eth3,eth4",
        "vm-v-tx": "10.2.0.11 --vm vnet1 --phy eth3,eth4",
        "vm-q-vhost_pid_vhost_pids.0": "--pid 164 --worker 174",
        "vm-q-vhost_pid_vhost_pids.1": "--pid 164 --worker 176",
    }


def test_a_pair_without_tools_is_told(folder: Path) -> None:
    assert not [note for note in run(folder).notes if note.startswith("pair ")]
    registry = yaml.safe_load(REGISTRY)
    del registry["tools"]["categories"]["kvm"]
    (folder / "tools.yaml").write_text(yaml.safe_dump(registry))
    told = "pair vm: no tool is for it, so nothing is measured between vm-server and vm-client "
    assert [note for note in run(folder).notes if note.startswith(told)]


def test_the_full_file_has_the_fields_names(folder: Path) -> None:
    run(folder)
    pairs = yaml.safe_load((folder / "bed-full.yaml").read_text())["environments"]
    below = {
        "server_physical_interface": "bond-phy",
        "server_physical_nic_members": ["eth3", "eth4"],
    }
    assert pairs["host"]["network_config"] == {
        "server_ip": "10.2.0.1",
        "client_ip": "10.4.0.1",
        "internal_interface": "port-access",
        "client_internal_interface": "port-mgt",
        **below,
        "client_physical_interface": "eth5",
        "client_physical_nic_members": [],
    }
    assert pairs["vm"]["server"] == {
        "ssh_ref": "vm-server",
        "test_ip": "10.2.0.11",
        "interface": "ens4",
        "vm_interface": "vnet1",
        "physical_host_ref": "host-server",
    }
    assert pairs["vm"]["network_config"] == {
        "server_ip": "10.2.0.11",
        "client_ip": "10.2.0.12",
        **below,
        "server_vm_interface": "vnet1",
        **{key.replace("server", "client"): value for key, value in below.items()},
        "client_vm_interface": "vnet0",
    }
    assert pairs["vm"]["kvm_config"] == {
        "server": {"qemu_pid": "164", "vhost_pids": ["174", "176"], "uuid": VM_B},
        "client": {"qemu_pid": "162", "vhost_pids": ["177"], "uuid": VM_A},
    }


def test_the_environment_knows_the_process_of_its_vm(folder: Path) -> None:
    run(folder)
    environment, _ = load_folder(folder)
    server = environment.pairs["vm"].server
    assert (server.tool_node, server.qemu_pid, server.uuid) == ("host-server", 164, VM_B)
