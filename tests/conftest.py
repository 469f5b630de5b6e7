"""What tests of several kinds share: a project to run pytest in, and ports of the loopback, free or taken."""

from __future__ import annotations

import ast
import functools
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from _pytest._code import source
from helpers.fake_project import Project, make_project


def pytest_configure() -> None:
    """Runs of pytest inside this process leave cycles and fail on purpose: neither is looked at more than needed.

    For each traceback pytest parses all files in it; those of one run are those of the next.
    """
    gc.set_threshold(50_000, 20, 20)
    if isinstance(vars(source).get("ast"), type(ast)):
        vars(source)["ast"] = SimpleNamespace(**vars(ast) | {"parse": functools.lru_cache(maxsize=64)(ast.parse)})


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A measurement project without environments, see ``fake_project``."""
    return make_project(pytester)


@pytest.fixture
def free_ports() -> list[int]:
    """Four neighbouring TCP ports of 127.0.0.1 that nobody uses now."""
    for first in range(21000, 30000, 7):
        ports = list(range(first, first + 4))
        try:
            with ExitStack() as stack:
                for port in ports:
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        return ports
    raise RuntimeError("no four free neighbouring ports")


@pytest.fixture
def occupy() -> Iterator[Callable[[int], None]]:
    """Listen on a port, as somebody else's server does, until the test ends."""
    with ExitStack() as stack:

        def sit(port: int) -> None:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))

        yield sit
