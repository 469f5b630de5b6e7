"""What a node says when it is discovered: by this machine's own kernel and processes, without root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.supervisor_process import SupervisorProcess, until

from probecost.discovery.answers import read_answer
from probecost.remote.supervisor import commands, discovery
from probecost.remote.supervisor.commands import run_all
from probecost.remote.supervisor.machines import virtual_machines

UUID = "ae6aa164-604c-4cb0-84b8-2dea03430009"
SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def machine() -> Iterator[int]:
    """A process that has a UUID in its command line, as qemu has; its pid."""
    argv = [sys.executable, "-c", SLEEP, "-name", "a vm", "-uuid", UUID.upper()]
    with subprocess.Popen(argv) as process:
        assert until(lambda: any(one["pid"] == process.pid for one in virtual_machines([])["processes"]))
        yield process.pid
        process.kill()


def process_of(pid: int, uuids: list[str]) -> dict[str, Any]:
    (found,) = [one for one in virtual_machines(uuids)["processes"] if one["pid"] == pid]
    return dict(found)


class TestMachines:
    def test_of_a_vm_that_was_asked_for_everything(self, machine: int) -> None:
        found = process_of(machine, [UUID])
        assert (found["uuid"], found["ppid"]) == (UUID.upper(), os.getpid())
        assert found["argv"][1:] == ["-c", SLEEP, "-name", "a vm", "-uuid", UUID.upper()]
        assert Path(found["exe"]).name.startswith("python")
        assert found["start"] > 0

    def test_of_others_only_that_they_run(self, machine: int) -> None:
        assert len(process_of(machine, [])["argv"]) == 1

    @pytest.mark.parametrize("words", [["-c", SLEEP, f"-uuid {UUID}"], ["-c", SLEEP, "-uuid"], ["-c", SLEEP, UUID]])
    def test_the_option_and_its_value_are_two_arguments(self, words: list[str]) -> None:
        with subprocess.Popen([sys.executable, *words]) as process:
            cmdline = Path(f"/proc/{process.pid}/cmdline")
            assert until(lambda: words[-1].encode() in cmdline.read_bytes())
            assert process.pid not in [one["pid"] for one in virtual_machines([UUID])["processes"]]
            process.kill()


class TestCommands:
    def test_what_they_say(self) -> None:
        found = run_all({"a": ["sh", "-c", "echo out; echo err >&2; exit 3"], "b": ["no-such-program"]}, 10, 100)
        assert found["a"] == {
            "argv": ["sh", "-c", "echo out; echo err >&2; exit 3"],
            "status": 3,
            "out": "out\n",
            "err": "err",
            "problem": "",
        }
        assert found["b"]["problem"] == "no-such-program is not installed"

    def test_all_at_once_and_in_time(self) -> None:
        start = time.monotonic()
        slow = ["sh", "-c", "sleep 60 & sleep 60"]
        found = run_all({"a": slow, "b": slow, "c": ["echo", "here"]}, 1.0, 100)
        assert time.monotonic() - start < 30
        assert [found[name]["problem"] for name in "abc"] == ["sh does not come to an end"] * 2 + [""]
        assert found["a"]["status"] is None

    def test_endless_output_is_cut(self) -> None:
        found = run_all({"yes": ["yes"]}, 30, 1000)["yes"]
        assert len(found["out"]) == 1000
        assert found["problem"] == "yes writes more than 1000 bytes"

    def test_a_program_that_cannot_be_started(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = tmp_path / "broken"
        broken.write_text("#!/nowhere/at/all\n")
        broken.chmod(0o755)
        monkeypatch.setattr(commands, "find", lambda name: str(broken))
        assert run_all({"x": ["broken"]}, 10, 100)["x"]["problem"].startswith("broken does not start")


class TestDiscover:
    def test_one_answer_in_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(discovery, "CHUNK", 100)
        chunks: list[bytes] = []
        total = discovery.discover([UUID], chunks.append)["bytes"]
        assert len(chunks) > 2
        assert sum(map(len, chunks)) == total
        content = json.loads(zlib.decompress(b"".join(chunks)))
        answer = read_answer("here", content)
        assert answer.facts.kernel == os.uname().release
        assert answer.links.keys() == {interface.name for interface in answer.facts.interfaces}
        assert "lo" in answer.links
        assert set(answer.ovs) == {"Bridge", "Port", "Interface"}
        assert list(answer.libvirt) == [UUID]

    def test_asked_of_a_supervisor(self, tmp_path: Path, machine: int) -> None:
        supervisor = SupervisorProcess(tmp_path / "work")
        try:
            assert supervisor.ask("discover", uuids=[UUID])["bytes"] > 100
            pids = [one["pid"] for one in supervisor.ask("virtual_machines")["processes"]]
            assert machine in pids
        finally:
            supervisor.close()
