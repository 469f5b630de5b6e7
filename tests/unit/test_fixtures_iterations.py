"""All of it several times: ids, folders, and iterations that fail."""

from __future__ import annotations

from fake_project import Project
from test_fixtures_collection import collected


class TestIterations:
    def test_ids_and_folders(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        result = project.run("--iterations", "2", "--collect-only", "-q")
        assert collected(result) == [
            "host-a-rx-iteration_001",
            "host-b-rx-iteration_001",
            "host-a-rx-iteration_002",
            "host-b-rx-iteration_002",
        ]
        project.run("--iterations", "2").assert_outcomes(passed=4)
        assert [line for line in project.log if line.split()[0] in ("open", "prepare", "close")] == [
            "open bed 2",
            "prepare bed a 1",
            "prepare bed b 1",
            "close bed",
            "open bed 2 iteration 2",
            "prepare bed a 1",
            "prepare bed b 1",
            "close bed",
        ]
        assert sorted(path.name for path in (project.tree / "bed").iterdir()) == ["iteration_001", "iteration_002"]
        assert {case["iteration"] for case in project.run_json["cases"].values()} == {1, 2}

    def test_one_iteration_leaves_the_ids_alone(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        assert collected(project.run("--iterations", "1", "--collect-only", "-q")) == ["host-a-rx"]

    def test_several_environments_are_the_inner_loop(self, project: Project) -> None:
        project.add_environment("one", cases=["a rx"])
        project.add_environment("two", cases=["a rx"])
        project.run("--env", "two", "--iterations", "2", env="one").assert_outcomes(passed=4)
        assert list(project.outcomes) == [
            f"{name}:host-a-rx-iteration_00{number}" for number in (1, 2) for name in ("one", "two")
        ]

    def test_one_that_does_not_open_does_not_stop_the_next(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"open bed 2": "node n: does not answer", "measure host-b-rx": "the tool died"})
        result = project.run("--iterations", "3")
        result.assert_outcomes(errors=2, passed=2, failed=2)
        result.stdout.fnmatch_lines(["environment bed could not be set up, see host-a-rx-iteration_001"])
        assert [line for line in project.log if line.startswith("open")] == [
            "open bed 2",
            "open bed 2 iteration 2",
            "open bed 2 iteration 3",
        ]

    def test_a_later_one_is_named_where_it_does_not_open(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"open bed 2 iteration 2": "node n: does not answer"})
        result = project.run("--iterations", "2")
        result.assert_outcomes(errors=2, passed=2)
        result.stdout.fnmatch_lines(["environment bed, iteration 2 could not be set up, see host-a-rx-iteration_002"])

    def test_one_whose_clean_up_fails_does_not_stop_the_next(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"close bed": "the connection was cut"})
        project.run("--iterations", "2").assert_outcomes(passed=2, errors=2)

    def test_k_and_lf(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.add_conftest(
            "from probecost.errors import ProbecostError\n\n"
            "def pytest_probecost_case_init(case):\n"
            "    if (case.key, case.tool.iteration) == ('host-a-rx', 2): raise ProbecostError('not now')\n"
        )
        project.run("--iterations", "3", "-k", "iteration_002 or host-b").assert_outcomes(
            passed=3, errors=1, deselected=2
        )
        project.run("--iterations", "3", "--lf").assert_outcomes(errors=1)
        assert list(project.outcomes) == ["host-a-rx-iteration_002"]
        assert {case["iteration"] for case in project.run_json["cases"].values()} == {2}
