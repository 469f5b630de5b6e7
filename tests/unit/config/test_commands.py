import shlex

import pytest

from probecost.config.commands import generalise, options, parse, programs, split


@pytest.mark.parametrize(
    "command",
    [
        "sudo  python3\tx.py -a=1,2 ~/x $HOME `id` #y ; a|b && (c) > /dev/null \n",
        "sh -c 'a b' \"c d\" e\\ f",
        "caf\u00e9\u00a0x y",
        "a\x0bb\x0cc\x1cd",
        "",
    ],
)
def test_words_are_those_of_a_shell(command: str) -> None:
    assert split(command) == shlex.split(command)


@pytest.mark.parametrize(
    ("command", "tool", "file"),
    [
        ("sudo python3 tools/ovs/drop-monitor.py --interval 1", "drop-monitor", "tools/ovs/drop-monitor.py"),
        ("sudo bpftrace lab/tools/packet-drop/eth_drop.bt tcp rx", "eth_drop", "lab/tools/packet-drop/eth_drop.bt"),
        ("sudo -n -u root PYTHONUNBUFFERED=1 python3.9 -u t/a.py", "a", "t/a.py"),
        ("sudo timeout 10 taskset -c 1 ./bin/watcher -v", "watcher", "./bin/watcher"),
        ("sudo nice -n 5 t/a.sh", "a", "t/a.sh"),
        ("sudo bpftrace -e 'kprobe:x { @ = count(); }'", "bpftrace", None),
        ("python3 -m tools.watch", "python3", None),
        ("tcpdump -i eth0", "tcpdump", None),
        ("sudo", "sudo", None),
        ("sudo python3 'broken quote", "'broken", "'broken"),
    ],
)
def test_the_tool_of_a_command(command: str, tool: str, file: str | None) -> None:
    parts = parse(command)
    assert (parts.tool, parts.file) == (tool, file)


def test_the_script_of_a_case_decides_where_it_is_known() -> None:
    parts = parse("env A=1 wrapper tools/x/real.py --go", script="real.py")
    assert (parts.tool, parts.file, parts.words[parts.arguments_from :]) == ("real", "tools/x/real.py", ("--go",))


def test_options_and_flags() -> None:
    words = ("x.py", "--queue", "0", "--all", "--level=2", "-v", "--offset", "-5", "pos", "--queue", "1")
    assert options(words) == {"--queue": "0,1", "--all": "", "--level": "2", "-v": "", "--offset": "-5"}


def test_discovered_values_become_variables() -> None:
    names = {"10.0.0.1": "host_LOCAL_IP", "77": "QEMU_PID"}
    words = ("a.py", "77", "--ip=10.0.0.1", "10.0.0.1", "177")
    assert generalise(words, names) == ("a.py", "{QEMU_PID}", "--ip={host_LOCAL_IP}", "{host_LOCAL_IP}", "177")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sudo bpftrace tools/drop.bt tcp rx", ("sudo", "bpftrace")),
        ("sudo -n -E python3 tools/x.py --interval 1", ("sudo", "python3")),
        ("sudo A=1 ./tools/binary", ("sudo",)),
        ("cd x && sudo y", ()),
        ("python3 'unclosed", ("python3",)),
    ],
)
def test_programs_that_a_command_needs(command: str, expected: tuple[str, ...]) -> None:
    assert programs(command) == expected
