"""The supervisor is one text that Python 3.6 can read, and it needs nothing but the standard library."""

from __future__ import annotations

import ast
import sys
from importlib import resources

import pytest

from probecost.remote.bundle import supervisor_text

SOURCES = {
    file.name: file.read_text(encoding="utf-8")
    for file in resources.files("probecost.remote.supervisor").iterdir()
    if file.name.endswith(".py")
}
NEWER_THAN_3_6 = {"dataclasses", "contextvars", "zoneinfo", "graphlib", "tomllib"}
NEWER_CALLS = {"time_ns", "removeprefix", "removesuffix", "pidfd_open", "memfd_create", "capture_output"}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_python_3_6_reads_it(name: str) -> None:
    tree = ast.parse(SOURCES[name], feature_version=(3, 6))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            pytest.fail("the annotations future came with 3.7")
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            relative = isinstance(node, ast.ImportFrom) and node.level > 0
            for module in () if relative else names:
                assert module.split(".")[0] in sys.stdlib_module_names - NEWER_THAN_3_6
        if isinstance(node, ast.Attribute):
            assert node.attr not in NEWER_CALLS
        if isinstance(node, ast.keyword):
            assert node.arg not in {"capture_output", "text", "missing_ok"}


def test_the_bundle_holds_every_module_and_reads_as_python() -> None:
    text = supervisor_text({"mark": "x", "workdir": "/tmp/'quoted\""})
    ast.parse(text, feature_version=(3, 6))
    for name in SOURCES:
        stem = name.removesuffix(".py")
        assert f"'probecost_supervisor.{stem}'" in text or stem == "__init__"
