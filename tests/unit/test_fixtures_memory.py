"""The allocator's setting: made where there is one, and no error where there is none."""

from __future__ import annotations

import ctypes
import platform

import pytest

from fixtures.memory import map_large_blocks


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_glibc_takes_it() -> None:
    assert map_large_blocks()


def test_another_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not map_large_blocks()
