"""What tests of several kinds share: a project to run pytest in."""

from __future__ import annotations

import pytest
from fake_project import Project, make_project


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A measurement project without environments, see ``fake_project``."""
    return make_project(pytester)
