"""The doctor over nodes that answer what a test tells them; the real ones are in tests/lab."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_project import case_entries, full_config

from probecost.cli import doctor as doctor_verb
from probecost.cli.main import main
from probecost.config.folder import load_folder
from probecost.errors import (
    AuthenticationError,
    ConnectionLostError,
    HostKeyError,
    ProbecostError,
    RemoteError,
    UnreachableError,
)
from probecost.measure.doctor import CHECKS, Report, diagnose, local_report, nodes_needed
from probecost.measure.preflight import needs
from probecost.remote.messages import Lacks, Machine

Text = pytest.CaptureFixture[str]

WELL = Lacks(())
HERE = "198.51.100.1"


class FakeNode:
    """Answers with ``answer``; has the addresses in ``addresses`` and ``free`` free ports."""

    def __init__(self, name: str, answer: Lacks | Exception = WELL, free: int = 100, address: str | None = None):
        self.name = name
        self.answer = answer
        self.free = free
        self.address = address or {"host-server": HERE, "host-client": "198.51.100.2"}.get(name)
        self.asked: tuple[list[str], list[str]] | None = None
        self.is_closed = False

    def open_and_check(self, programs: Sequence[str], files: Sequence[str]) -> Lacks:
        self.asked = (list(programs), list(files))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def virtual_machines(self) -> Sequence[Machine]:
        return ()

    def free_ports(self, address: str, port_range: tuple[int, int], wanted: int) -> int:
        if address != self.address:
            raise RemoteError(self.name, f"free_ports: the test address {address} is not on this node")
        return min(self.free, wanted)

    def close(self) -> None:
        self.is_closed = True
        if isinstance(self.answer, ConnectionLostError):
            raise ProbecostError("closed already")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config" / "bed"
    folder.mkdir(parents=True)
    (folder / "bed-full.yaml").write_text(json.dumps(full_config("bed")))
    (folder / "bed-cases.json").write_text(json.dumps({"test_cases": case_entries(["eth_drop rx"])}, indent=1))
    return folder


def states(report: Report) -> dict[str, str]:
    return {check.name: check.state for check in report.checks}


class TestDiagnose:
    def report(self, folder: Path, node: FakeNode, other: FakeNode | None = None) -> Report:
        environment, cases = load_folder(folder)
        nodes = [node, other or FakeNode("host-client")]
        found = {report.node: report for report in diagnose(environment, nodes, cases)}
        assert all(item.is_closed for item in nodes)
        return found[node.name]

    def test_all_well(self, folder: Path) -> None:
        node = FakeNode("host-server")
        report = self.report(folder, node)
        assert states(report) == dict.fromkeys(CHECKS, "ok")
        assert report.problems == ()
        assert node.asked == (["iperf3", "netserver", "sudo"], ["lab/tools/packet-drop/eth_drop.sh"])

    @pytest.mark.parametrize(
        ("error", "step"),
        [
            (UnreachableError("host-server", "does not answer"), "ssh"),
            (HostKeyError("host-server", "its host key is unknown"), "host key"),
            (AuthenticationError("host-server", "refused every key"), "login"),
            (ConnectionLostError("host-server", "the connection was cut"), "ssh"),
        ],
    )
    def test_what_is_behind_a_failed_step_stays_open(self, folder: Path, error: ProbecostError, step: str) -> None:
        report = self.report(folder, FakeNode("host-server", error))
        place = CHECKS.index(step)
        assert [states(report)[name] for name in CHECKS] == [
            *["ok"] * place,
            "problem",
            *["not checked"] * (len(CHECKS) - place - 1),
        ]
        assert report.problems[0].what == str(error).partition(": ")[2]

    @pytest.mark.parametrize(
        ("reason", "step", "sudo"),
        [
            ("sudo asks for a password: allow it", "sudo", "problem"),
            ("sudo is missing: install it", "sudo", "problem"),
            ("python3.9 is missing: install Python 3.6 or newer (sudo: python3.9: command not found)", "python", "ok"),
            ("the supervisor did not start: sudo: unknown user", "sudo", "problem"),
            ("the supervisor did not start: no answer in time", "python", "not checked"),
        ],
    )
    def test_no_supervisor(self, folder: Path, reason: str, step: str, sudo: str) -> None:
        report = self.report(folder, FakeNode("host-server", Lacks(("netserver",), supervisor=reason)))
        found = states(report)
        assert found[step] == "problem"
        assert found["sudo"] == sudo
        assert (found["login"], found["programs"]) == ("ok", "problem")
        assert (found["workdir"], found["ports"]) == ("not checked", "not checked")

    def test_every_lack_is_told_with_what_to_do(self, folder: Path) -> None:
        lacks = Lacks(("iperf3", "bpftrace"), ("lab/tools/x.sh",), ("/w belongs to another user",))
        report = self.report(folder, FakeNode("host-server", lacks))
        assert [name for name, state in states(report).items() if state == "problem"] == [
            "programs",
            "workdir",
            "tools",
        ]
        assert [problem.what for problem in report.problems] == [
            "iperf3 is not installed",
            "bpftrace is not installed",
            "workdir: /w belongs to another user",
            "lab/tools/x.sh is not there",
        ]
        assert all(problem.remedy for problem in report.problems)

    def test_a_test_address_that_is_elsewhere(self, folder: Path) -> None:
        report = self.report(folder, FakeNode("host-server", address="10.9.9.9"))
        assert states(report)["test address"] == "problem"
        assert f"the test address {HERE} is not on this node" in report.problems[0].what

    def test_a_vm_that_was_started_again(self, folder: Path) -> None:
        content: dict[str, Any] = full_config("bed")
        content["environments"]["vm"] = content["environments"]["host"] | {
            side: pair | {"physical_host_ref": pair["ssh_ref"]}
            for side, pair in content["environments"]["host"].items()
        }
        content["environments"]["vm"]["kvm_config"] = {"qemu_pid": 4242}
        (folder / "bed-full.yaml").write_text(json.dumps(content))
        cases = [entry | {"environment": "vm"} for entry in case_entries(["eth_drop rx"])]
        (folder / "bed-cases.json").write_text(json.dumps(cases))
        report = self.report(folder, FakeNode("host-server"))
        assert states(report) == dict.fromkeys(CHECKS, "ok") | {"vm": "problem"}
        assert "QEMU_PID 4242 is not the qemu of host-server any more" in report.problems[0].what
        assert "vm" not in states(self.report(folder, FakeNode("host-client"), FakeNode("host-server")))

    def test_ports_that_are_taken(self, folder: Path) -> None:
        report = self.report(folder, FakeNode("host-server", free=1))
        assert [problem.what for problem in report.problems] == [f"1 of 2 ports are free from 20000 to 29999 on {HERE}"]
        assert self.report(folder, FakeNode("host-client", free=0), FakeNode("host-server")).problems == ()

    def test_a_bug_is_not_a_problem_of_a_node(self, folder: Path) -> None:
        with pytest.raises(ValueError, match="a bug"):
            self.report(folder, FakeNode("host-server", ValueError("a bug")))

    def test_only_nodes_that_the_cases_use(self, folder: Path) -> None:
        environment, cases = load_folder(folder)
        assert nodes_needed(environment, cases) == ["host-server", "host-client"]
        assert nodes_needed(environment, ()) == []


class TestLocalTools:
    @pytest.fixture
    def local(self, folder: Path) -> Path:
        content = full_config("bed") | {"paths": {"tools_dir": "lab/tools", "local_tools_dir": "mine"}}
        (folder / "bed-full.yaml").write_text(json.dumps(content))
        (folder / "mine/packet-drop").mkdir(parents=True)
        return folder

    def test_files_that_are_here_are_not_asked_for_on_the_node(self, local: Path) -> None:
        (local / "mine/packet-drop/eth_drop.sh").touch()
        environment, cases = load_folder(local)
        assert needs(environment, cases)[1] == {}
        (check,) = local_report(environment, cases).checks
        assert (check.state, check.detail) == ("ok", f"1 of 1 files are copied from {local / 'mine'}")

    def test_files_that_are_not_here_must_be_on_the_node(self, local: Path) -> None:
        environment, cases = load_folder(local)
        assert needs(environment, cases)[1] == {"host-server": ["lab/tools/packet-drop/eth_drop.sh"]}
        assert local_report(environment, cases).checks[0].state == "not checked"


class TestVerb:
    @pytest.fixture
    def doctor(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
        def run(*arguments: str, **answers: Any) -> int:
            def fake(environment: Any, names: Sequence[str], *, accept_new: bool) -> list[FakeNode]:
                return [FakeNode(name, answers.get(name.replace("-", "_"), WELL)) for name in names]

            monkeypatch.setattr(doctor_verb, "open_nodes", fake)
            return main(["doctor", "--config-dir", str(folder.parent), *arguments])

        return run

    def test_all_well_is_0(self, doctor: Callable[..., int], capsys: Text) -> None:
        assert doctor("--env", "bed") == 0
        printed = capsys.readouterr().out
        assert printed.startswith("environment bed: ready to measure\n")
        assert "\nhost-server (nobody@192.0.2.1)\n  CHECK         STATE\n  ssh           ok\n" in printed

    def test_nodes_that_no_case_needs_are_named(self, doctor: Callable[..., int], folder: Path, capsys: Text) -> None:
        assert doctor("--env", "bed") == 0
        assert "not looked at" not in capsys.readouterr().out
        content = full_config("bed")
        content["ssh"]["ssh_hosts"]["spare"] = {"host": "192.0.2.9", "workdir": "/w"}
        (folder / "bed-full.yaml").write_text(json.dumps(content))
        assert doctor("--env", "bed") == 0
        assert capsys.readouterr().out.endswith("\n\nnot looked at, no case needs them: spare\n")

    def test_problems_are_1_with_what_to_do(self, doctor: Callable[..., int], capsys: Text) -> None:
        assert doctor("--env", "bed", host_client=Lacks(("netperf", "iperf3"))) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "environment bed: 2 problems"
        first = next(index for index, line in enumerate(lines) if "netperf is not installed: apt-get" in line)
        assert lines[first].split()[:2] == ["programs", "problem"]
        assert lines[first + 1].split()[0] == "iperf3"

    def test_mistakes_are_4_and_other_environments_are_looked_at(
        self, doctor: Callable[..., int], folder: Path, capsys: Text
    ) -> None:
        (folder / "bed-minimal.yaml").write_text("environment: bed\nnodes: {a: {ssh: x, rool: host}}\n")
        other = folder.parent / "other"
        other.mkdir()
        (other / "other-full.yaml").write_text(json.dumps(full_config("other")))
        (other / "other-cases.json").write_text(json.dumps(case_entries(["null rx"])))
        assert doctor("--env", "bed", "--env", "other", "--env", "nowhere") == 4
        printed = capsys.readouterr().out
        assert "environment bed: its configuration cannot be used" in printed
        assert "bed-minimal.yaml:2: nodes.a.rool" in printed
        assert "environment other: ready to measure" in printed
        assert "unknown environment 'nowhere'" in printed

    def test_outdated_files_are_a_problem(self, doctor: Callable[..., int], folder: Path, capsys: Text) -> None:
        content = full_config("bed") | {"generated": {"inputs": {"bed-minimal.yaml": "00"}}}
        (folder / "bed-full.yaml").write_text(json.dumps(content))
        (folder / "bed-minimal.yaml").write_text("environment: bed\nnodes: {a: {ssh: x, role: host}}\n")
        assert doctor("--env", "bed") == 1
        printed = capsys.readouterr().out
        assert "environment bed: 1 problem\n" in printed
        assert f"run: probecost bootstrap --minimal-input {folder}/bed-minimal.yaml" in printed

    def test_json(self, doctor: Callable[..., int], capsys: Text) -> None:
        assert doctor("--env", "bed", "--format", "json", host_server=UnreachableError("host-server", "is off")) == 1
        (found,) = json.loads(capsys.readouterr().out)["environments"]
        assert (found["environment"], found["exit_code"]) == ("bed", 1)
        assert found["configuration"] == {"problems": [], "hint": "", "outdated": "", "unsupported": []}
        assert [name for name in found["nodes"]] == ["this machine", "host-server", "host-client"]
        ssh, key = found["nodes"]["host-server"][:2]
        assert ssh["problems"] == [{"node": "host-server", "what": "is off", "remedy": ""}]
        assert key["state"] == "not checked"

    def test_an_environment_must_be_named(self, doctor: Callable[..., int]) -> None:
        assert doctor() == 4
