import json
from pathlib import Path

import pytest
from helpers.legacy_folder import GUEST_CASES, HOST_CASES, change, make_legacy, write_cases

from probecost.config.environment import PairSide, PerfTestSpec, SshHost
from probecost.config.folder import find_environment, is_outdated, load_all, load_folder
from probecost.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_legacy(tmp_path / "config")


def problems(folder: Path) -> list[str]:
    """What is wrong, without the folder's path."""
    with pytest.raises(ConfigError) as caught:
        load_folder(folder)
    return [text.replace(f"{folder}/", "").replace(f"{folder.parent}/", "") for text in caught.value.problems]


class TestEnvironment:
    def test_all_of_it(self, folder: Path) -> None:
        environment, _ = load_folder(folder)
        assert environment.name == "old-bed"
        assert environment.nodes["left"] == SshHost("left", "192.0.2.1", "/home/me/work", "me", None)
        assert environment.nodes["right"].port == 2222
        assert environment.pairs["host"].server == PairSide("left", "10.0.0.1", "eth7", "left")
        assert environment.pairs["vm"].client == PairSide("guest-b", "10.1.0.2", None, "right")
        assert environment.perf_tests == (
            PerfTestSpec("throughput", "single", 4, target_bitrate="2G"),
            PerfTestSpec("throughput", "multi", 6, streams=3),
            PerfTestSpec("latency", "tcp_rr", 5),
        )
        assert environment.port_range == (6001, 6100)
        assert (environment.tools_dir, environment.local_tools_dir) == ("probes", None)
        assert environment.variables["vm"]["VM_INTERFACE"] == "vnet3"
        assert environment.variables["host"]["INTERNAL_INTERFACE"] == "port-x"

    def test_it_is_found_by_its_folder_and_never_outdated(self, folder: Path) -> None:
        assert find_environment(folder.parent, "old-bed") == folder
        assert not is_outdated(folder)

    def test_a_literal_number_in_a_template_counts_where_the_key_is_missing(self, folder: Path) -> None:
        file = "performance-test-spec.yaml"
        change(folder, file, "    duration: 5\n", "")
        change(folder, file, "-l {duration}", "-l 9")
        change(folder, file, "-t {duration} -b {target_bw}", "-t 8 -b 5G")
        change(folder, file, "      duration: 4\n      target_bw: [2G]\n", "")
        single, _, latency = load_folder(folder)[0].perf_tests
        assert (single.duration_s, single.target_bitrate, latency.duration_s) == (8, "5G", 9)

    def test_latency_is_measured_with_the_protocols_that_have_a_command(self, folder: Path) -> None:
        file = "performance-test-spec.yaml"
        change(folder, file, "client_cmd_tcp: netperf", "client_cmd_udp: netperf")
        assert [spec.name for spec in load_folder(folder)[0].perf_tests][2:] == ["latency:udp_rr"]
        text = (folder / file).read_text()
        kept = [line for line in text.splitlines() if "netperf" not in line]
        (folder / file).write_text("\n".join(kept))
        names = [spec.name for spec in load_folder(folder)[0].perf_tests]
        assert names[2:] == ["latency:tcp_rr", "latency:udp_rr"]

    def test_latency_may_be_spelt_as_in_a_full_file(self, folder: Path) -> None:
        change(
            folder, "performance-test-spec.yaml", "    duration: 5\n", "    duration: 5\n    udp_rr: {duration: 2}\n"
        )
        assert load_folder(folder)[0].perf_tests[2:] == (PerfTestSpec("latency", "udp_rr", 2),)

    def test_perf_tests_that_no_tool_asks_for_are_not_run(self, folder: Path) -> None:
        change(folder, "ebpf-tools-config.yaml", "[throughput, latency]", "latency")
        assert [spec.perf_type for spec in load_folder(folder)[0].perf_tests] == ["latency"]


class TestCases:
    def test_in_the_order_written_and_counted_anew(self, folder: Path) -> None:
        _, cases = load_folder(folder)
        assert [(case.id, case.key, case.category, case.duration_s) for case in cases] == [
            (1, "host-drops-tx", "packet_drops", 12),
            (2, "host-drops-rx", "packet_drops", 10),
            (3, "vm-ring-vhost_pid_vhost_pids.0", "rings", 10),
        ]

    def test_ids_that_are_no_one_elses_are_kept(self, folder: Path) -> None:
        write_cases(folder.parent / "cases/guests.json", [{**GUEST_CASES[0], "id": 7}])
        assert [case.id for case in load_folder(folder)[1]] == [2, 1, 7]

    def test_a_bare_list_of_cases(self, folder: Path) -> None:
        (folder.parent / "cases/guests.json").write_text(json.dumps(GUEST_CASES))
        assert len(load_folder(folder)[1]) == 3

    def test_what_a_case_says_of_itself_wins(self, folder: Path) -> None:
        own = {**GUEST_CASES[0], "category": "mine", "environment": "host", "description": "by hand"}
        write_cases(folder.parent / "cases/guests.json", [own])
        loaded = load_all(folder)
        assert (loaded.cases[2].category, loaded.cases[2].pair_kind) == ("mine", "host")
        assert [entry.description for entry in loaded.case_file.entries] == [
            "case 2 of host-cases.json",
            "case 1 of host-cases.json",
            "by hand",
        ]

    def test_a_tool_for_both_pairs_gives_each_case_twice(self, folder: Path) -> None:
        change(folder, "ebpf-tools-config.yaml", "applicable_environments: [vm]", "applicable_environments: [host, vm]")
        keys = [case.key for case in load_folder(folder)[1]]
        assert keys[2:] == ["host-ring-vhost_pid_vhost_pids.0", "vm-ring-vhost_pid_vhost_pids.0"]

    def test_a_tool_without_associations_is_placed_by_its_command(self, folder: Path) -> None:
        text = (folder / "ebpf-tools-config.yaml").read_text()
        (folder / "ebpf-tools-config.yaml").write_text(text[: text.rindex("    test_associations")])
        write_cases(folder.parent / "cases/guests.json", [{**GUEST_CASES[0], "command": "sudo x --src-ip 10.1.0.2"}])
        assert load_folder(folder)[1][2].pair_kind == "vm"

    @pytest.mark.parametrize("place", ["config/old-bed", "config", ".", ".."])
    def test_where_files_of_cases_are_looked_for(self, folder: Path, place: str) -> None:
        target = folder.parents[1] / place / "elsewhere"
        target.mkdir()
        (folder.parent / "cases/guests.json").rename(target / "guests.json")
        change(folder, "ebpf-tools-config.yaml", "cases/guests.json", "elsewhere/guests.json")
        assert len(load_folder(folder)[1]) == 3

    def test_a_whole_path(self, folder: Path) -> None:
        file = folder.parent / "cases/guests.json"
        change(folder, "ebpf-tools-config.yaml", "cases/guests.json", str(file))
        assert len(load_folder(folder)[1]) == 3

    def test_a_file_that_is_nowhere_lists_the_places(self, folder: Path) -> None:
        (folder.parent / "cases/guests.json").unlink()
        (problem,) = problems(folder)
        assert problem.startswith("ebpf-tools-config.yaml:14: ebpf_tools.rings.testcase_source.file")
        for place in ("", f"{folder.parents[1]}/"):
            assert f"{place}cases/guests.json" in problem

    def test_an_id_that_the_file_has_not(self, folder: Path) -> None:
        change(folder, "ebpf-tools-config.yaml", "case_ids: [2, 1]", "case_ids:\n        - 2\n        - 9")
        assert problems(folder) == [
            "ebpf-tools-config.yaml:9: ebpf_tools.drops.testcase_source.case_ids[1] = 9: "
            "cases/host-cases.json has no case with this id (it has 1 to 3)"
        ]

    def test_an_id_that_stands_twice_in_a_file(self, folder: Path) -> None:
        write_cases(folder.parent / "cases/host-cases.json", [HOST_CASES[0], HOST_CASES[1], HOST_CASES[0]])
        (problem,) = problems(folder)
        assert "test_cases[2].id = 1: 2 cases of this file have this id" in problem

    def test_a_case_that_is_chosen_twice_names_its_file(self, folder: Path) -> None:
        change(folder, "ebpf-tools-config.yaml", "case_ids: [2, 1]", "case_ids: [2, 2]")
        (problem,) = problems(folder)
        assert problem.startswith("cases/host-cases.json:15: test_cases[1].command")
        assert "case 1 runs the same command" in problem


class TestMistakes:
    def test_seven_mistakes_in_six_files_give_seven_messages_with_seven_lines(self, folder: Path) -> None:
        change(folder, "ssh-config.yaml", "workdir: /home/me/work\n", "workdri: /home/me/work\n")
        change(folder, "test-env-config.yaml", "ssh_ref: right", "ssh_ref: rigth")
        change(folder, "test-env-config.yaml", "test_ip: 10.1.0.1", "test_ip: 10.1.0.1/24")
        change(folder, "performance-test-spec.yaml", "duration: 6", "duration: long")
        change(folder, "ebpf-tools-config.yaml", "applicable_environments: [host]", "applicable_environments: [hots]")
        write_cases(folder.parent / "cases/guests.json", [{**GUEST_CASES[0], "duration": -1}])
        write_cases(folder.parent / "cases/host-cases.json", [{**HOST_CASES[0], "comand": "x"}, *HOST_CASES[1:]])
        found = problems(folder)
        assert [problem.split(": ")[0] for problem in found] == [
            "ssh-config.yaml:5",
            "test-env-config.yaml:5",
            "test-env-config.yaml:8",
            "performance-test-spec.yaml:11",
            "ebpf-tools-config.yaml:9",
            "cases/host-cases.json:11",
            "cases/guests.json:10",
        ]
        assert "ssh_hosts.left.workdri = \"/home/me/work\": unknown key (did you mean 'workdir'?)" in found[0]
        assert "there is no such node (did you mean 'right'?)" in found[1]
        assert "expected 'host' or 'vm' (did you mean 'host'?)" in found[4]

    @pytest.mark.parametrize(
        ("file", "old", "new", "message"),
        [
            ("ssh-config.yaml", "ssh_hosts:", "ssh_host:", "ssh_host: unknown key (did you mean 'ssh_hosts'?)"),
            ("ebpf-tools-config.yaml", "case_ids: [2, 1]", "case_ids: all", "expected a list"),
            ("ebpf-tools-config.yaml", "file: cases/guests.json", "fil: x", "did you mean 'file'?"),
            (
                "performance-test-spec.yaml",
                "streams: [3]",
                "streams: [0]",
                "expected a number greater than or equal to 1",
            ),
            ("performance-test-spec.yaml", "latency:", "latncy:", "did you mean 'latency'?"),
            ("test-env-config.yaml", "physical_host_ref: left", "interface: ens3", "this key is missing"),
        ],
    )
    def test_each_is_said_once(self, folder: Path, file: str, old: str, new: str, message: str) -> None:
        change(folder, file, old, new)
        (problem,) = problems(folder)
        assert problem.startswith(f"{file}:")
        assert message in problem

    def test_broken_files_do_not_hide_the_others(self, folder: Path) -> None:
        (folder / "ssh-config.yaml").write_text("ssh_hosts: [\n")
        change(folder, "performance-test-spec.yaml", "duration: 6", "duration: 0")
        assert [problem.split(": ")[0] for problem in problems(folder)] == [
            "ssh-config.yaml:2:1",
            "performance-test-spec.yaml:11",
        ]

    def test_a_folder_without_any_pair(self, folder: Path) -> None:
        (folder / "test-env-config.yaml").write_text("test_environments: {}\n")
        assert problems(folder) == ["test-env-config.yaml:1: test_environments: expected a test pair: host, vm or both"]

    @pytest.mark.parametrize("name", ["-bed", "a\nb", "x" * 101])
    def test_a_folder_whose_name_no_environment_can_have(self, folder: Path, name: str) -> None:
        other = folder.rename(folder.with_name(name))
        with pytest.raises(ConfigError, match=r"a legacy environment has the name of its folder"):
            load_folder(other)

    def test_tools_of_which_none_fits(self, folder: Path) -> None:
        text = (folder / "test-env-config.yaml").read_text()
        (folder / "test-env-config.yaml").write_text(text[: text.index("  vm:")])
        assert len(load_folder(folder)[1]) == 2
        change(folder, "ebpf-tools-config.yaml", "environments: [host]", "environments: [vm]")
        assert problems(folder) == ["ebpf-tools-config.yaml:1: ebpf_tools: no cases for this environment"]


class TestNotes:
    def notes(self, folder: Path) -> list[str]:
        return [text.replace(f"{folder}/", "") for text in load_folder(folder)[0].notes]

    def test_only_the_ports_of_a_plain_folder(self, folder: Path) -> None:
        assert self.notes(folder) == [
            "performance-test-spec.yaml:8: performance_tests.throughput.single_stream.ports = [6001]: "
            "not fixed here and below: any free ports from 6001 to 6100 are taken, netperf's too"
        ]

    @pytest.mark.parametrize(
        ("old", "new", "line", "message"),
        [
            ("-b {target_bw} -J", "-b {target_bw} -w 4M --length 1k", 5, "not taken over: -w 4M, -l 1k"),
            ("iperf3 -c", "taskset -c 1 /opt/iperf3 -c", 5, "not taken over: taskset -c 1"),
            ("iperf3 -s -p {port}", "nc -l {port}", 4, "not used: throughput is measured with iperf3"),
            ("client_cmd_tcp: iperf3", "client_cmd_udp: iperf3", 5, "not used: throughput is measured over TCP only"),
            ("-l {duration}", "-l 10", 15, "its -l 10 is not taken over, duration: 5 is"),
            ("-o mean_latency", "-o mean_latency,stddev_latency -r 64,64", 15, "-o stddev_latency, -r 64,64"),
            ("target_bw: [2G]", "target_bw: [2G, 5G]", 7, "only the first value is measured: 2G"),
            ("streams: [3]", "streams: [3, 8]", 10, "only the first value is measured: 3"),
            ("-t {duration} -b {target_bw}", "-t 0 -b fast -P 500", 5, "not taken over: -t 0, -b fast, -P 500"),
            ("-l {duration}", "-l -1000", 15, "not taken over: -l -1000"),
            ("interval: 1", "interval: 2", 19, "always recorded once a second"),
            ("cpu: {enabled: true", "cpu: {enabled: false", 20, "not used: it is always recorded"),
        ],
    )
    def test_what_has_no_counterpart(self, folder: Path, old: str, new: str, line: int, message: str) -> None:
        change(folder, "performance-test-spec.yaml", old, new)
        (note,) = [note for note in self.notes(folder) if ".ports" not in note]
        assert note.startswith(f"performance-test-spec.yaml:{line}: ")
        assert message in note

    def test_pps_is_udp_with_small_datagrams(self, folder: Path) -> None:
        commands = "    client_cmd_udp: iperf3 -c {server_ip} -t {duration} -l 64 -u\n    client_cmd_tcp: iperf3 -c x\n"
        change(folder, "performance-test-spec.yaml", "monitoring:\n", f"  pps:\n{commands}monitoring:\n")
        change(folder, "ebpf-tools-config.yaml", "[throughput, latency]", "[throughput, latency, pps]")
        (note,) = [note for note in self.notes(folder) if ".ports" not in note]
        assert "pps.client_cmd_tcp" in note
        assert "not used: pps is measured over UDP only" in note

    def test_logins_are_by_key(self, folder: Path) -> None:
        change(folder, "ssh-config.yaml", "    user: me\n", "    user: me\n    password: hush\n    key_file: /k\n")
        password, key, _ = self.notes(folder)
        assert password.startswith("ssh-config.yaml:5: ssh_hosts.left.password: not used")
        assert "hush" not in password
        assert "IdentityFile" in key

    def test_tools_that_ask_for_less_than_others(self, folder: Path) -> None:
        text = (folder / "ebpf-tools-config.yaml").read_text()
        (folder / "ebpf-tools-config.yaml").write_text(text.replace("[throughput, latency]", "[latency]", 1))
        assert "throughput too" in self.notes(folder)[1]

    def test_tools_that_are_left_out(self, folder: Path) -> None:
        change(folder, "ebpf-tools-config.yaml", "  rings:\n", "  rings:\n    enabled: false\n")
        change(folder, "ebpf-tools-config.yaml", "cpu: true", "cpu: false")
        recorded, disabled = self.notes(folder)[1:]
        assert "resource_monitoring.cpu = false: not used: it is always recorded" in recorded
        assert "ebpf_tools.rings.enabled = false: its cases are left out" in disabled


class TestFormats:
    def test_a_folder_of_both_formats(self, folder: Path) -> None:
        (folder / "minimal-input.yaml").write_text("environment: bed\n")
        for step in (load_folder, is_outdated):
            with pytest.raises(ConfigError, match=r"holds both formats: minimal-input.yaml \(unified\) and ssh-config"):
                step(folder)

    def test_a_folder_that_lacks_some_of_the_four(self, folder: Path) -> None:
        (folder / "performance-test-spec.yaml").unlink()
        with pytest.raises(ConfigError, match=r"legacy format and lacks performance-test-spec.yaml"):
            load_folder(folder)

    def test_a_cases_file_that_nobody_names(self, folder: Path) -> None:
        (folder / "old-bed-cases.json").write_text("[]")
        with pytest.raises(ConfigError, match=r"old-bed-cases.json: is in a folder of the legacy format"):
            load_folder(folder)
        change(folder, "ebpf-tools-config.yaml", "cases/guests.json", "old-bed-cases.json")
        write_cases(folder / "old-bed-cases.json", GUEST_CASES)
        assert len(load_folder(folder)[1]) == 3
