"""Between selection and the first case: calibrations that are made, kept and discarded, and what is planned by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_project import Project, plain
from test_fixtures_collection import measured, refused
from workflow_project import written

from cli import main as cli

AS_PLANNED = ("--units", "8")


def calibrations(project: Project) -> list[str]:
    return [line for line in project.log if line.startswith("calibrate")]


def stored(place: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((place / "bed-calibration.json").read_text())
    return content


def change(place: Path, **entries: object) -> None:
    (place / "bed-calibration.json").write_text(json.dumps({**stored(place), **entries}))


class TestCalibration:
    def test_is_made_once_and_kept(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx", "a tx", "b rx"])
        project.run(*AS_PLANNED).assert_outcomes(passed=3)
        project.run(*AS_PLANNED).assert_outcomes(passed=3)
        assert calibrations(project) == ["calibrate bed 2"]
        assert stored(place)["pairs"]["host"]["starts_s"] == {"a": 0.5, "b": 0.5}

    def test_of_tools_that_it_does_not_know(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx", "b rx"])
        project.run(*AS_PLANNED, "-k", "host-a")
        project.run(*AS_PLANNED)
        assert calibrations(project) == ["calibrate bed 1"] * 2
        assert stored(place)["pairs"]["host"]["starts_s"] == {"a": 0.5, "b": 0.5}

    @pytest.mark.parametrize(
        "entries",
        [
            {"measured_at": "2026-11-21T21:30:00+00:00"},
            {"measured_at": "2026-11-23T21:30:00+00:00"},
            {"measured_at": "2026-11-22T21:30:00"},
            {"schema_version": 9},
            {"pairs": "none"},
        ],
        ids=["a day old", "of tomorrow", "without a zone", "of another version", "damaged"],
    )
    def test_one_that_cannot_be_used_is_made_anew(self, project: Project, entries: dict[str, object]) -> None:
        place = project.add_environment(cases=["a rx"])
        project.run(*AS_PLANNED)
        good = stored(place)
        change(place, **entries)
        project.run(*AS_PLANNED).assert_outcomes(passed=1)
        assert len(calibrations(project)) == 2
        assert stored(place) == good

    def test_never_and_always(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run(*AS_PLANNED, "--calibration", "never").assert_outcomes(passed=1)
        assert calibrations(project) == []
        project.run(*AS_PLANNED, "--calibration", "always")
        project.run(*AS_PLANNED, "--calibration", "always")
        assert len(calibrations(project)) == 2

    def test_is_not_made_where_it_is_of_no_use(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run("--units", "2")
        project.run(*AS_PLANNED, "--schedule", "visits")
        project.run(*AS_PLANNED, "--collect-only")
        assert calibrations(project) == []

    def test_one_that_fails_is_told_and_the_cases_run(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx"])
        project.fail({"calibrate bed 1": "node n: does not answer\nmore"})
        result = project.run(*AS_PLANNED)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["probecost: bed is not calibrated: node n: does not answer"])
        assert not (place / "bed-calibration.json").exists()

    def test_of_two_environments(self, project: Project) -> None:
        project.add_environment("bed", cases=["a rx"])
        project.add_environment("other", cases=["a rx"])
        project.run(*AS_PLANNED, "--env", "other").assert_outcomes(passed=2)
        assert calibrations(project) == ["calibrate bed 1", "calibrate other 1"]


class TestAnotherBed:
    def test_is_told_and_the_calibration_made_anew(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx"])
        project.run(*AS_PLANNED)
        project.fail({"kernel": "6.6"})
        result = project.run(*AS_PLANNED)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            [
                "probecost: bed: its calibration is of another bed:",
                "  host-server: then kernel 6.1, *; now kernel 6.6, *",
                "*the next run calibrates anew",
            ]
        )
        assert not (place / "bed-calibration.json").exists()
        project.fail({})
        project.run(*AS_PLANNED)
        assert len(calibrations(project)) == 2

    def test_nothing_is_told_of_the_same_bed(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx"])
        project.run(*AS_PLANNED)
        assert "another bed" not in project.run(*AS_PLANNED).stdout.str()
        assert (place / "bed-calibration.json").exists()

    def test_without_calibrations_it_is_left_alone(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx"])
        project.run(*AS_PLANNED)
        project.fail({"kernel": "6.6"})
        project.run(*AS_PLANNED, "--calibration", "never")
        assert (place / "bed-calibration.json").exists()


class TestPlans:
    def test_a_time_budget_that_is_too_small(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        refused(
            project.pytester.runpytest_inprocess("--env", "bed", "--time-budget", "20s"), "--time-budget 20 s: 3 cases"
        )
        assert measured(project) == []

    def test_the_command_writes_the_same_bytes_by_a_calibration(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.use_analysis()
        monkeypatch.chdir(project.path)
        monkeypatch.setattr("time.time", lambda: 1_795_383_300.0)
        project.run(*AS_PLANNED)
        assert len(calibrations(project)) == 1
        for options in (AS_PLANNED, ("--precision", "2%"), ("--units", "9", "--schedule", "switched")):
            content = written(project, *options)
            assert any(cycle["switching"] for cycle in content["test_sequence"])
            command = ["workflow", "--env", "bed", "--output", "c.json", *options, *plain(options)]
            assert cli.main(command) == 0
            assert (project.path / "c.json").read_bytes() == (project.path / "w.json").read_bytes()

    @pytest.mark.parametrize(
        ("options", "keys"),
        [
            (("--command", "t {SRC_IP}", "--name", "mine", "--attaches", "none"), {"host-mine"}),
            (("--command", "t", "--pair", "host", "--null-case", "always"), {"host-command-*", "host-null"}),
            (("--versus", "other"), {"host-a-rx"}),
            (("--versus", "other", "--versus-command", "sh {path} {DST_IP}"), {"host-a-rx"}),
            (
                ("--versus-command", "sleep {duration}", "--null-case", "always"),
                {"host-a-rx", "host-b-rx", "host-null"},
            ),
        ],
    )
    def test_the_command_writes_the_same_bytes_of_other_commands_and_versions(
        self,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        options: tuple[str, ...],
        keys: set[str],
    ) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        (project.path / "other" / "packet-drop").mkdir(parents=True)
        (project.path / "other" / "packet-drop" / "a.sh").write_text("old")
        monkeypatch.chdir(project.path)
        monkeypatch.setattr("time.time", lambda: 1_795_383_300.0)
        content = written(project, *options)
        found = {cycle["case_key"] for cycle in content["test_sequence"]}
        assert {key if "command" not in key else "host-command-*" for key in found} == keys
        capsys.readouterr()
        assert cli.main(["workflow", "--env", "bed", "--output", "c.json", *options, *plain(options)]) == 0
        assert (project.path / "c.json").read_bytes() == (project.path / "w.json").read_bytes()
        left_out = "not measured, it has no other version: lab/tools/packet-drop/b.sh\n"
        assert capsys.readouterr().err == (left_out if "--versus" in options else "")


@pytest.mark.parametrize("options", [("--calibration", "never"), ("--schedule", "visits"), ()])
def test_units_that_cannot_carry_the_tests_are_told_before_the_start(
    project: Project, options: tuple[str, ...]
) -> None:
    project.add_environment(cases=[f"{tool} rx" for tool in "abcdefg"])
    project.use_analysis()
    told = "probecost: 8 units cannot carry 7 primary tests: no overhead can be claimed, *9 units can, or fewer cases*"
    project.run("--units", "8", *options).stdout.fnmatch_lines([told])
    project.run("--units", "9", *options).stdout.no_fnmatch_line("*cannot carry*")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--precision", "0"), "expected a percentage such as 2%, above 0 and below 100"),
        (("--precision", "100%"), "expected a percentage"),
        (("--precision", "nan"), "expected a percentage"),
        (("--time-budget", "0s"), "expected a duration such as 90s"),
        (("--time-budget", "soon"), "expected a duration"),
        (("--schedule", "sometimes"), "invalid choice: 'sometimes'"),
        (("--calibration", "perhaps"), "invalid choice: 'perhaps'"),
        (("--null-case", "no"), "invalid choice: 'no'"),
        (("--order", "any"), "invalid choice: 'any'"),
        (("--units", "8", "--precision", "2%"), "--units N is a fixed plan"),
    ],
)
def test_options_that_make_no_sense(project: Project, options: tuple[str, ...], told: str) -> None:
    project.add_environment(cases=["a rx"])
    result = project.run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told in result.stderr.str()


def test_a_random_order_is_that_of_the_seed(project: Project) -> None:
    project.add_environment(cases=[f"{tool} {way}" for tool in "abcd" for way in ("rx", "tx")])

    def order(seed: str) -> list[str]:
        (project.path / "engine.log").unlink(missing_ok=True)
        project.run("--order", "random", "--seed", seed).assert_outcomes(passed=8)
        return measured(project)

    first = order("1")
    assert order("1") == first
    assert order("2") != first
    tools = [key.split("-")[1] for key in first]
    assert tools[::2] == tools[1::2]  # the cases of a tool stay together
