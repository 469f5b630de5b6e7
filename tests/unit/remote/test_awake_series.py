"""On a node: CPUs that are kept awake, and counters at equal intervals."""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path
from typing import Any

import pytest

from probecost.remote.supervisor import awake, series
from probecost.remote.supervisor.awake import Awake
from probecost.remote.supervisor.series import NAMES, Series


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class TestAwake:
    @pytest.fixture
    def device(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        file = tmp_path / "cpu_dma_latency"
        file.touch()
        monkeypatch.setattr(awake, "DEVICE", str(file))
        return file

    def test_asks_for_no_latency_as_long_as_it_is_held(self, device: Path) -> None:
        before = open_descriptors()
        kept = Awake(True)
        kept.hold()
        kept.hold()
        assert kept.held
        assert struct.unpack("i", device.read_bytes()) == (0,)
        assert open_descriptors() == before + 1
        kept.release()
        kept.release()
        assert not kept.held
        assert open_descriptors() == before

    def test_again_after_a_release(self, device: Path) -> None:
        kept = Awake(True)
        kept.hold()
        kept.release()
        kept.hold()
        assert kept.held
        kept.release()

    def test_where_it_is_not_wanted(self, device: Path) -> None:
        kept = Awake(False)
        kept.hold()
        assert not kept.held
        assert device.read_bytes() == b""
        kept.release()

    def test_where_there_is_no_such_device(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(awake, "DEVICE", str(tmp_path / "missing"))
        kept = Awake(True)
        kept.hold()
        assert not kept.held
        kept.release()

    def test_a_device_that_takes_nothing_is_not_left_open(self, device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(descriptor: int, text: bytes) -> int:
            raise OSError("not now")

        monkeypatch.setattr(os, "write", refuse)
        before = open_descriptors()
        kept = Awake(True)
        kept.hold()
        assert not kept.held
        assert open_descriptors() == before


class Clock:
    """Time that passes in waits, and in readings that stall: so long before each wait."""

    def __init__(self) -> None:
        self.s = 50.0
        self.stalls_s: list[float] = []

    def monotonic(self) -> float:
        return self.s

    def wait(self, seconds: float) -> bool:
        self.s += seconds
        return False

    def series(self) -> Series:
        made = Series(None)  # type: ignore[arg-type]
        made._cancelled = self  # type: ignore[assignment]
        return made


class TestSeries:
    @pytest.fixture
    def clock(self, readings: list[str], monkeypatch: pytest.MonkeyPatch) -> Clock:
        found, read = Clock(), series.counters

        def counters(interface: str, usage: Any) -> dict[str, Any]:
            found.s += found.stalls_s.pop(0) if found.stalls_s else 0.0
            return read(interface, usage)

        monkeypatch.setattr(series, "time", found)
        monkeypatch.setattr(series, "counters", counters)
        return found

    @pytest.fixture
    def readings(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The interfaces that were asked for; each reading has counters of its own, and some that nobody wants."""
        asked: list[str] = []

        def counters(interface: str, usage: object) -> dict[str, Any]:
            asked.append(interface)
            return {**{name: 100 * place + len(asked) for place, name in enumerate(NAMES)}, "other": "text"}

        monkeypatch.setattr(series, "counters", counters)
        return asked

    def test_rows_from_start_to_end(self, readings: list[str], clock: Clock) -> None:
        rows = clock.series().run("eth7", 0.25, 1.0)
        assert readings == ["eth7"] * 5
        assert [row[0] for row in rows] == [0, 250_000_000, 500_000_000, 750_000_000, 1_000_000_000]
        assert [row[1:] for row in rows] == [
            [100 * place + number for place in range(len(NAMES))] for number in range(1, 6)
        ]

    def test_what_a_late_reading_missed_is_left_out(self, readings: list[str], clock: Clock) -> None:
        clock.stalls_s = [0.0, 0.6]
        rows = clock.series().run("eth7", 0.25, 1.5)
        assert [row[0] / 1e9 for row in rows] == pytest.approx([0.0, 0.25, 0.85, 1.0, 1.25, 1.5])

    def test_no_duration_is_one_row(self, readings: list[str]) -> None:
        assert len(Series(None).run("eth7", 0.01, 0.0)) == 1  # type: ignore[arg-type]

    def test_cancelled_before_and_while_it_runs(self, readings: list[str]) -> None:
        early = Series(None)  # type: ignore[arg-type]
        early.cancel()
        assert len(early.run("eth7", 60.0, 600.0)) == 1
        late = Series(None)  # type: ignore[arg-type]
        found: list[list[list[int]]] = []
        thread = threading.Thread(target=lambda: found.append(late.run("eth7", 60.0, 600.0)))
        thread.start()
        late.cancel()
        thread.join(10)
        assert [len(rows) for rows in found] == [1]
