"""Files that users keep with a case."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from fake_project import Project

from fixtures.artifacts import Artifact, ArtifactMode, folder_name, keep
from probecost.errors import Gatherer, ProbecostError


@pytest.mark.parametrize(
    ("mode", "failed", "wanted"),
    [
        ("always", False, True),
        ("always", True, True),
        ("on-failure", False, False),
        ("on-failure", True, True),
        ("never", False, False),
        ("never", True, False),
    ],
)
def test_modes(tmp_path: Path, mode: ArtifactMode, failed: bool, wanted: bool) -> None:
    source = tmp_path / "a.txt"
    source.write_text("x")
    kept = keep([Artifact(source, mode)], tmp_path / "kept", failed, Gatherer("artifacts"))
    assert [path.name for path in kept] == (["a.txt"] if wanted else [])
    assert (tmp_path / "kept").exists() == wanted


def test_files_of_one_name_are_all_kept(tmp_path: Path) -> None:
    for folder in ("1", "2", "3"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "dmesg.log").write_text(folder)
    sources = [tmp_path / folder / "dmesg.log" for folder in ("1", "2", "3")]
    kept = keep(sources, tmp_path / "kept", False, Gatherer("artifacts"))
    assert [(path.name, path.read_text()) for path in kept] == [
        ("dmesg.log", "1"),
        ("dmesg-2.log", "2"),
        ("dmesg-3.log", "3"),
    ]


def test_files_of_the_kernel_without_a_size_are_copied(tmp_path: Path) -> None:
    (kept,) = keep([Path("/proc/self/status")], tmp_path / "kept", False, Gatherer("artifacts"))
    assert kept.read_text().startswith("Name:")


def test_what_cannot_be_copied_is_told_and_keeps_no_other_back(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("x")
    gatherer = Gatherer("artifacts")
    kept = keep([tmp_path / "missing.txt", tmp_path / "good.txt"], tmp_path / "kept", False, gatherer)
    assert [path.name for path in kept] == ["good.txt"]
    with pytest.raises(ProbecostError, match=r"artifact .*missing\.txt cannot be kept"):
        gatherer.raise_all()


def test_folder_names_are_safe_and_differ() -> None:
    keys = ["host-a-rx", "host-a/b", "host-a_b", "host-a b", "..", ".", "x" * 300, "x" * 299, "ünï"]
    names = [folder_name(key) for key in keys]
    assert names[0] == "host-a-rx"
    assert len(set(names)) == len(keys)
    assert all(Path(name).name == name and name.strip(".") and len(name) < 140 for name in names)


@pytest.mark.parametrize("name", ["fixtures.artifacts", "fixtures.properties", "fixtures.levels"])
def test_examples_in_the_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


class TestInARun:
    def test_are_kept_with_the_case(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx"])
        project.fail({"measure host-a-tx": "the tool died"})
        (project.path / "always.txt").write_text("1")
        (project.path / "failed.txt").write_text("2")
        (project.path / "folder").mkdir()
        (project.path / "folder" / "inner.txt").write_text("3")
        project.add_conftest(
            "from pathlib import Path\n"
            "from fixtures.artifacts import Artifact\n\n"
            "def pytest_probecost_collect_artifacts(case):\n"
            "    assert case.files\n"
            "    return [Path('always.txt'), Path('folder'), Artifact(Path('failed.txt'), 'on-failure'),\n"
            "            Artifact(Path('always.txt'), 'never')]\n"
        )
        project.run().assert_outcomes(passed=1, failed=1)
        kept = project.tree / "bed" / "iteration_001" / "artifacts"
        assert sorted(str(path.relative_to(kept)) for path in kept.rglob("*.txt")) == [
            "host-a-rx/always.txt",
            "host-a-rx/folder/inner.txt",
            "host-a-tx/always.txt",
            "host-a-tx/failed.txt",
            "host-a-tx/folder/inner.txt",
        ]

    def test_that_are_missing_keep_no_other_back(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        (project.path / "here.txt").write_text("1")
        project.add_conftest(
            "from pathlib import Path\n\n"
            "def pytest_probecost_collect_artifacts(case):\n"
            "    return [Path('missing.txt'), Path('here.txt')]\n"
        )
        result = project.run()
        result.assert_outcomes(passed=1, errors=1)
        result.stdout.fnmatch_lines(["artifact missing.txt cannot be kept: *"])
        assert (project.tree / "bed/iteration_001/artifacts/host-a-rx/here.txt").is_file()
