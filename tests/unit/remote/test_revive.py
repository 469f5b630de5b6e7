"""A node that is gone: what ends a case does not wait for it once more, what begins the next one does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probecost.config.environment import SshHost
from probecost.errors import NodeError, UnreachableError
from probecost.remote import link
from probecost.remote.node import Node
from probecost.remote.plain_ssh_config import PlainSshConfig


class Asked:
    """In place of ``connect``: nobody answers, after ``wait_s``."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        self.times = 0

    def __call__(self, *_: object, **__: object) -> None:
        self.times += 1
        time.sleep(self.wait_s)
        raise UnreachableError("a", "does not answer")


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(link, "IN_VAIN_S", 0.05)
    return Node(SshHost(name="a", host="192.0.2.1", workdir="/tmp/w"), PlainSshConfig(), python="python3")


def fails(call: Callable[[], object]) -> None:
    with pytest.raises(NodeError, match="does not answer"):
        call()


@pytest.mark.parametrize(("wait_s", "times"), [(0.1, 1), (0.0, 3)], ids=["in vain", "refused at once"])
def test_who_was_waited_for_in_vain_is_not_waited_for_again(
    gone: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wait_s: float, times: int
) -> None:
    asked = Asked(wait_s)
    monkeypatch.setattr(link, "connect", asked)
    fails(gone.revive)
    fails(gone.facts)
    fails(lambda: gone.fetch(["results"], tmp_path))
    assert asked.times == times


def test_each_case_makes_an_attempt_of_its_own(gone: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(0.1)
    monkeypatch.setattr(link, "connect", asked)
    fails(gone.revive)
    fails(gone.facts)
    fails(gone.revive)
    assert asked.times == 2
