"""The stored calibration of a bed: what may be used, what is made anew, and what happens to a file that is damaged."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probecost.errors import ProbecostError
from probecost.plan.calibration import (
    Calibration,
    Noise,
    PairCalibration,
    calibration_file,
    discard_calibration,
    fingerprints,
    read_calibration,
    write_calibration,
)

MADE = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)


def noise(rate: float) -> Noise:
    return Noise(interval_s=0.1, flows=((rate, rate), (rate,)), busy_share=0.25)


def calibration(made: datetime = MADE, bed: dict[str, str] | None = None, **starts_s: float | None) -> Calibration:
    pair = PairCalibration(noise={"pps:single": noise(100.0)}, idle_busy_share=0.1, starts_s=starts_s)
    return Calibration(schema_version=1, measured_at=made.isoformat(), bed=bed or {"a": "6.1"}, pairs={"host": pair})


class TestFile:
    def test_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        content = calibration(quick=0.5, slow=None)
        file = write_calibration(content, tmp_path)
        assert file.name == f"{tmp_path.name}-calibration.json"
        assert read_calibration(tmp_path) == content
        assert sorted(path.name for path in tmp_path.iterdir()) == [file.name]

    def test_has_the_prefix_of_the_other_files(self, tmp_path: Path) -> None:
        (tmp_path / "rack-full.yaml").touch()
        assert calibration_file(tmp_path).name == "rack-calibration.json"

    def test_there_is_none(self, tmp_path: Path) -> None:
        assert read_calibration(tmp_path) is None
        discard_calibration(tmp_path)

    @pytest.mark.parametrize(
        "change",
        [
            {"schema_version": 2},
            {"measured_at": "yesterday"},
            {"measured_at": "2026-11-22T21:30:00"},
            {"pairs": {"moon": {}}},
            {"bed": None},
            {"more": 1},
        ],
    )
    def test_what_cannot_be_used_is_as_if_there_were_none(self, tmp_path: Path, change: dict[str, Any]) -> None:
        file = write_calibration(calibration(), tmp_path)
        file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
        assert read_calibration(tmp_path) is None

    def test_broken_json(self, tmp_path: Path) -> None:
        calibration_file(tmp_path).write_text('{"schema_version": ')
        assert read_calibration(tmp_path) is None

    def test_negative_rates(self, tmp_path: Path) -> None:
        file = write_calibration(calibration(), tmp_path)
        file.write_text(file.read_text().replace("100.0", "-1.0"))
        assert read_calibration(tmp_path) is None

    def test_a_folder_that_is_gone(self, tmp_path: Path) -> None:
        with pytest.raises(ProbecostError, match="no such folder"):
            write_calibration(calibration(), tmp_path / "gone")

    def test_a_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        calibration_file(tmp_path).mkdir()
        with pytest.raises(ProbecostError, match="the calibration cannot be written"):
            write_calibration(calibration(), tmp_path)

    def test_discarded(self, tmp_path: Path) -> None:
        write_calibration(calibration(), tmp_path)
        discard_calibration(tmp_path)
        assert read_calibration(tmp_path) is None


class TestCurrent:
    @pytest.mark.parametrize(
        ("later", "current"),
        [
            (timedelta(0), True),
            (timedelta(days=1), True),
            (timedelta(days=1, seconds=1), False),
            (timedelta(seconds=-1), False),
        ],
    )
    def test_for_a_day(self, later: timedelta, current: bool) -> None:
        assert calibration().is_current((MADE + later).timestamp()) is current

    @pytest.mark.parametrize(
        ("bed", "changed"),
        [
            ({"a": "6.1"}, ()),
            ({"a": "6.6"}, ("a",)),
            ({"a": "6.1", "b": "6.6"}, ()),  # of which nothing was said
            ({}, ()),
        ],
    )
    def test_on_the_same_bed(self, bed: dict[str, str], changed: tuple[str, ...]) -> None:
        assert calibration().changed_nodes(bed) == changed
        assert calibration().is_current(MADE.timestamp(), bed) is not bool(changed)

    def test_another_kernel_is_another_bed(self) -> None:
        facts: dict[str, dict[str, object]] = {"a": {"kernel": "6.1", "cpus": 2, "load": 0.1}}
        assert fingerprints(facts) == fingerprints({"a": {**facts["a"], "load": 9}})
        assert fingerprints(facts) != fingerprints({"a": {**facts["a"], "kernel": "6.6"}})


class TestMerged:
    def test_says_what_both_say(self) -> None:
        later = MADE + timedelta(hours=1)
        found = calibration(a=0.5, b=0.6).merged(calibration(later, b=0.7, c=None))
        assert found.pairs["host"].starts_s == {"a": 0.5, "b": 0.7, "c": None}
        assert found.time == later

    def test_of_another_bed_nothing_is_kept(self) -> None:
        found = calibration(a=0.5).merged(calibration(bed={"a": "6.6"}, b=0.7))
        assert found.pairs["host"].starts_s == {"b": 0.7}


class TestMaximum:
    def test_is_the_mean_of_all_rates(self) -> None:
        assert calibration().maximum("host", "pps:single") == 100.0

    def test_is_unknown(self) -> None:
        assert calibration().maximum("vm", "pps:single") is None
        assert calibration().maximum("host", "latency:tcp_rr") is None
        nothing = calibration().model_copy(
            update={"pairs": {"host": PairCalibration(noise={"x": noise(0.0)}, idle_busy_share=0, starts_s={})}}
        )
        assert nothing.maximum("host", "x") is None
