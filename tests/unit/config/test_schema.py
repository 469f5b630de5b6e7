from pathlib import Path

import pytest

from probecost import PACKAGE
from probecost.config.documents import Document, read_json, read_yaml
from probecost.config.folder import load_minimal
from probecost.config.schema import CasesFile, FullFile
from probecost.config.tools import RegistryFile
from probecost.config.validation import validate
from probecost.config.values import Destination, parse_destination
from probecost.errors import ConfigError

MINIMAL = """\
version: "1.0"
environment: bed
nodes:
  left-server:
    ssh: me@192.0.2.1:2222
    role: host
    workdir: /home/me/work
    test_ip: 10.9.0.1
  right-client:
    ssh: 192.0.2.2
    role: host
    test_ip: 10.9.0.2
test_pairs:
  host: {server: left-server, client: right-client}
"""


def document(folder: Path, text: str) -> Document:
    file = folder / "file.yaml"
    file.write_text(text)
    return read_yaml(file)


def problems(folder: Path, text: str) -> list[str]:
    """What ``load_minimal`` says, without the file's name."""
    file = folder / "minimal-input.yaml"
    file.write_text(text)
    try:
        load_minimal(file)
    except ConfigError as error:
        return [problem.removeprefix(f"{file}:") for problem in error.problems]
    return []


def test_a_valid_file_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, MINIMAL) == []


def test_the_template_for_users_is_valid() -> None:
    template = PACKAGE / "config/templates/minimal-input.yaml"
    assert load_minimal(template).file.environment == "my-env"


def test_seven_mistakes_give_seven_messages_with_seven_lines(tmp_path: Path) -> None:
    text = """\
version: "1.0"
enviroment: bed
nodes:
  left-server:
    ssh: me@192.0.2.1:99999
    role: hots
    test_ip: 10.9.0.1/24
  right-client:
    ssh: 192.0.2.2
    role: host
    workdr: /home/me
  guest:
    ssh: 192.0.2.3
    role: vm
    workdir: /home/me
    test_ip: 10.9.0.3
    host_ref: nobody
"""
    found = problems(tmp_path, text)
    assert [problem.split(":")[0] for problem in found] == ["2", "5", "6", "7", "11", "12", "17"]
    unknown, ssh, role, address, typo, missing, reference = found
    assert (
        missing
        == "12: nodes.guest.uuid: this key is missing: a VM needs its UUID (virsh list --uuid --all on its host)"
    )
    assert "enviroment = \"bed\": unknown key (did you mean 'environment'?)" in unknown
    assert 'nodes.left-server.ssh = "me@192.0.2.1:99999": expected [user@]host[:port]' in ssh
    assert "nodes.left-server.role = \"hots\": expected 'host' or 'vm' (did you mean 'host'?)" in role
    assert "10.9.0.1/24" in address
    assert "without a prefix length" in address
    assert "nodes.right-client.workdr = \"/home/me\": unknown key (did you mean 'workdir'?)" in typo
    assert 'nodes.guest.host_ref = "nobody": there is no such node' in reference


def test_a_misspelt_section_is_one_mistake(tmp_path: Path) -> None:
    assert problems(tmp_path, MINIMAL.replace("nodes:", "noeds:")) == [
        "3: noeds: unknown key (did you mean 'nodes'?)",
    ]
    vm = "\n  guest: {ssh: 192.0.2.9, role: vm, host_ref: left-server, uuid: x, test_op: 10.9.0.3}\n"
    found = problems(tmp_path, MINIMAL.replace("nodes:\n", f"nodes:{vm}"))
    assert found == ["4: nodes.guest.test_op = \"10.9.0.3\": unknown key (did you mean 'test_ip'?)"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("server: left-server", "server: left-servre", "there is no such node (did you mean 'left-server'?)"),
        ("client: right-client", "client: left-server", "expected another node than the server"),
        ("  host: {", "  vm: {", "has role: host, expected a node with role: vm"),
        ("nodes:", "nodes: []\nnodez:", "expected a mapping of keys to values"),
        ("me@192.0.2.1:2222", "[a, b]", "expected text"),
        ("/home/me/work", "''", "must not be empty"),
        ("environment: bed", "environment: ../bed", 'environment = "../bed": expected a name that a folder can have'),
        ("environment: bed", "environment: ..", "expected a name that a folder can have"),
        ("left-server", "a/../b", "expected a name that a folder can have"),
        ("version", "discovery_hints: {python_interpreter: ''}\nversion", "must not be empty"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert any(message in problem for problem in problems(tmp_path, MINIMAL.replace(old, new)))


def test_the_name_of_a_node_may_be_a_number(tmp_path: Path) -> None:
    assert problems(tmp_path, MINIMAL.replace("left-server", "7")) == []
    found = problems(tmp_path, MINIMAL.replace("left-server:", "7:"))
    assert found == ['14: test_pairs.host.server = "left-server": there is no such node; known nodes: 7, right-client']


def test_a_vm_needs_its_host_uuid_and_address(tmp_path: Path) -> None:
    found = problems(tmp_path, MINIMAL + "discovery_hints:\n").copy()
    assert found == []
    text = MINIMAL.replace("nodes:\n", "nodes:\n  guest: {ssh: 192.0.2.9, role: vm}\n")
    keys = [problem.split(": ")[1] for problem in problems(tmp_path, text)]
    assert keys == ["nodes.guest.host_ref", "nodes.guest.uuid", "nodes.guest.test_ip"]


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    assert problems(tmp_path, "# nothing\n") == ["1: the file is empty: expected a mapping of keys to values"]


@pytest.mark.parametrize("ports", ["[1, 2, 3]", "[5000, 4000]", "[80, 90]", "[1024, 70000]", "many"])
def test_a_port_range_is_two_ports_in_order(tmp_path: Path, ports: str) -> None:
    found = problems(tmp_path, MINIMAL + f"performance_tests:\n  port_range: {ports}\n")
    assert len(found) == 1
    assert found[0].startswith("16: performance_tests.port_range = ")
    assert "expected [first, last]" in found[0]


def test_a_wrong_port_range_hides_no_other_mistake(tmp_path: Path) -> None:
    found = problems(tmp_path, MINIMAL + "performance_tests:\n  port_range: many\n  latencies: {}\n")
    assert [problem.split(":")[0] for problem in found] == ["16", "17"]


class TestDestination:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("10.0.0.1", Destination("10.0.0.1")),
            ("me@host.example", Destination("host.example", "me")),
            ("me@host:2222", Destination("host", "me", 2222)),
            ("fd00::1", Destination("fd00::1")),
            ("me@fd00::1", Destination("fd00::1", "me")),
            ("me@[fd00::1]:22", Destination("fd00::1", "me", 22)),
        ],
    )
    def test_forms(self, text: str, expected: Destination) -> None:
        assert parse_destination(text) == expected

    @pytest.mark.parametrize("text", ["", "@host", "me@", "host:", "host:0", "host:99999", "a b", "-oProxy=x", "h/x"])
    def test_others_are_none(self, text: str) -> None:
        with pytest.raises(ValueError, match=r".*"):
            parse_destination(text)


class TestFull:
    BASE = """\
environment: bed
ssh:
  ssh_hosts:
    s: {host: 192.0.2.1, user: me, workdir: /w}
    c: {host: 192.0.2.2, user: me, workdir: /w}
environments:
  vm:
    server: {ssh_ref: s, test_ip: 10.0.0.1, physical_host_ref: s}
    client: {ssh_ref: c, test_ip: 10.0.0.2, physical_host_ref: c}
    kvm_config: KVM
"""

    @pytest.mark.parametrize(
        "kvm",
        [
            "{qemu_pid: 11, vhost_pids: [12, '13']}",
            "{server: {qemu_pid: '11', vhost_pids: ['12', 13]}, client: {qemu_pid: 9, vhost_pids: []}}",
        ],
    )
    def test_both_forms_of_kvm_config_are_read(self, tmp_path: Path, kvm: str) -> None:
        full, found = validate(FullFile, document(tmp_path, self.BASE.replace("KVM", kvm)))
        assert found == []
        assert full is not None
        assert full.environments.vm is not None
        assert full.environments.vm.kvm_config is not None
        server = full.environments.vm.kvm_config.server
        assert server is not None
        assert (server.qemu_pid, server.vhost_pids) == ("11", ("12", "13"))

    @pytest.mark.parametrize("host", ["192.0.2.1:2222", "me@192.0.2.1", "[fd00::1]:22", "a b", "-oProxyCommand=x"])
    def test_a_host_has_neither_user_nor_port(self, tmp_path: Path, host: str) -> None:
        text = self.BASE.replace("KVM", "null").replace("192.0.2.1", f"'{host}'")
        _, found = validate(FullFile, document(tmp_path, text))
        (problem,) = found
        assert f'ssh.ssh_hosts.s.host = "{host}": expected a host name or address alone' in problem

    @pytest.mark.parametrize(("bitrate", "is_one"), [("1G", True), ("0", True), ("2.5m/16", True), ("100Mbps", True),
        ("1000000", True), ("fast", False), ("-1G", False), ("", False), ("1G -R", False)])  # fmt: skip
    def test_bitrates(self, tmp_path: Path, bitrate: str, is_one: bool) -> None:
        tests = f"performance_tests: {{pps: {{single_stream: {{target_bw: '{bitrate}'}}}}}}\n"
        _, found = validate(FullFile, document(tmp_path, self.BASE.replace("KVM", "null") + tests))
        assert [("iperf3's -b" in problem) for problem in found] == ([] if is_one else [True])

    def test_a_mistake_in_the_flat_form_is_found_where_it_stands(self, tmp_path: Path) -> None:
        text = self.BASE.replace("KVM", "\n      qemu_pidd: 11\n      vhost_pids: []")
        _, found = validate(FullFile, document(tmp_path, text))
        assert [problem.split(": ", 1)[1] for problem in found] == [
            "environments.vm.kvm_config.qemu_pidd = 11: unknown key (did you mean 'qemu_pid'?)"
        ]
        assert found[0].startswith(f"{tmp_path / 'file.yaml'}:11: ")


class TestRegistry:
    BASE = """\
tools:
  categories:
    drops:
      environment: host
      directions: [rx, tx]
      tools:
        - script: eth_drop.py
          template: sudo python3 {path} --us {threshold}
          threshold: 100
          parameters: {protocol: tcp, queue: [0, 1]}
          log_cap: 100M
          stop_signal: TERM
"""

    def test_forms_that_mean_the_same(self, tmp_path: Path) -> None:
        registry, found = validate(RegistryFile, document(tmp_path, self.BASE))
        assert found == []
        assert registry is not None
        category = registry.tools.categories["drops"]
        assert category.directions == {"rx": {}, "tx": {}}
        (tool,) = category.tools
        assert tool.variables == {"threshold": "100"}
        assert tool.parameters == {"protocol": ("tcp",), "queue": ("0", "1")}
        assert (tool.log_cap, tool.stop_signal) == (100_000_000, "SIGTERM")

    def test_our_own_registry_is_valid(self) -> None:
        file = PACKAGE / "config/templates/tools.yaml"
        registry, found = validate(RegistryFile, read_yaml(file))
        assert found == []
        assert registry is not None
        scripts = {tool.script for category in registry.tools.categories.values() for tool in category.tools}
        assert scripts == {"eth_drop.bt", "system_network_latency_summary.bt", "packet_print.bt", "null.sh"}

    @pytest.mark.parametrize(
        ("old", "new", "key", "message"),
        [
            ("parameters:", "parmeters:", "parmeters", "did you mean 'parameters'?"),
            ("stop_signal: TERM", "environment: vm", "environment", "no key of a tool: it belongs to the category"),
            ("stop_signal: TERM", "enabled: false", "enabled", "no key of a tool: leave the tool out"),
            ("stop_signal: TERM", "stop_signl: TERM", "stop_signl", "did you mean 'stop_signal'?"),
            ("stop_signal: TERM", "stop_signal: SIGTREM", "stop_signal", "did you mean 'SIGTERM'?"),
            ("log_cap: 100M", "log_cap: lots", "log_cap", "expected a size in bytes"),
            ("threshold: 100", "threshold: [100]", "threshold", "expected text or a number"),
            ("queue: [0, 1]", "queue: []", "parameters.queue", "must not be empty"),
            ("script: eth_drop.py", "script: ''", "script", "must not be empty"),
            (
                "          log_cap: 100M",
                "          ready_timeout: -1",
                "ready_timeout",
                "expected a number greater than 0",
            ),
        ],
    )
    def test_mistakes_in_a_tool(self, tmp_path: Path, old: str, new: str, key: str, message: str) -> None:
        _, found = validate(RegistryFile, document(tmp_path, self.BASE.replace(old, new)))
        assert len(found) == 1
        assert f"tools.categories.drops.tools[0].{key}" in found[0]
        assert message in found[0]

    def test_every_mistake_in_a_tool_is_told(self, tmp_path: Path) -> None:
        text = self.BASE.replace("parameters:", "parmeters:").replace("100M", "lots").replace("stop_", "stap_")
        _, found = validate(RegistryFile, document(tmp_path, text.replace("script: eth_drop.py", "script: ''")))
        assert [problem.split(":")[1] for problem in found] == ["7", "10", "11", "12"]
        assert 'tools[0].log_cap = "lots": expected a size in bytes' in found[2]

    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            ("500K", 500_000),
            ("500k", 500_000),
            ("1Ki", 1024),
            ("1KIB", 1024),
            ("2m", 2_000_000),
            ("3Mi", 3 * 1024**2),
            ("1g", 10**9),
            ("1GiB", 1024**3),
            ("1T", 10**12),
            ("7", 7),
        ],
    )
    def test_sizes_whatever_the_case_of_their_letters(self, tmp_path: Path, size: str, expected: int) -> None:
        registry, found = validate(RegistryFile, document(tmp_path, self.BASE.replace("100M", f"'{size}'")))
        assert (found, registry is None) == ([], False)
        assert registry is not None
        assert registry.tools.categories["drops"].tools[0].log_cap == expected

    @pytest.mark.parametrize("size", ["0", "-1", "1.5M", "5 X", "M", "true"])
    def test_other_sizes_are_none(self, tmp_path: Path, size: str) -> None:
        _, found = validate(RegistryFile, document(tmp_path, self.BASE.replace("100M", size)))
        assert "expected a size in bytes above 0" in found[0]

    def test_a_variable_that_looks_like_a_key_is_fine_where_the_template_uses_it(self, tmp_path: Path) -> None:
        text = self.BASE.replace("threshold: 100", "threshold: 100\n          durations: 5").replace(
            "{threshold}", "{threshold} {durations}"
        )
        assert validate(RegistryFile, document(tmp_path, text))[1] == []

    def test_unknown_keys_of_a_category(self, tmp_path: Path) -> None:
        _, found = validate(RegistryFile, document(tmp_path, self.BASE.replace("environment:", "enviroment:")))
        assert "drops.enviroment = \"host\": unknown key (did you mean 'environment'?)" in found[0]


class TestCases:
    def read(self, folder: Path, text: str) -> tuple[CasesFile | None, list[str]]:
        file = folder / "a-cases.json"
        file.write_text(text)
        return validate(CasesFile, read_json(file))

    def test_legacy_entries_and_a_bare_list(self, tmp_path: Path) -> None:
        cases, found = self.read(tmp_path, '[{"id": 1, "name": "a", "command": "sudo a", "duration": 10}]')
        assert found == []
        assert cases is not None
        assert cases.test_cases[0].parameters is None

    def test_mistakes_name_their_lines(self, tmp_path: Path) -> None:
        text = """{"test_cases": [
            {"id": "one", "name": "a", "command": "sudo a"},
            {"id": 2, "name": "a", "comand": "sudo a"},
            {"id": 3, "name": "a", "command": " ", "environment": "hots"}
        ]}"""
        _, found = self.read(tmp_path, text)
        assert [problem.split(":")[1] for problem in found] == ["2", "3", "4", "4"]
        assert 'test_cases[0].id = "one": expected a whole number' in found[0]
        assert "test_cases[1].comand = \"sudo a\": unknown key (did you mean 'command'?)" in "".join(found)
        assert "this key is missing" not in "".join(found)
