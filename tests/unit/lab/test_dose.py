"""The tool that burns a chosen time per packet: its assembler, its program, its command line. Without root."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.bpf_machine import Machine

from probecost import PACKAGE

CONTROL = PACKAGE / "lab" / "tools" / "control"


class Tool:
    """The modules beside the tool, found as the script finds them."""

    def __init__(self) -> None:
        self.dose: Any = importlib.import_module("dose")
        self.asm: Any = importlib.import_module("bpf_assembler")
        self.kernel: Any = importlib.import_module("bpf_kernel")

    def code(self, ns: int, interface: str = "") -> bytes:
        code = self.asm.assemble(self.dose.program(ns, 3, interface, 20))
        assert isinstance(code, bytes)
        return code


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Tool:
    monkeypatch.syspath_prepend(CONTROL)
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)  # the script sets it
    return Tool()


class TestAssembler:
    def test_encoding(self, tool: Tool) -> None:
        a, r = tool.asm, tool.asm.Register
        # as llvm-mc -triple bpf encodes r1 = r6; *(u64 *)(r10 - 16) = 0; r2 = 0x1122334455667788 ll; call 5; exit
        lines = [
            a.move(r.R1, r.R6),
            a.store(r.FP, -16, 0, size=8),
            a.wide(r.R2, 0x1122334455667788),
            a.call(a.Helper.KTIME_GET_NS),
            a.leave(),
        ]
        assert a.assemble(lines).hex(" ", 8) == (
            "bf61000000000000 7a0af0ff00000000 1802000088776655 0000000044332211 8500000005000000 9500000000000000"
        )

    def test_jumps_count_from_the_next_instruction_and_a_wide_one_is_two(self, tool: Tool) -> None:
        a, r = tool.asm, tool.asm.Register
        code = a.assemble(
            ["top", a.wide(r.R1, 1), a.jump_if_less(r.R1, 5, "top"), a.jump_if_equal(r.R1, 1, "on"), "on"]
        )
        assert code[16:].hex(" ", 8) == "a501fdff05000000 1501000001000000"

    def test_a_label_that_is_missing_or_there_twice(self, tool: Tool) -> None:
        a, r = tool.asm, tool.asm.Register
        with pytest.raises(ValueError, match="there is no label away"):
            a.assemble([a.jump_if_less(r.R1, 5, "away")])
        with pytest.raises(ValueError, match="the label here is there twice"):
            a.assemble(["here", "here"])

    def test_a_number_that_does_not_fit(self, tool: Tool) -> None:
        with pytest.raises(ValueError, match="does not fit"):
            tool.asm.assemble([tool.asm.move(tool.asm.Register.R1, 1 << 40)])


class TestProgram:
    @pytest.mark.parametrize(("ns", "burned"), [(0, 100), (100, 100), (101, 200), (500, 500), (4000, 4000)])
    def test_burns_until_the_clock_says_so_and_counts_it(self, tool: Tool, ns: int, burned: int) -> None:
        machine = Machine(step_ns=100)
        code = tool.code(ns)
        assert [machine.run(code) for _ in range(3)] == [0, 0, 0]
        assert machine.counters == (3, 3 * burned)

    def test_a_clock_that_stands_still_does_not_hold_a_packet_for_ever(self, tool: Tool) -> None:
        machine = Machine(step_ns=0)
        assert machine.run(tool.code(20_000)) == 0
        assert machine.counters == (1, 0)

    def test_all_doses_are_the_same_program_but_for_two_numbers(self, tool: Tool) -> None:
        none, some = tool.code(0, "eth1"), tool.code(4000, "eth1")
        differing = [at for at in range(0, len(none), 8) if none[at : at + 8] != some[at : at + 8]]
        assert len(none) == len(some)
        assert len(differing) == 2

    @pytest.mark.parametrize("seen", ["eth1", "a-name-of-15byt"])
    def test_only_packets_of_the_interface(self, tool: Tool, seen: str) -> None:
        for wanted, runs in ((seen, 1), ("eth", 0), ("eth10", 0), ("lo", 0), ("a-name-of-15by", 0)):
            machine = Machine(interface=seen)
            assert machine.run(tool.code(0, wanted)) == 0
            assert machine.counters[0] == runs, wanted


class TestCommandLine:
    def test_options(self, tool: Tool) -> None:
        options = tool.dose.parse_options(["--ns", "500"])
        assert (options.ns, options.interface, options.point) == (500, "", "net:netif_receive_skb")
        assert tool.dose.parse_options(["--ns", "0", "--interface", "eth1"]).interface == "eth1"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "required: --ns"),
            (["--ns", "-1"], "expected"),
            (["--ns", "0.5"], "expected whole nanoseconds from 0 to 20000, found '0.5'"),
            (["--ns", "20001"], "found '20001'"),
            (["--ns", "1", "--interface", ""], "expected the name of one interface"),
            (["--ns", "1", "--interface", "eth1,eth2"], "expected the name of one interface"),
            (["--ns", "1", "--interface", "sixteen-bytes-xx"], "up to 15 bytes"),
            (["--ns", "1", "--point", "netif_receive_skb"], "expected CATEGORY:EVENT"),
            (["--ns", "1", "--point", "../x:y"], "expected CATEGORY:EVENT"),
        ],
    )
    def test_mistakes(self, tool: Tool, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
        with pytest.raises(SystemExit) as ended:
            tool.dose.parse_options(arguments)
        assert ended.value.code == 2
        assert message in capsys.readouterr().err


class TestTracepoint:
    FORMAT = (
        "\tfield:void * skbaddr;\toffset:8;\tsize:8;\tsigned:0;\n"
        "\tfield:__data_loc char[] name;\toffset:20;\tsize:4;\tsigned:0;\n"
    )

    def test_is_read_from_tracefs(self, tool: Tool, tmp_path: Path) -> None:
        folder = tmp_path / "events/net/netif_rx"
        folder.mkdir(parents=True)
        (folder / "id").write_text("1234\n")
        (folder / "format").write_text(self.FORMAT)
        point = tool.kernel.tracepoint("net:netif_rx", (tmp_path / "absent", tmp_path))
        assert (point.id, point.texts) == (1234, {"name": 20})
        with pytest.raises(tool.kernel.KernelError, match="this kernel has no tracepoint net:netif_ry"):
            tool.kernel.tracepoint("net:netif_ry", (tmp_path,))

    def test_without_tracefs(self, tool: Tool, tmp_path: Path) -> None:
        with pytest.raises(tool.kernel.KernelError, match=r"no tracefs at .*: mount -t tracefs"):
            tool.kernel.tracepoint("net:netif_rx", (tmp_path / "absent",))

    def test_packets_of_an_interface_or_of_all(self, tool: Tool, tmp_path: Path) -> None:
        device = tmp_path / "dev"
        device.write_text("head\nhead\n    lo: 100 7 0 0\n  eth1:200 35 0 0\n")
        assert tool.kernel.received_packets("eth1", device) == 35
        assert tool.kernel.received_packets("", device) == 42
        with pytest.raises(tool.kernel.KernelError, match="there is no interface eth2, only lo, eth1"):
            tool.kernel.received_packets("eth2", device)

    def test_an_error_is_a_line_and_a_code(
        self, tool: Tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def refused(name: str) -> None:
            raise tool.kernel.KernelError(f"no {name}")

        monkeypatch.setattr(tool.kernel, "tracepoint", refused)
        monkeypatch.setattr(tool.dose.signal, "pthread_sigmask", lambda how, signals: None)
        assert tool.dose.main(["--ns", "1"]) == 1
        assert capsys.readouterr().err == "dose.py: no net:netif_receive_skb\n"
