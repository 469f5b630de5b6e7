"""The null case: measured whatever is selected, once per test pair, and counted right."""

from __future__ import annotations

import pytest
from fake_project import Project
from test_fixtures_collection import collected, measured

NULL = ("--null-case", "always")


class TestIsAdded:
    def test_is_collected_and_shown(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        assert collected(project.run("--collect-only", "-q", *NULL)) == ["host-a-rx", "host-b-rx", "host-null"]

    def test_whatever_k_selects(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx", "b rx"])
        result = project.run(*NULL, "-k", "host-a-rx")
        result.assert_outcomes(passed=2, deselected=2)
        result.stdout.fnmatch_lines(["collected 4 items / 2 deselected / 2 selected"])
        assert measured(project) == ["host-a-rx", "host-null"]

    @pytest.mark.parametrize("case", ["host-a-rx", "host-b-rx"])
    def test_beside_a_node_id(self, project: Project, case: str) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        result = project.run(*NULL, f"perftests/test_ebpf_tools.py::test_case[{case}]")
        result.assert_outcomes(passed=2)
        assert measured(project) == [case, "host-null"]

    def test_its_own_node_id_once(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        file = "perftests/test_ebpf_tools.py::test_case"
        project.run(*NULL, f"{file}[host-null]", f"{file}[host-a-rx]").assert_outcomes(passed=2)
        assert sorted(measured(project)) == ["host-a-rx", "host-null"]

    def test_with_last_failed(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx", "c rx"])
        project.fail({"measure host-b-rx": "the tool died"})
        project.run(*NULL).assert_outcomes(passed=3, failed=1)
        (project.path / "engine.log").unlink()
        project.run(*NULL, "--lf").assert_outcomes(passed=1, failed=1)
        assert measured(project) == ["host-b-rx", "host-null"]

    def test_in_each_iteration_and_environment(self, project: Project) -> None:
        project.add_environment("one", cases=["a rx"])
        project.add_environment("two", cases=["a rx"])
        project.run(*NULL, "--env", "two", "--iterations", "2", "-k", "one and a-rx and 002", env="one")
        assert list(project.outcomes) == ["one:host-a-rx-iteration_002", "one:host-null-iteration_002"]


class TestIsNotAdded:
    def test_where_it_is_selected_itself(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run(*NULL, "-k", "null").assert_outcomes(passed=1, deselected=1)
        assert measured(project) == ["host-null"]

    def test_where_nothing_is_selected(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        assert project.run(*NULL, "-k", "nothing").ret == pytest.ExitCode.NO_TESTS_COLLECTED
        assert project.log == []

    def test_where_the_environment_has_one(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "null rx", "null tx"])
        ids = collected(project.run("--collect-only", "-q", *NULL))
        assert ids == ["host-a-rx", "host-null-rx", "host-null-tx"]
        project.run(*NULL, "-k", "host-a").assert_outcomes(passed=2, deselected=1)
        assert measured(project) == ["host-a-rx", "host-null-rx"]

    def test_where_it_is_like_any_other(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "null rx"])
        project.run("--null-case", "selected", "-k", "host-a").assert_outcomes(passed=1, deselected=1)


class TestInWorkflows:
    def write(self, project: Project) -> None:
        assert project.run("--collect-only", "--workflow-out", "w.json", *NULL).ret == 0

    def test_one_that_has_it_runs_whatever_the_option_says(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        self.write(project)
        run = project.pytester.runpytest_inprocess
        run("--workflow", "w.json", "--null-case", "selected", "-k", "host-a").assert_outcomes(passed=1, deselected=2)
        run("--workflow", "w.json", "-k", "host-a").assert_outcomes(passed=2, deselected=1)

    def test_more_cases_in_the_environment_are_no_change_of_it(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx"])
        self.write(project)
        for file in place.iterdir():
            file.unlink()
        place.rmdir()
        project.add_environment(cases=["a rx", "b rx"])
        project.pytester.runpytest_inprocess("--workflow", "w.json").assert_outcomes(passed=2)
