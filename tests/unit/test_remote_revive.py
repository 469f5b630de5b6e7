"""A node that is gone: it is asked once more, and after a wait in vain not again and again."""

from __future__ import annotations

import time

import paramiko
import pytest

from probecost.config.models import SshHost
from probecost.errors import UnreachableError
from probecost.remote import node
from probecost.remote.node import Node


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
    monkeypatch.setattr(node, "IN_VAIN_S", 0.05)
    monkeypatch.setattr(node, "ASK_AGAIN_S", 0.3)
    return Node(SshHost(name="a", host="192.0.2.1", workdir="/tmp/w"), paramiko.SSHConfig(), python="python3")


def revive(gone: Node) -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        gone.revive()


def test_who_was_waited_for_in_vain_is_asked_again_later(gone: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(0.1)
    monkeypatch.setattr(node, "connect", asked)
    revive(gone)
    revive(gone)
    assert asked.times == 1
    time.sleep(0.35)
    revive(gone)
    assert asked.times == 2


def test_who_refuses_at_once_is_asked_each_time(gone: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(0.0)
    monkeypatch.setattr(node, "connect", asked)
    revive(gone)
    revive(gone)
    assert asked.times == 2
