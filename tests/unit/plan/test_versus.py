"""The other version of a tool: its files beside the environment's own, and what its node must have for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from probecost.config.environment import Case, Environment
from probecost.errors import ConfigError
from probecost.measure.preflight import needs
from probecost.plan.null_case import with_null_cases
from probecost.plan.settings import AskedVersus
from probecost.plan.tool_files import local_files, local_hashes
from probecost.plan.versus import with_versions
from unit.measure.test_preflight import environment

CASE = Case(
    "bed", "host-x", 1, "x", "sudo sh tools/net/x.sh", "x", "net", "host", (("p", "a b"),), "0", 10.0, "tools/net/x.sh"
)
ELSEWHERE = replace(CASE, key="host-y", command="y", tool_id="y", tool_file=None)
PLACE = "probecost-versus/net/x.sh"


@pytest.fixture
def bed(tmp_path: Path) -> Environment:
    """Own tools, and in ``old`` those of another version, with a file that only these have."""
    for name, files in (("new", ["x.sh"]), ("old", ["x.sh", "lib.sh"])):
        (tmp_path / name / "net").mkdir(parents=True)
        for file in files:
            (tmp_path / name / "net" / file).write_text(f"{name} {file}")
    return replace(environment(), local_tools_dir=tmp_path / "new")


def test_neither_overwrites_the_other(bed: Environment, tmp_path: Path) -> None:
    made = with_versions(bed, [CASE, ELSEWHERE], AskedVersus(tmp_path / "old"))
    (case,) = made.cases
    own, other = case.versions
    assert made.left_out == ("y",)
    assert (own.tool_file, own.command) == ("tools/net/x.sh", "sudo sh tools/net/x.sh")
    assert (other.tool_file, other.command, other.key) == (PLACE, f"sudo sh {PLACE}", "host-x")
    assert set(local_files(made.environment, "x", PLACE)) == {PLACE, "probecost-versus/net/lib.sh"}
    assert set(local_files(made.environment, "x", "tools/net/x.sh")) == {"tools/net/x.sh"}
    assert len(set(local_hashes(made.environment, made.cases).values())) == 3


def test_its_node_must_have_what_both_need(bed: Environment) -> None:
    made = with_versions(bed, [CASE], AskedVersus(None, "ltrace /opt/{p}"))
    programs, files = needs(made.environment, made.cases)
    assert {"sudo", "sh", "ltrace"} <= set(programs["host-server"])
    assert files == {}
    assert made.cases[0].versus is not None
    assert made.cases[0].versus.command == "ltrace /opt/'a b'"


@pytest.mark.parametrize(
    ("kind", "direction", "told"),
    [
        ("host", "rx", "t 192.0.2.2 192.0.2.1 rx"),
        ("host", "tx", "t 192.0.2.1 192.0.2.2 tx"),
        ("vm", "rx", "t 10.2.0.12 10.2.0.11 rx"),
    ],
)
def test_ends_are_those_of_the_direction_of_the_case(
    bed: Environment, kind: Literal["host", "vm"], direction: str, told: str
) -> None:
    ends = {"host": ("192.0.2.1", "192.0.2.2"), "vm": ("10.2.0.11", "10.2.0.12")}
    variables = {name: {f"{name}_LOCAL_IP": one, f"{name}_REMOTE_IP": other} for name, (one, other) in ends.items()}
    case = replace(CASE, pair_kind=kind, parameters=(("direction", direction),))
    asked = AskedVersus(None, "t {SRC_IP} {DST_IP} {direction}")
    (made,) = with_versions(replace(bed, variables=variables), [case], asked).cases
    assert made.versus is not None
    assert made.versus.command == told


@pytest.mark.parametrize("parameters", [(), (("direction", "both"),)])
def test_a_case_without_a_usual_direction_has_no_ends(
    bed: Environment, parameters: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(ConfigError, match=r"unknown variable {SRC_IP} \(case host-x has no direction rx or tx\) in"):
        with_versions(bed, [replace(CASE, parameters=parameters)], AskedVersus(None, "t {SRC_IP}"))


def test_a_parameter_goes_before_the_ends(bed: Environment) -> None:
    case = replace(CASE, parameters=(("direction", "rx"), ("SRC_IP", "192.0.2.77")))
    (made,) = with_versions(bed, [case], AskedVersus(None, "t {SRC_IP}")).cases
    assert made.versus is not None
    assert made.versus.command == "t 192.0.2.77"


def test_null_cases_run_on_both_sides_and_only_where_something_is_measured(bed: Environment, tmp_path: Path) -> None:
    tap = replace(CASE, key="vm-tap", pair_kind="vm", tool_file="tools/net/tap.sh", command="sh tools/net/tap.sh")
    cases = with_null_cases(bed, [CASE, tap])
    made = with_versions(bed, cases, AskedVersus(tmp_path / "old"))
    assert [case.key for case in made.cases] == ["host-x", "host-null"]
    null = made.cases[1]
    assert null.other == replace(null, versus=None)


def test_null_cases_alone_are_nothing_to_compare(bed: Environment, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"has no other version of any tool of bed: tools/net/x\.sh"):
        with_versions(bed, with_null_cases(bed, [CASE]), AskedVersus(tmp_path / "empty"))


def test_only_the_whole_path_is_replaced(bed: Environment, tmp_path: Path) -> None:
    case = replace(CASE, command="sh tools/net/x.sh --log tools/net/x.sh.log --own=tools/net/x.sh")
    (made,) = with_versions(bed, [case], AskedVersus(tmp_path / "old")).cases
    assert made.versus is not None
    assert made.versus.command == f"sh {PLACE} --log tools/net/x.sh.log --own={PLACE}"
