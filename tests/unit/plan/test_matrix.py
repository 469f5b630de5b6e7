from pathlib import Path
from typing import Any

import pytest
import yaml

from probecost.config.folder import environment_of, load_full
from probecost.config.schema import FullFile
from probecost.errors import ConfigError
from probecost.plan.matrix import Expansion, case_name, expand, generated_cases

HOST = {
    "server": {"ssh_ref": "s", "test_ip": "10.0.0.1"},
    "client": {"ssh_ref": "c", "test_ip": "10.0.0.2"},
    "network_config": {
        "internal_interface": "port-a",
        "server_physical_interface": "bond0",
        "server_physical_nic_members": ["p1", "p2"],
    },
}
VM = {
    "server": {"ssh_ref": "g", "test_ip": "10.1.0.1", "physical_host_ref": "s", "vm_interface": "vnet5"},
    "client": {"ssh_ref": "h", "test_ip": "10.1.0.2", "physical_host_ref": "c"},
    "kvm_config": {"server": {"qemu_pid": 4242, "vhost_pids": [4301, 4302]}},
}
DIRECTIONS = {
    "rx": {"SRC_IP": "{host_REMOTE_IP}", "DST_IP": "{host_LOCAL_IP}"},
    "tx": {"SRC_IP": "{host_LOCAL_IP}", "DST_IP": "{host_REMOTE_IP}"},
}


def content(tools: list[dict[str, Any]], pairs: dict[str, Any] | None = None, **category: Any) -> dict[str, Any]:
    category = {"environment": "host", "directions": DIRECTIONS, **category, "tools": tools}
    return {
        "environment": "bed",
        "ssh": {"ssh_hosts": {name: {"host": f"192.0.2.{n}", "workdir": "/w"} for n, name in enumerate("scgh", 1)}},
        "environments": pairs or {"host": HOST},
        "paths": {"tools_dir": "probes"},
        "tools": {"categories": {"net/drops": category}},
    }


def expansion(tools: list[dict[str, Any]], pairs: dict[str, Any] | None = None, **category: Any) -> Expansion:
    full = FullFile.model_validate(content(tools, pairs, **category))
    return expand(full, {("net/drops", index): f"full.yaml:{10 + index}" for index in range(len(tools))})


def commands(tools: list[dict[str, Any]], pairs: dict[str, Any] | None = None, **category: Any) -> list[str]:
    return [entry.command for entry in expansion(tools, pairs, **category).entries]


def test_direction_varies_slowest_then_parameters_as_written() -> None:
    tool = {
        "script": "x.py",
        "template": "x {direction} {protocol} {queue}",
        "parameters": {"protocol": ["tcp", "udp"], "queue": [0, 1]},
    }
    entries = expansion([tool]).entries
    assert [entry.command.removeprefix("x ") for entry in entries] == [
        "rx tcp 0", "rx tcp 1", "rx udp 0", "rx udp 1", "tx tcp 0", "tx tcp 1", "tx udp 0", "tx udp 1"
    ]  # fmt: skip
    assert [entry.id for entry in entries] == list(range(1, 9))
    assert entries[3].name == "x_rx_protocol_udp_queue_1"
    assert entries[3].parameters == {"protocol": "udp", "queue": "1", "direction": "rx"}


def test_every_variable_of_a_host_tool() -> None:
    tool = {
        "script": "x.py",
        "template": "sudo python3 {path} {SRC_IP} {DST_IP} {INTERNAL_INTERFACE} {PHY_INTERFACE} {us} {duration}",
        "us": 100,
    }
    assert commands([tool]) == [
        "sudo python3 probes/net/drops/x.py 10.0.0.2 10.0.0.1 port-a p1,p2 100 10",
        "sudo python3 probes/net/drops/x.py 10.0.0.1 10.0.0.2 port-a p1,p2 100 10",
    ]


def test_every_variable_of_a_vm_tool() -> None:
    tool = {
        "script": "x.py",
        "template": "x {QEMU_PID} {VM_INTERFACE} {vm_LOCAL_IP} {host_LOCAL_IP} {PHY_INTERFACE} --pid {pid}",
        "parameters": {"pid": "{vhost_pids}"},
    }
    found = expansion([tool], {"host": HOST, "vm": VM}, environment="vm", directions={})
    assert [entry.command for entry in found.entries] == [
        f"x 4242 vnet5 10.1.0.1 10.0.0.1 p1,p2 --pid {pid}" for pid in (4301, 4302)
    ]
    assert [entry.discovered for entry in found.entries] == [{"pid": "vhost_pids.0"}, {"pid": "vhost_pids.1"}]


def test_a_parameter_may_have_the_name_of_what_it_takes_its_values_from() -> None:
    tool = {"script": "x.py", "template": "x {vhost_pids}", "parameters": {"vhost_pids": "{vhost_pids}"}}
    assert commands([tool], {"vm": VM}, environment="vm") == ["x 4301", "x 4302"]


@pytest.mark.parametrize(
    ("template", "count"),
    [
        ("x {protocol}", 1),
        ("x {direction}", 2),
        ("x --src {SRC_IP}", 2),
        ("x --dst {DST_IP}", 2),
        ("x {peer}", 2),
    ],
)
def test_a_direction_is_expanded_only_where_it_is_used(template: str, count: int) -> None:
    tool = {"script": "x.py", "template": template, "parameters": {"protocol": "tcp"}, "peer": "{DST_IP}"}
    entries = expansion([tool]).entries
    assert len(entries) == count
    assert ("direction" in (entries[0].parameters or {})) == (count == 2)


def test_directions_as_a_plain_list() -> None:
    tool = {"script": "x.py", "template": "x {direction} {SRC_IP}"}
    assert commands([tool], directions=["tx", "rx"]) == ["x tx 10.0.0.1", "x rx 10.0.0.2"]
    assert commands([{**tool, "directions": ["rx"]}]) == ["x rx 10.0.0.2"]


def test_directions_with_variables_of_their_own() -> None:
    tool = {"script": "x.py", "template": "x {side}"}
    assert commands([tool], directions={"in": {"side": "left"}, "out": {"side": "right"}}) == ["x left", "x right"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"template": "x {protocl}"}, "unknown variable {protocl} (did you mean 'protocol'?) in template: x {protocl}"),
        (
            {"template": "x {direction}", "directions": []},
            "{direction} (its category has no directions)",
        ),
        ({"template": "x {a}", "a": "{b}", "b": "{c}"}, "unknown variable {c}"),
        ({"template": "x {a}", "a": "{b}", "b": "{a}"}, "is defined by itself"),
        ({"template": "x {p}", "directions": {"rx": {"p": "1"}, "tx": {}}}, "direction tx does not define {p}"),
    ],
)
def test_an_unknown_variable_names_tool_template_and_variable(changes: dict[str, Any], message: str) -> None:
    tool = {"script": "x.py", "template": "x", "parameters": {"protocol": ["tcp"]}, **changes}
    with pytest.raises(ConfigError) as caught:
        expansion([tool])
    assert caught.value.problems[0].startswith("full.yaml:10: tool net/drops/x.py: ")
    assert message in caught.value.problems[0]


def test_an_unknown_variable_says_where_it_would_be_known() -> None:
    tool = {"script": "x.py", "template": "x {SRC_IP}"}
    with pytest.raises(ConfigError, match=r"\{SRC_IP\} \(defined for rx and tx, not for in, out\)"):
        expansion([tool], directions=["in", "out"])
    with pytest.raises(ConfigError, match=r"\(a literal \{print\} is written \{\{print\}\}\)"):
        expansion([{**tool, "template": "x | awk '{print}'"}])


def test_all_unknown_variables_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        expansion([{"script": "x.py", "template": "x {a} {b}"}, {"script": "y.py", "template": "y {c}"}])
    assert len(caught.value.problems) == 3
    assert caught.value.problems[2].startswith("full.yaml:11: tool net/drops/y.py: unknown variable {c}")


class TestWhatTheEnvironmentHasNot:
    def test_an_option_is_left_out_with_a_note(self) -> None:
        found = expansion([{"script": "x.py", "template": "x --device {VM_INTERFACE} --all"}])
        assert [entry.command for entry in found.entries] == ["x --all"]
        assert found.notes == ("net/drops/x.py: the option with {VM_INTERFACE} left out, this environment has none",)

    def test_a_parameter_without_values_is_left_out_with_a_note(self) -> None:
        tool = {
            "script": "x.py",
            "template": "x --pid {pid} --sub {sub}",
            "parameters": {"pid": "{vhost_pids}", "sub": ["rx", "tx"]},
        }
        found = expansion([tool])
        assert [entry.command for entry in found.entries] == ["x --sub rx", "x --sub tx"]
        assert found.entries[0].parameters == {"sub": "rx"}
        assert found.notes == ("net/drops/x.py: the option with {pid} left out, this environment has none",)

    def test_a_tool_that_cannot_do_without_is_left_out_with_a_note(self) -> None:
        found = expansion([{"script": "x.py", "template": "x {QEMU_PID}"}, {"script": "y.py", "template": "y"}])
        assert [entry.command for entry in found.entries] == ["y"]
        assert found.notes == ("net/drops/x.py: left out, it needs {QEMU_PID} and this environment has none",)

    def test_a_category_of_a_pair_that_is_not_there(self) -> None:
        found = expansion([{"script": "x.py", "template": "x"}], environment="vm")
        assert found.entries == ()
        assert found.notes == ("category net/drops: left out, this environment has no vm test pair",)


def test_settings_of_tools_and_their_defaults() -> None:
    tools: list[dict[str, Any]] = [
        {"script": "x.py", "template": "x {duration}", "attaches": "none", "duration": 3},
        {"script": "y.py", "template": "y"},
    ]
    data = content(tools)
    data["tools"]["defaults"] = {"ready_timeout": 5, "log_cap": "1M", "attaches": "bpf"}
    entries = expand(FullFile.model_validate(data), {("net/drops", 0): "", ("net/drops", 1): ""}).entries
    first, second = entries
    assert (first.attaches, first.ready_timeout, first.log_cap_bytes, first.duration) == ("none", 5, 1_000_000, 3)
    assert (second.attaches, second.duration, first.command) == ("bpf", 10, "x 3")


def test_the_same_case_twice_names_both_tools() -> None:
    with pytest.raises(ConfigError, match=r"full.yaml:11: .*gives the same case as full.yaml:10: x"):
        expansion([{"script": "x.py", "template": "x"}, {"script": "x.py", "template": "x"}])


def test_a_value_that_a_shell_would_misread_is_quoted() -> None:
    tool = {"script": "my tool.py", "template": "x {path} {f}", "parameters": {"f": ["port 80; reboot"]}}
    assert commands([tool]) == ["x 'probes/net/drops/my tool.py' 'port 80; reboot'"]


def test_the_template_of_a_case_holds_literals_but_no_addresses() -> None:
    tool = {"script": "x.py", "template": "x {us} {SRC_IP} {p}", "us": 5, "parameters": {"p": ["1"]}}
    assert expansion([tool]).entries[0].template == "x 5 {SRC_IP} {p}"


def test_generated_cases_and_their_keys(tmp_path: Path) -> None:
    tools: list[dict[str, Any]] = [
        {"script": "drop-x.py", "template": "x {direction} {protocol}", "parameters": {"protocol": ["tcp", "udp"]}},
        {"script": "y.py", "template": "y --category control"},
        {"script": "y.py", "template": "y --category data"},
    ]
    (tmp_path / "bed-full.yaml").write_text(yaml.safe_dump(content(tools), sort_keys=False))
    full = load_full(tmp_path)
    cases, notes = generated_cases(full, environment_of(full, tmp_path))
    assert notes == ()
    assert [case.key for case in cases] == [
        "host-drop_x-rx_protocol_tcp",
        "host-drop_x-rx_protocol_udp",
        "host-drop_x-tx_protocol_tcp",
        "host-drop_x-tx_protocol_udp",
        "host-y-category_control",
        "host-y-category_data",
    ]
    assert len({case.hash for case in cases}) == 6


def test_values_of_parameters_may_hold_variables() -> None:
    tool = {
        "script": "x.py",
        "template": "x {filter} {protocol}",
        "parameters": {"filter": ["src {SRC_IP} and {protocol}", "{{literal}}"], "protocol": ["tcp"]},
    }
    entries = expansion([tool]).entries
    assert [entry.command for entry in entries] == [
        "x 'src 10.0.0.2 and tcp' tcp", "x '{literal}' tcp", "x 'src 10.0.0.1 and tcp' tcp", "x '{literal}' tcp"
    ]  # fmt: skip
    assert entries[0].parameters == {"filter": "src 10.0.0.2 and tcp", "protocol": "tcp", "direction": "rx"}
    assert entries[0].discovered == {"filter": "src host_REMOTE_IP and tcp"}


@pytest.mark.parametrize("template", ["  ", "{nothing}"])
def test_a_template_of_which_nothing_is_left(template: str) -> None:
    with pytest.raises(ConfigError, match=r"full.yaml:10: tool net/drops/x.py: nothing is left of its template"):
        expansion([{"script": "x.py", "template": template, "nothing": ""}])


def test_braces_in_the_name_of_a_file() -> None:
    assert commands([{"script": "a{b}.py", "template": "sudo {path}"}]) == ["sudo 'probes/net/drops/a{b}.py'"]


@pytest.mark.parametrize("directions", [{}, ["rx", "tx"]])
def test_a_parameter_may_be_the_direction(directions: object) -> None:
    tool = {"script": "x.py", "template": "x {direction}", "parameters": {"direction": ["rx", "tx"]}}
    found = expansion([tool], directions=directions).entries
    assert [(entry.command, entry.name) for entry in found] == [("x rx", "x_rx"), ("x tx", "x_tx")]


def test_a_parameter_may_choose_among_the_directions() -> None:
    tool = {"script": "x.py", "template": "x {SRC_IP} {direction}", "parameters": {"direction": ["tx"]}}
    assert commands([tool]) == ["x 10.0.0.1 tx"]
    with pytest.raises(ConfigError, match=r"parameter direction: 'up' is none of its directions: rx, tx"):
        expansion([{**tool, "parameters": {"direction": ["rx", "up"]}}])


def test_a_key_of_the_tool_goes_before_that_of_a_direction() -> None:
    tool = {"script": "x.py", "template": "x {SRC_IP}", "SRC_IP": "10.9.9.9"}
    assert commands([tool]) == commands([tool], directions={}) == ["x 10.9.9.9"]


def test_ten_thousand_cases(tmp_path: Path) -> None:
    tool = {"script": "x.py", "template": "x {a} {b}", "parameters": {"a": list(range(100)), "b": list(range(100))}}
    (tmp_path / "bed-full.yaml").write_text(yaml.safe_dump(content([tool]), sort_keys=False))
    full = load_full(tmp_path)
    cases, _ = generated_cases(full, environment_of(full, tmp_path))
    assert len({case.key for case in cases}) == 10_000


def test_names_as_the_field_spells_them() -> None:
    assert case_name("a-b.py", {"protocol": "tcp", "direction": "rx", "queue": "0"}) == "a_b_rx_protocol_tcp_queue_0"
    assert case_name("null.sh", {}) == "null"
