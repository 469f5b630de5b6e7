from pathlib import Path

import pytest

from probecost.config.documents import Document, read_yaml
from probecost.errors import ConfigError
from probecost.plan.registry import Tools, merge, read_registry

REGISTRY = """\
tools:
  defaults: {ready_timeout: 30}
  categories:
    drops:
      environment: host
      directions: [rx, tx]
      tools:
        - {script: a.py, template: a --old}
        - {script: b.py, template: b}
        - {script: a.py, template: a --old --more}
    control:
      tools:
        - {script: null.sh, template: sh}
"""


def read(folder: Path, name: str, text: str) -> Document:
    file = folder / name
    file.write_text(text)
    return read_yaml(file)


def merged(folder: Path, changes: str) -> Tools:
    return merge(read(folder, "tools.yaml", REGISTRY), read(folder, "minimal.yaml", changes))


def templates(tools: Tools) -> dict[str, list[str]]:
    return {name: [tool.template for tool in category.tools] for name, category in tools.registry.categories.items()}


def test_without_changes_the_registry_stays(tmp_path: Path) -> None:
    tools = merged(tmp_path, "environment: x\n")
    assert templates(tools) == {"drops": ["a --old", "b", "a --old --more"], "control": ["sh"]}
    assert tools.where["drops", 2] == f"{tmp_path / 'tools.yaml'}:10"
    assert tools.registry.defaults.ready_timeout == 30


def test_add_replace_and_override(tmp_path: Path) -> None:
    changes = """\
tools:
  defaults: {attaches: none}
  categories:
    drops:
      directions: [rx]
      tools:
        - {script: a.py, template: a --new}
        - {script: c.py, template: c}
    mine:
      environment: vm
      tools: [{script: m.py, template: m}]
"""
    tools = merged(tmp_path, changes)
    assert templates(tools) == {"drops": ["a --new", "b", "c"], "control": ["sh"], "mine": ["m"]}
    assert list(tools.registry.categories["drops"].directions) == ["rx"]
    assert (tools.registry.defaults.attaches, tools.registry.defaults.ready_timeout) == ("none", 30)
    places = [Path(tools.where["drops", index]).name for index in range(3)]
    assert places == ["minimal.yaml:7", "tools.yaml:9", "minimal.yaml:8"]


def test_drop(tmp_path: Path) -> None:
    tools = merged(tmp_path, "tools:\n  drop: [control, drops/b.py]\n")
    assert templates(tools) == {"drops": ["a --old", "a --old --more"]}
    assert list(tools.where) == [("drops", 0), ("drops", 1)]
    assert templates(merged(tmp_path, "tools: {drop: a.py}\n"))["drops"] == ["b"]


def test_drop_of_what_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"minimal.yaml:3: tools.drop\[1\] = \"contrl\": .*did you mean 'control'"):
        merged(tmp_path, "tools:\n  drop: [a.py,\n    contrl]\n")


def test_a_registry_with_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "tools.yaml"
    file.write_text(REGISTRY.replace("environment: host", "environment: moon").replace("template: b}", "templat: b}"))
    with pytest.raises(ConfigError) as caught:
        read_registry(file)
    assert [problem.split(":")[1] for problem in caught.value.problems] == ["5", "9"]
