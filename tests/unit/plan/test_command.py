"""The case that a command becomes: its key, its variables, and what is wrong with it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from probecost.config.environment import Environment, PairSide, TestPair
from probecost.errors import ConfigError
from probecost.plan.command import command_case, command_line
from probecost.plan.settings import AskedCommand

PAIR = TestPair("host", PairSide("a", "192.0.2.1", "eth0", "a"), PairSide("b", "192.0.2.2", "eth0", "b"))
VARIABLES = {
    "host_LOCAL_IP": "192.0.2.1",
    "host_REMOTE_IP": "192.0.2.2",
    "PHY_INTERFACE": "a b",
    "QEMU_PID": "",
    "vhost_pids": ("7", "8"),
}
BED = Environment(
    name="bed",
    folder=Path(),
    nodes={},
    ssh_config=None,
    pairs={"host": PAIR},
    perf_tests=(),
    tools_dir="lab/tools",
    local_tools_dir=None,
    python_interpreter="python3",
    port_range=(1, 2),
    variables={"host": VARIABLES},
)


def command_of(template: str) -> str:
    return command_case(BED, AskedCommand(template)).command


def test_variables_are_quoted_as_in_templates() -> None:
    found = command_of("""t {host_LOCAL_IP} {PHY_INTERFACE} "{PHY_INTERFACE}" {vhost_pids} {{word}} 'k:f { @ = 1 }'""")
    assert found == """t 192.0.2.1 'a b' "a b" 7,8 {word} 'k:f { @ = 1 }'"""


def test_ends_are_those_of_what_its_node_receives() -> None:
    assert command_of("t --src {SRC_IP} --dst {DST_IP} {direction}") == "t --src 192.0.2.2 --dst 192.0.2.1 rx"
    assert command_of("timeout {duration} t") == f"timeout {BED.default_duration_s:g} t"


def test_its_key_does_not_move_with_the_environment() -> None:
    template = "sudo bpftrace -e 'k:f' {host_LOCAL_IP}"
    case = command_case(BED, AskedCommand(template))
    elsewhere = replace(BED, variables={"host": VARIABLES | {"host_LOCAL_IP": "192.0.2.77"}})
    assert case.key.startswith("host-command-")
    assert command_case(elsewhere, AskedCommand(template)).key == case.key
    assert command_case(BED, AskedCommand(f"{template} ")).key != case.key
    assert (case.tool_file, case.attaches) == (None, "bpf")


def test_a_name_and_how_it_attaches() -> None:
    case = command_case(BED, AskedCommand("sh tools/x.sh", "my tool", "host", "none"))
    assert (case.key, case.name, case.attaches, case.tool_file) == ("host-my_tool", "my_tool", "none", "tools/x.sh")


def test_another_command_of_the_same_name_is_another_tool() -> None:
    """What is remembered of a tool (its start time) is not taken for that of another."""
    one, other = (command_case(BED, AskedCommand(text, "null")) for text in ("sleep 1", "sleep 2"))
    assert one.key == other.key == "host-null"
    assert one.tool_id != other.tool_id
    assert "null" not in (one.tool_id, other.tool_id)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (AskedCommand("x", pair_kind="vm"), "environment bed has no vm test pair, only host"),
        (AskedCommand("x {host_LOCAL}"), r"unknown variable {host_LOCAL} \(did you mean 'host_LOCAL_IP'\?\) in"),
        (AskedCommand("x {zzz}"), r"unknown variable {zzz} \(a literal {zzz} is written {{zzz}}\) in command: x {zzz}"),
        (AskedCommand("x {QEMU_PID}"), "environment bed has no {QEMU_PID}, used in command"),
        (AskedCommand("x --pid {QEMU_PID}"), "environment bed has no {QEMU_PID}, used in command"),
        (AskedCommand("x", name="/.."), "--name '/..': expected letters"),
    ],
)
def test_what_cannot_be_a_case(asked: AskedCommand, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        command_case(BED, asked)


@pytest.mark.parametrize(
    "words",
    [["sudo", "bpftrace", "-e", 'k:f { printf("it\'s %d\\n", 1); }'], ["a", ""], ["x", "{{word}}", "$HOME", "a b"]],
)
def test_words_come_through_a_shell_as_they_were(words: list[str]) -> None:
    assert shlex.split(command_line(words)) == words


def test_one_word_is_a_line_for_a_shell() -> None:
    assert command_line(["a | b"]) == "a | b"
    assert command_line(["a", "{INTERNAL_INTERFACE}"]) == "a {INTERNAL_INTERFACE}"
