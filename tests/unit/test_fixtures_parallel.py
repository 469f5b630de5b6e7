"""``-n``: test pairs that share nothing at the same time, and all else as in a serial run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_project import Project
from parallel_project import add_pairs, run


def test_two_pairs(project: Project) -> None:
    result = run(project, *add_pairs(project, 2), "-n", "auto")
    print(result.output)
    print(project.log)
    assert result.code == 0
    assert result.counts == {"passed": 6}
