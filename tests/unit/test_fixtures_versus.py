"""``pytest --versus``: which cases are measured, how the other version is started, and what is written down."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from fake_project import Project
from test_fixtures_collection import refused
from workflow_project import again, edit, written

OWN = "sudo -n lab/tools/packet-drop/eth_drop.sh rx"
OTHER = "sudo -n probecost-versus/packet-drop/eth_drop.sh rx"
PLACE = "probecost-versus/packet-drop/eth_drop.sh"


@pytest.fixture(autouse=True)
def other(project: Project) -> Path:
    """The other version of one tool of two."""
    project.add_environment(cases=["eth_drop rx", "packet_print rx"])
    folder = project.path / "other" / "packet-drop"
    folder.mkdir(parents=True)
    (folder / "eth_drop.sh").write_text("old")
    return folder.parent


def test_only_tools_with_another_version_are_measured(project: Project) -> None:
    result = project.run("--versus", "other", "--null-case", "always")
    assert result.ret == 0, result.stdout.str()
    assert set(project.outcomes) == {"host-eth_drop-rx", "host-null"}
    result.stdout.fnmatch_lines(["*not measured, it has no other version: lab/tools/packet-drop/packet_print.sh*"])
    assert project.run_json["options"]["versus"] == str(project.path / "other")
    cycles = json.loads((project.tree / "workflow-results.json").read_text())["cycles"]
    commands = {(cycle["case_key"], cycle["cycle_type"]): cycle["command"] for cycle in cycles}
    assert commands == {
        ("host-eth_drop-rx", "baseline"): OTHER,
        ("host-eth_drop-rx", "ebpf_test"): OWN,
        ("host-null", "baseline"): "sleep infinity",
        ("host-null", "ebpf_test"): "sleep infinity",
    }


def test_the_workflow_has_both_and_runs_again(project: Project, other: Path) -> None:
    content = written(project, "--versus", "other")
    assert content["metadata"]["options"]["versus"] == {"tools_dir": str(other), "template": ""}
    assert content["global_config"]["environments"]["bed"]["tool_files"][PLACE] == hashlib.sha256(b"old").hexdigest()
    by_type = {cycle["cycle_type"]: cycle for cycle in content["test_sequence"]}
    assert by_type["ebpf_test"]["ebpf_case"]["versus"] == {"command": OTHER, "program": PLACE}
    started = {name: cycle["test_cycle"]["init_hook"]["ebpf_startup_command"] for name, cycle in by_type.items()}
    assert started == {"baseline": OTHER, "ebpf_test": OWN}
    assert again(project).ret == 0
    kept = json.loads((project.tree / "workflow.json").read_text())
    assert kept["test_sequence"] == content["test_sequence"]
    assert kept["metadata"]["options"] == content["metadata"]["options"]


def test_a_workflow_whose_other_version_has_changed_is_refused(project: Project, other: Path) -> None:
    written(project, "--versus", "other")
    (other / "packet-drop" / "eth_drop.sh").write_text("older")
    result = again(project)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*tool_files.{PLACE}: *"])


def test_a_baseline_cannot_be_given_another_command_by_hand(project: Project) -> None:
    written(project, "--versus", "other")
    edit(
        project,
        lambda content: [
            cycle["test_cycle"]["init_hook"].update(ebpf_startup_command="x")
            for cycle in content["test_sequence"]
            if cycle["cycle_type"] == "baseline"
        ],
    )
    result = again(project)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*ebpf_startup_command*differs from ebpf_case.versus*"])


def test_another_command_for_the_same_files(project: Project) -> None:
    content = written(project, "--versus-command", "sh {path} {direction} --old {host_LOCAL_IP}", "-k", "packet_print")
    (case,) = {
        json.dumps(cycle["ebpf_case"]["versus"]) for cycle in content["test_sequence"] if cycle["ebpf_case"] is not None
    }
    own = "lab/tools/packet-drop/packet_print.sh"
    assert json.loads(case) == {"command": f"sh {own} rx --old 198.51.100.1", "program": own}


def test_another_command_with_other_files(project: Project) -> None:
    content = written(project, "--versus", "other", "--versus-command", "sh {path} old")
    (cycle,) = (cycle for cycle in content["test_sequence"] if cycle["ebpf_case"] is not None)
    assert cycle["ebpf_case"]["versus"] == {"command": f"sh {PLACE} old", "program": PLACE}


def test_two_commands_against_each_other(project: Project) -> None:
    content = written(project, "--command", "x -b", "--name", "x", "--versus-command", "x -a")
    started = {
        cycle["cycle_type"]: cycle["test_cycle"]["init_hook"]["ebpf_startup_command"]
        for cycle in content["test_sequence"]
    }
    assert started == {"baseline": "x -a", "ebpf_test": "x -b"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--versus", "nowhere"), "/nowhere: there is no such folder"),
        (("--versus", "config"), "has no other version of any tool of bed: lab/tools/packet-drop/eth_drop.sh"),
        (("--versus-command", "x {nope}"), "in command: x {nope}"),
        (("--versus-command", " "), "--versus-command: expected a command, not an empty text"),
        (("--versus", "other", "--baseline", "shared"), "it has no --baseline shared"),
    ],
)
def test_mistakes_are_errors_of_usage(project: Project, options: tuple[str, ...], told: str) -> None:
    refused(project.run(*options), told)
    assert project.log == []


def test_a_tool_whose_file_is_not_in_its_command_as_it_is(project: Project) -> None:
    place = project.path / "config" / "bed" / "bed-cases.json"
    place.write_text(
        place.read_text().replace("lab/tools/packet-drop/eth_drop.sh", "lab/tools/packet-drop/eth'_'drop.sh")
    )
    refused(
        project.run("--versus", "other"),
        "cannot be replaced in its command: sudo -n lab/tools/packet-drop/eth'_'drop.sh rx",
    )
