import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from probecost.config.environment import SshHost
from probecost.config.folder import is_outdated, load_folder
from probecost.discovery.answers import NodeFacts
from probecost.discovery.bootstrap import BootstrapResult, bootstrap
from probecost.errors import ConfigError, ProbecostError, UnreachableError
from probecost.remote.questions import Questions

MINIMAL = """\
version: "1.0"
environment: bed
ssh_config: client.conf
nodes:
  host-server: {ssh: me@192.0.2.1:2222, role: host, workdir: /home/me/w, test_ip: 10.0.0.1}
  host-client: {ssh: 192.0.2.2, role: host, test_ip: 10.0.0.2}
tools:
  registry: tools.yaml
performance_tests:
  pps: null
  latency: {duration: 3}
  throughput: {multi_stream: {streams: 2}}
"""
REGISTRY = """\
tools:
  categories:
    net:
      directions: [rx, tx]
      tools:
        - {script: a.py, template: 'sudo python3 {path} {SRC_IP} {p}', parameters: {p: [tcp, udp]}, attaches: none}
        - {script: b.py, template: 'sudo python3 {path} --dev {VM_INTERFACE}', level: 0.50}
"""


def facts(address: str) -> dict[str, object]:
    interface = {"name": "eth5", "driver": "veth", "mtu": 1500, "state": "up", "addresses": [f"{address}/24"]}
    versions = {"kernel": "6.1.0", "python": "3.11.2", "iperf3": "3.12", "btf": True}
    return {"facts": versions | {"interfaces": [interface]}, "links": {"eth5": {"device": True}}}


@dataclass
class Probe:
    """Answers for two hosts; ``answers`` replaces single ones."""

    answers: dict[str, NodeFacts | ProbecostError] = field(default_factory=dict)
    asked: list[Questions] = field(default_factory=list)

    def __call__(self, questions: Questions) -> Mapping[str, NodeFacts | ProbecostError]:
        self.asked.append(questions)
        known = {"host-server": facts("10.0.0.1"), "host-client": facts("10.0.0.2")}
        return {node.name: known.get(node.name, {}) for node in questions.hosts} | self.answers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bed"
    folder.mkdir()
    (folder / "minimal-input.yaml").write_text(MINIMAL)
    (folder / "tools.yaml").write_text(REGISTRY)
    (folder / "client.conf").write_text("Host *\n")
    return folder


def run(folder: Path, probe: Probe | None = None, *, force: bool = False, dry_run: bool = False) -> BootstrapResult:
    minimal = folder / "minimal-input.yaml"
    return bootstrap(minimal, folder, probe or Probe(), force=force, dry_run=dry_run)


def states(result: BootstrapResult) -> list[str]:
    return [change.state for change in result.files]


class TestFromMinimalToCases:
    def test_files_that_load(self, folder: Path) -> None:
        result = run(folder)
        assert result.is_ok
        assert (result.cases, states(result)) == (5, ["written", "written"])
        environment, cases = load_folder(folder)
        assert environment.nodes == {
            "host-server": SshHost("host-server", "192.0.2.1", "/home/me/w", "me", 2222),
            "host-client": SshHost("host-client", "192.0.2.2", "/root/probecost"),
        }
        assert environment.ssh_config == folder / "client.conf"
        assert environment.pairs["host"].server.interface == "eth5"
        assert [(spec.name, spec.duration_s, spec.streams) for spec in environment.perf_tests] == [
            ("throughput:single", 10, 1),
            ("throughput:multi", 10, 2),
            ("latency:tcp_rr", 3, 1),
            ("latency:udp_rr", 3, 1),
        ]
        assert [case.key for case in cases] == [
            "host-a-rx_p_tcp",
            "host-a-rx_p_udp",
            "host-a-tx_p_tcp",
            "host-a-tx_p_udp",
            "host-b",
        ]
        assert [case.command for case in cases[::4]] == [
            "sudo python3 lab/tools/net/a.py 10.0.0.2 tcp",
            "sudo python3 lab/tools/net/b.py",
        ]
        assert [case.attaches for case in cases[::4]] == ["none", "bpf"]

    def test_a_value_of_a_section_goes_before_the_defaults_of_its_tests(self, folder: Path) -> None:
        own = "pps: {duration: 2, target_bw: 5M, multi_stream: {duration: 7}}"
        (folder / "minimal-input.yaml").write_text(MINIMAL.replace("pps: null", own))
        run(folder)
        environment, _ = load_folder(folder)
        found = [spec for spec in environment.perf_tests if spec.perf_type == "pps"]
        assert [(spec.name, spec.duration_s, spec.target_bitrate, spec.streams) for spec in found] == [
            ("pps:single", 2, "5M", 1),
            ("pps:multi", 7, "5M", 4),
        ]

    def test_budgets_come_along(self, folder: Path) -> None:
        budgets = "budgets: {default: {latency_mean:tcp_rr: 5%}, cases: {host-b: {latency_mean: 7}}}\n"
        (folder / "minimal-input.yaml").write_text(MINIMAL + budgets)
        run(folder)
        found = {case.key: [(b.name, b.percent) for b in case.budgets] for case in load_folder(folder)[1]}
        assert found["host-a-tx_p_tcp"] == [("latency_mean:tcp_rr", 5.0)]
        assert found["host-b"] == [("latency_mean:tcp_rr", 7.0), ("latency_mean:udp_rr", 7.0)]

    def test_a_budget_for_a_tool_that_there_is_not(self, folder: Path) -> None:
        (folder / "minimal-input.yaml").write_text(MINIMAL + "budgets: {tools: {nobody: {latency_mean: 7}}}\n")
        with pytest.raises(ConfigError, match=r"minimal-input.yaml:\d+: budgets.tools.nobody: there is no such tool"):
            run(folder)
        assert not (folder / "bed-full.yaml").exists()

    @pytest.mark.parametrize("defaults", ["", "defaults: {duration: 3}\n"])
    def test_the_hint_for_python(self, folder: Path, defaults: str) -> None:
        hint = "discovery_hints: {python_interpreter: python3.9}\n"
        (folder / "minimal-input.yaml").write_text(MINIMAL + hint + defaults)
        probe = Probe()
        run(folder, probe)
        assert probe.asked[0].python == "python3.9"
        environment, cases = load_folder(folder)
        assert environment.python_interpreter == "python3.9"
        assert cases[0].duration_s == (3 if defaults else 10)

    def test_all_nodes_are_asked_at_once(self, folder: Path) -> None:
        probe = Probe()
        run(folder, probe)
        (questions,) = probe.asked
        assert [node.name for node in questions.hosts] == ["host-server", "host-client"]
        assert (questions.ssh_config, questions.python) == (folder / "client.conf", "python3")

    def test_rows_and_notes(self, folder: Path) -> None:
        result = run(folder)
        server, _ = result.rows
        assert (server.kernel, server.iperf3, server.netperf, server.btf) == ("6.1.0", "3.12", "missing", "yes")
        assert server.interface == "10.0.0.1 on eth5 (veth, mtu 1500, up)"
        assert result.notes == ("net/b.py: the option with {VM_INTERFACE} left out, this environment has none",)

    def test_the_full_file_says_who_wrote_it_and_keeps_the_registry_as_written(self, folder: Path) -> None:
        run(folder)
        text = (folder / "bed-full.yaml").read_text()
        assert text.startswith("# Generated by `probecost bootstrap` from minimal-input.yaml.\n")
        assert "&id" not in text
        content = yaml.safe_load(text)
        assert set(content["generated"]["inputs"]) >= {"minimal-input.yaml", "tools.yaml"}
        assert content["tools"]["categories"]["net"]["tools"][1]["level"] == "0.50"

    def test_an_output_folder_elsewhere(self, folder: Path, tmp_path: Path) -> None:
        target = tmp_path / "deep" / "er"
        assert bootstrap(folder / "minimal-input.yaml", target, Probe()).is_ok
        environment, _ = load_folder(target)
        assert environment.ssh_config == folder / "client.conf"
        assert not is_outdated(target)
        (folder / "tools.yaml").write_text(REGISTRY + "\n# changed\n")
        assert is_outdated(target)

    def test_the_default_registry_gives_the_cases_of_our_own_tools(self, folder: Path) -> None:
        (folder / "minimal-input.yaml").write_text(MINIMAL.replace("tools:\n  registry: tools.yaml\n", ""))
        run(folder)
        _, cases = load_folder(folder)
        assert len(cases) == 13
        assert cases[0].key == "host-eth_drop-rx_protocol_tcp"
        assert cases[0].command == "sudo bpftrace lab/tools/packet-drop/eth_drop.bt tcp rx"
        assert (cases[-1].key, cases[-1].attaches) == ("host-null", "none")


class TestProblems:
    def test_of_one_node_do_not_hide_the_others(self, folder: Path) -> None:
        probe = Probe(
            {"host-server": UnreachableError("host-server", "does not answer"), "host-client": facts("10.9.9.9")}
        )
        result = run(folder, probe)
        assert not result.is_ok
        assert result.problems == (
            "node host-server: does not answer",
            "node host-client: no interface has the test_ip 10.0.0.2; addresses: 10.9.9.9 on eth5",
        )
        assert [row.kernel for row in result.rows] == ["", "6.1.0"]
        assert not list(folder.glob("bed-*"))
        with pytest.raises(ProbecostError, match=r"(?s)bed cannot be bootstrapped.*host-server.*host-client"):
            result.raise_for_problems()

    def test_a_node_that_was_forgotten(self, folder: Path) -> None:
        result = bootstrap(folder / "minimal-input.yaml", folder, lambda questions: {})
        assert result.problems == ("node host-server: was not asked", "node host-client: was not asked")

    def test_mistakes_in_files_are_found_before_any_node_is_asked(self, folder: Path) -> None:
        (folder / "minimal-input.yaml").write_text(MINIMAL.replace("client.conf", "nowhere.conf"))
        (folder / "tools.yaml").write_text(REGISTRY.replace("{SRC_IP}", "{SRC}"))
        probe = Probe()
        with pytest.raises(ConfigError) as caught:
            run(folder, probe)
        ssh, variable = caught.value.problems
        assert 'minimal-input.yaml:3: ssh_config = "nowhere.conf": there is no file' in ssh
        assert f"{folder / 'tools.yaml'}:6: tool net/a.py: unknown variable {{SRC}}" in variable
        assert probe.asked == []

    def test_which_is_the_server(self, folder: Path) -> None:
        text = MINIMAL.replace("host-server", "alpha").replace("host-client", "beta")
        (folder / "minimal-input.yaml").write_text(text)
        with pytest.raises(ConfigError, match="not clear which of alpha, beta is the server") as caught:
            run(folder)
        assert "    server: alpha\n    client: beta" in caught.value.hint

    def test_one_node_is_no_pair(self, folder: Path) -> None:
        lines = [line for line in MINIMAL.splitlines() if "host-client" not in line]
        (folder / "minimal-input.yaml").write_text("\n".join(lines))
        with pytest.raises(ConfigError, match="no test pair"):
            run(folder)

    def test_tools_that_give_no_case(self, folder: Path) -> None:
        (folder / "tools.yaml").write_text(REGISTRY.replace("directions:", "environment: vm\n      directions:"))
        with pytest.raises(ConfigError, match=r"give no case\ncategory net: left out, .* no vm test pair"):
            run(folder)


class TestFilesThatAreThere:
    def test_nothing_changes_nothing(self, folder: Path) -> None:
        run(folder)
        before = (folder / "bed-full.yaml").stat().st_mtime_ns
        assert states(run(folder)) == ["unchanged", "unchanged"]
        assert (folder / "bed-full.yaml").stat().st_mtime_ns == before

    def test_generated_files_follow_their_input(self, folder: Path) -> None:
        run(folder)
        assert not is_outdated(folder)
        (folder / "minimal-input.yaml").write_text(MINIMAL.replace("duration: 3", "duration: 4"))
        assert is_outdated(folder)
        assert states(run(folder)) == ["written", "written"]
        assert load_folder(folder)[0].perf_tests[2].duration_s == 4
        assert not is_outdated(folder)

    @pytest.mark.parametrize("name", ["bed-full.yaml", "bed-cases.json"])
    def test_an_edited_file_is_not_overwritten(self, folder: Path, name: str) -> None:
        run(folder)
        file = folder / name
        edited = file.read_text().replace("python3", "python3.9")
        file.write_text(edited)
        result = run(folder)
        assert not result.is_ok
        assert [change.path for change in result.edited] == [file]
        assert file.read_text() == edited
        difference = result.edited[0].difference
        assert any(line.startswith("-") and "python3.9" in line for line in difference.splitlines())
        with pytest.raises(ConfigError, match=rf"(?s){name}: edited since it was generated.*--force"):
            result.raise_for_problems()

    def test_a_comment_is_an_edit_too(self, folder: Path) -> None:
        run(folder)
        file = folder / "bed-full.yaml"
        file.write_text(file.read_text() + "# mine\n")
        assert [change.path for change in run(folder).edited] == [file]

    def test_with_one_edited_file_none_is_written(self, folder: Path) -> None:
        run(folder)
        cases = folder / "bed-cases.json"
        cases.write_text("[]")
        full = (folder / "bed-full.yaml").read_text()
        (folder / "minimal-input.yaml").write_text(MINIMAL.replace("duration: 3", "duration: 4"))
        assert states(run(folder)) == ["edited", "not written"]
        assert (folder / "bed-full.yaml").read_text() == full

    def test_force_overwrites(self, folder: Path) -> None:
        run(folder)
        (folder / "bed-cases.json").write_text("[]")
        assert run(folder, force=True).is_ok
        assert len(json.loads((folder / "bed-cases.json").read_text())["test_cases"]) == 5
        assert run(folder).is_ok

    def test_files_of_another_origin_are_the_users(self, folder: Path) -> None:
        (folder / "other-full.yaml").write_text("environment: bed\n")
        result = run(folder)
        assert [change.path.name for change in result.edited] == ["other-full.yaml"]
        assert run(folder, force=True).is_ok
        assert [file.name for file in sorted(folder.glob("*-full.yaml"))] == ["other-full.yaml"]

    def test_a_broken_full_file_is_the_users_too(self, folder: Path) -> None:
        (folder / "bed-full.yaml").write_text("a: [\n")
        assert not run(folder).is_ok

    def test_a_dry_run_writes_nothing(self, folder: Path, tmp_path: Path) -> None:
        target = tmp_path / "elsewhere"
        result = bootstrap(folder / "minimal-input.yaml", target, Probe(), dry_run=True)
        assert states(result) == ["would be written", "would be written"]
        assert result.cases == 5
        assert not target.exists()


class TestHostileNodes:
    @pytest.mark.parametrize("name", ["eth0;reboot", "$(id)", "a b", "-rf", "it's", "\x1b[2J", "a`id`", ""])
    def test_an_interface_whose_name_is_a_command_is_refused(self, folder: Path, name: str) -> None:
        answer = json.loads(json.dumps(facts("10.0.0.1")).replace("eth5", "NAME"))
        answer["facts"]["interfaces"][0]["name"] = name
        answer["links"] = {name: {"device": True}}
        with pytest.raises(ProbecostError, match="host-server") as told:
            run(folder, Probe({"host-server": answer}))
        assert "\x1b" not in str(told.value)
        assert not (folder / "bed-full.yaml").exists()

    @pytest.mark.parametrize("address", ["nonsense", "10.0.0.1/99", "<b>", ""])
    def test_an_address_that_is_none_names_its_node(self, folder: Path, address: str) -> None:
        answer = json.loads(json.dumps(facts("10.0.0.1")))
        answer["facts"]["interfaces"][0]["addresses"] = [address]
        result = run(folder, Probe({"host-server": answer}))
        assert not result.is_ok
        told = [
            text for text in result.problems if "host-server: its answer cannot be read: facts.interfaces.0" in text
        ]
        assert told, result.problems
