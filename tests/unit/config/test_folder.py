import json
from pathlib import Path
from typing import Any

import pytest

from probecost import PACKAGE
from probecost.config.environment import PairSide, PerfTestSpec, SshHost
from probecost.config.folder import (
    find_environment,
    is_outdated,
    known_environments,
    load_cases,
    load_environment,
    load_folder,
    sha256_of,
)
from probecost.errors import ConfigError

FULL = """\
version: '1.0'
environment: bed-42
ssh:
  ssh_hosts:
    left: {host: 192.0.2.1, user: me, workdir: /home/me/work, port: 2222}
    right: {host: 192.0.2.2, workdir: /root/work}
    guest-a: {host: 192.0.2.3, user: me, workdir: /home/me/work}
    guest-b: {host: 192.0.2.4, user: me, workdir: /home/me/work}
environments:
  host:
    server: {ssh_ref: left, test_ip: 10.0.0.1, interface: eth7}
    client: {ssh_ref: right, test_ip: 10.0.0.2, interface: eth7}
    network_config:
      internal_interface: port-x
      server_physical_interface: bond0
      server_physical_nic_members: [p1, p2]
  vm:
    server: {ssh_ref: guest-a, test_ip: 10.1.0.1, vm_interface: vnet3, physical_host_ref: left}
    client: {ssh_ref: guest-b, test_ip: 10.1.0.2, vm_interface: vnet4, physical_host_ref: right}
    kvm_config: {qemu_pid: 4242, vhost_pids: [4301, 4302]}
paths: {tools_dir: probes}
defaults: {duration: 7, python_interpreter: python3.9}
tools:
  categories:
    guests: {environment: vm, tools: [{script: ring.py, template: 'sudo python3 {path}'}]}
performance_tests:
  throughput: {multi_stream: {streams: 3, duration: 4}}
  latency: {duration: 5, tcp_rr: {}, udp_rr: {}}
  port_range: [6000, 6100]
"""

CASE: dict[str, Any] = {
    "id": 1,
    "name": "drops_rx_protocol_tcp",
    "command": "sudo python3 probes/net/drops.py --src-ip 10.0.0.2 --protocol tcp",
    "script": "drops.py",
    "category": "net",
    "environment": "host",
    "parameters": {"protocol": "tcp", "direction": "rx"},
    "duration": 10,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config" / "my-folder"
    folder.mkdir(parents=True)
    (folder / "bed-full.yaml").write_text(FULL)
    return folder


def write_cases(folder: Path, cases: object) -> Path:
    file = folder / "bed-cases.json"
    file.write_text(cases if isinstance(cases, str) else json.dumps({"test_cases": cases}, indent=1))
    return file


class TestEnvironment:
    def test_all_of_it(self, folder: Path) -> None:
        environment = load_environment(folder)
        assert environment.name == "bed-42"
        assert environment.nodes["left"] == SshHost("left", "192.0.2.1", "/home/me/work", "me", 2222)
        assert environment.nodes["right"].user is None
        assert environment.pairs["host"].server == PairSide("left", "10.0.0.1", "eth7", "left")
        assert environment.pairs["vm"].server == PairSide("guest-a", "10.1.0.1", None, "left", 4242)
        assert environment.perf_tests == (
            PerfTestSpec("throughput", "multi", 4, streams=3),
            PerfTestSpec("latency", "tcp_rr", 5),
            PerfTestSpec("latency", "udp_rr", 5),
        )
        assert environment.port_range == (6000, 6100)
        assert (environment.tools_dir, environment.local_tools_dir) == ("probes", None)
        assert (environment.python_interpreter, environment.default_duration_s) == ("python3.9", 7)
        assert environment.ssh_config is None

    def test_variables(self, folder: Path) -> None:
        environment = load_environment(folder)
        assert environment.variables["vm"] == {
            "host_LOCAL_IP": "10.0.0.1",
            "host_REMOTE_IP": "10.0.0.2",
            "vm_LOCAL_IP": "10.1.0.1",
            "vm_REMOTE_IP": "10.1.0.2",
            "INTERNAL_INTERFACE": "port-x",
            "PHY_INTERFACE": "p1,p2",
            "VM_INTERFACE": "vnet3",
            "QEMU_PID": "4242",
            "vhost_pids": ("4301", "4302"),
        }

    def test_nothing_is_borrowed_from_a_pair_whose_tools_run_elsewhere(self, folder: Path) -> None:
        swapped = FULL.replace("physical_host_ref: left", "physical_host_ref: right")
        (folder / "bed-full.yaml").write_text(swapped)
        variables = load_environment(folder).variables
        assert (variables["vm"]["PHY_INTERFACE"], variables["host"]["QEMU_PID"]) == ("", "")

    def test_paths_are_relative_to_the_folder(self, folder: Path) -> None:
        (folder.parent / "probes").mkdir()
        (folder / "client.conf").touch()
        text = FULL.replace("{tools_dir: probes}", "{tools_dir: probes, local_tools_dir: ../probes}")
        text = text.replace("ssh:\n", "ssh:\n  config_file: client.conf\n")
        (folder / "bed-full.yaml").write_text(text)
        environment = load_environment(folder)
        assert environment.local_tools_dir == folder.parent / "probes"
        assert environment.ssh_config == folder / "client.conf"

    def test_our_own_tools_are_local(self, folder: Path) -> None:
        (folder / "bed-full.yaml").write_text(FULL.replace("paths: {tools_dir: probes}\n", ""))
        environment = load_environment(folder)
        assert environment.tools_dir == "lab/tools"
        assert environment.local_tools_dir == PACKAGE / "lab/tools"

    def test_all_mistakes_at_once_in_the_order_of_the_file(self, folder: Path) -> None:
        text = FULL.replace("port: 2222", "port: many").replace("ssh_ref: right", "ssh_ref: rigth")
        text = text.replace("duration: 7", "duration: -7").replace("latency:", "latencies:")
        (folder / "bed-full.yaml").write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_environment(folder)
        found = [problem.removeprefix(f"{folder}/bed-full.yaml:") for problem in caught.value.problems]
        assert found == [
            '5: ssh.ssh_hosts.left.port = "many": expected a whole number',
            "12: environments.host.client.ssh_ref = \"rigth\": there is no such node (did you mean 'right'?)",
            "22: defaults.duration = -7: expected a number greater than 0",
            "28: performance_tests.latencies: unknown key (did you mean 'latency'?)",
        ]

    def test_a_missing_file_says_the_command(self, folder: Path) -> None:
        (folder / "bed-full.yaml").unlink()
        (folder / "bed-minimal.yaml").write_text("environment: bed\n")
        with pytest.raises(ConfigError, match=rf"probecost bootstrap --minimal-input {folder}/bed-minimal.yaml"):
            load_environment(folder)

    def test_two_full_files_are_one_too_many(self, folder: Path) -> None:
        (folder / "other-full.yaml").write_text(FULL)
        with pytest.raises(ConfigError, match=r"more than one full file: bed-full.yaml, other-full.yaml"):
            load_environment(folder)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("ssh:\n", "ssh:\n  config_file: nowhere\n", 'ssh.config_file = "nowhere": there is no file'),
            ("{tools_dir: probes}", "{local_tools_dir: nowhere}", "there is no folder"),
            ("  vm:\n", "  guests:\n", "environments.guests: unknown key"),
            (", physical_host_ref: left", "", "physical_host_ref: this key is missing"),
        ],
    )
    def test_what_is_wrong_is_said(self, folder: Path, old: str, new: str, message: str) -> None:
        (folder / "bed-full.yaml").write_text(FULL.replace(old, new))
        with pytest.raises(ConfigError, match=rf"(?s).*bed-full.yaml:\d+: .*{message}"):
            load_environment(folder)


class TestFinding:
    def test_by_folder_prefix_or_declared_name(self, folder: Path) -> None:
        for name in ("my-folder", "bed", "bed-42"):
            assert find_environment(folder.parent, name) == folder
        assert known_environments(folder.parent) == ["my-folder"]

    def test_unknown_lists_the_known_ones(self, folder: Path) -> None:
        with pytest.raises(ConfigError, match=r"unknown environment 'bad-42' \(did you mean 'bed-42'\?\).*") as caught:
            find_environment(folder.parent, "bad-42")
        assert "my-folder (bed, bed-42)" in str(caught.value)

    def test_templates_and_other_folders_are_no_environments(self, folder: Path) -> None:
        for name in ("templates", "empty", ".hidden"):
            (folder.parent / name).mkdir()
        (folder.parent / "templates/minimal-input.yaml").write_text("environment: my-env\n")
        (folder.parent / ".hidden/minimal-input.yaml").write_text("environment: my-env\n")
        assert known_environments(folder.parent) == ["my-folder"]

    def test_a_declared_name_of_two_folders_is_ambiguous(self, folder: Path) -> None:
        other = folder.parent / "other"
        other.mkdir()
        (other / "minimal-input.yaml").write_text("environment: 'bed-42'  # the same\n")
        assert find_environment(folder.parent, "other") == other
        with pytest.raises(ConfigError, match="more than one folder"):
            find_environment(folder.parent, "bed-42")

    def test_the_folder_itself_may_be_given(self, folder: Path) -> None:
        assert find_environment(folder, "bed-42") == folder
        assert known_environments(folder) == ["my-folder"]

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        assert known_environments(tmp_path / "absent") == []
        with pytest.raises(ConfigError, match="there is no folder"):
            find_environment(tmp_path / "absent", "x")


class TestCases:
    def test_a_generated_case(self, folder: Path) -> None:
        write_cases(folder, [CASE])
        (case,) = load_cases(folder, load_environment(folder))
        assert case.key == "host-drops-rx_protocol_tcp"
        assert (case.tool_id, case.category, case.pair_kind, case.environment) == ("drops", "net", "host", "bed-42")
        assert case.parameters == (("direction", "rx"), ("protocol", "tcp"))
        assert case.tool_file == "probes/net/drops.py"
        assert (case.attaches, case.ready_timeout_s, case.stop_signal) == ("bpf", 60.0, "SIGINT")
        assert hash(case) == hash(case)

    def test_additions_of_ours(self, folder: Path) -> None:
        more = {"attaches": "none", "ready_timeout": 5, "stop_signal": "TERM", "log_cap_bytes": "1k"}
        write_cases(folder, [{**CASE, **more}])
        (case,) = load_cases(folder, load_environment(folder))
        assert (case.attaches, case.ready_timeout_s) == ("none", 5)
        assert (case.stop_signal, case.log_cap_bytes) == ("SIGTERM", 1000)

    def test_the_hash_knows_no_address(self, folder: Path) -> None:
        write_cases(folder, [CASE])
        (before,) = load_cases(folder, load_environment(folder))
        (folder / "bed-full.yaml").write_text(FULL.replace("10.0.0.2", "10.9.9.9"))
        write_cases(folder, [{**CASE, "command": CASE["command"].replace("10.0.0.2", "10.9.9.9")}])
        (after,) = load_cases(folder, load_environment(folder))
        assert (after.hash, after.key) == (before.hash, before.key)
        write_cases(folder, [{**CASE, "command": CASE["command"] + " --more"}])
        assert load_cases(folder, load_environment(folder))[0].hash != before.hash

    def test_legacy_entries_find_their_pair(self, folder: Path) -> None:
        commands = {
            "sudo python3 old/net/drops.py --src-ip 10.0.0.2": "host",
            "sudo python3 old/net/flows.py --src-ip 10.1.0.2": "vm",
            "sudo python3 old/kvm/irq.py 4242": "vm",
            "sudo python3 old/tun/ring.py": "vm",
            "sudo python3 old/net/qdisc.py": "host",
        }
        entries = [{"id": n, "name": f"n{n}", "command": c, "duration": 3} for n, c in enumerate(commands, 1)]
        write_cases(folder, json.dumps(entries))
        cases = load_cases(folder, load_environment(folder))
        assert {case.command: case.pair_kind for case in cases} == commands
        assert [case.category for case in cases] == ["net", "net", "kvm", "tun", "net"]
        assert [case.duration_s for case in cases] == [3.0] * 5

    def test_broken_json_names_the_line(self, folder: Path) -> None:
        file = write_cases(folder, '{"test_cases": [\n{"id": 1,,}]}')
        with pytest.raises(ConfigError, match=rf"{file}:2:10: broken JSON"):
            load_cases(folder, load_environment(folder))

    def test_no_cases_is_an_error(self, folder: Path) -> None:
        write_cases(folder, [])
        with pytest.raises(ConfigError, match=r"bed-cases.json:1: no cases.*\n.*probecost bootstrap"):
            load_cases(folder, load_environment(folder))

    def test_a_missing_file_says_the_command(self, folder: Path) -> None:
        with pytest.raises(ConfigError, match=r"has no <env>-cases.json yet\n.*probecost bootstrap"):
            load_cases(folder, load_environment(folder))

    def test_ids_and_commands_that_repeat(self, folder: Path) -> None:
        write_cases(folder, [CASE, {**CASE, "command": "sudo x/drops.py -v"}, {**CASE, "id": 3}])
        with pytest.raises(ConfigError) as caught:
            load_cases(folder, load_environment(folder))
        repeated_id, repeated_command = caught.value.problems
        assert ":17: test_cases[1].id = 1: the case in line 4 has this id too" in repeated_id
        assert "test_cases[2].command" in repeated_command
        assert "case 1 runs the same command" in repeated_command

    def test_a_pair_that_the_environment_has_not(self, folder: Path) -> None:
        start, end = FULL.index("  vm:"), FULL.index("paths:")
        (folder / "bed-full.yaml").write_text(FULL[:start] + FULL[end:])
        write_cases(folder, [{**CASE, "environment": "vm"}])
        with pytest.raises(ConfigError, match=r'\.environment = "vm": environment bed-42 has no vm test pair'):
            load_cases(folder, load_environment(folder))

    def test_mistakes_of_both_files_are_reported_together(self, folder: Path) -> None:
        (folder / "bed-full.yaml").write_text(FULL.replace("port: 2222", "port: many"))
        write_cases(folder, [{**CASE, "id": "one"}])
        with pytest.raises(ConfigError) as caught:
            load_folder(folder)
        assert [problem.split(": ")[1] for problem in caught.value.problems] == [
            'ssh.ssh_hosts.left.port = "many"',
            'test_cases[0].id = "one"',
        ]

    def test_both_files(self, folder: Path) -> None:
        write_cases(folder, [CASE])
        environment, cases = load_folder(folder)
        assert (environment.name, len(cases)) == ("bed-42", 1)


class TestMistakesOfAllFiles:
    def test_seven_mistakes_in_three_files_give_seven_messages_with_seven_lines(self, folder: Path) -> None:
        text = FULL.replace("workdir: /root/work", "wrkdir: /root/work").replace("ssh_ref: right", "ssh_ref: rigth")
        (folder / "bed-full.yaml").write_text(text.replace("streams: 3", "streams: many"))
        write_cases(folder, [{**CASE, "enviroment": "host"}, {**CASE, "id": 2, "duration": 0}])
        (folder / "bed-minimal.yaml").write_text(
            "environment: bed-42\nnodes:\n  left: {ssh: 'a b', role: host}\n  right: {ssh: x, role: hots}\n"
        )
        with pytest.raises(ConfigError) as caught:
            load_folder(folder)
        assert [problem.removeprefix(f"{folder}/").split(": ")[0] for problem in caught.value.problems] == [
            "bed-full.yaml:6",
            "bed-full.yaml:12",
            "bed-full.yaml:27",
            "bed-cases.json:15",
            "bed-cases.json:28",
            "bed-minimal.yaml:3",
            "bed-minimal.yaml:4",
        ]

    def test_a_minimal_input_with_mistakes_does_not_matter_where_all_else_is_right(self, folder: Path) -> None:
        write_cases(folder, [CASE])
        (folder / "bed-minimal.yaml").write_text("nodes: []\n")
        assert load_folder(folder)[0].name == "bed-42"


class TestOutdated:
    def test_without_generated_files_there_is_something_to_generate(self, tmp_path: Path) -> None:
        assert not is_outdated(tmp_path)
        (tmp_path / "minimal-input.yaml").write_text("environment: x\n")
        assert is_outdated(tmp_path)

    def test_files_that_record_nothing_are_never_outdated(self, folder: Path) -> None:
        write_cases(folder, [CASE])
        (folder / "bed-minimal.yaml").write_text("environment: bed\n")
        assert not is_outdated(folder)

    def test_content_decides_and_not_time(self, folder: Path) -> None:
        write_cases(folder, [CASE])
        minimal = folder / "bed-minimal.yaml"
        minimal.write_text("environment: bed\n")
        record = f"generated: {{inputs: {{bed-minimal.yaml: {sha256_of(minimal)}, gone.yaml: 00}}}}\n"
        (folder / "bed-full.yaml").write_text(FULL + record)
        minimal.touch()
        assert not is_outdated(folder)
        minimal.write_text("environment: bed # changed\n")
        assert is_outdated(folder)
