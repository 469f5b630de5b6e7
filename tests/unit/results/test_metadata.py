"""Metadata: one model for the engine, which writes them, and for all who read them."""

from __future__ import annotations

import json
import math

import pytest

from probecost.analysis.parsers.json_fields import number, whole, words
from probecost.results.metadata import Metadata

WRITTEN = Metadata(
    case_key="host-a", arm="tool", unit=3, perf_test="latency", conn_type="tcp_rr", command="sleep 1 # é"
)


def test_a_text_is_read_as_it_was_written() -> None:
    assert Metadata.model_validate_json(WRITTEN.text) == WRITTEN
    assert list(json.loads(WRITTEN.text))[:3] == ["schema", "probecost", "run_id"]
    assert WRITTEN.text.isascii()


def test_only_a_superseded_one_says_so() -> None:
    assert "superseded" not in json.loads(WRITTEN.text)
    marked = WRITTEN.model_copy(update={"void_reason": "measured again", "superseded": True})
    assert json.loads(marked.text)["superseded"] is True
    assert list(json.loads(marked.text))[-1] == "superseded"


@pytest.mark.parametrize(
    "value", [True, 1.0, 2.5, "x", "7", None, 10**30, math.nan, math.inf, [1], {"a": 1}], ids=lambda value: repr(value)
)
def test_a_value_of_another_type_counts_as_absent(value: object) -> None:
    found = Metadata.model_validate(
        dict.fromkeys(("unit", "duration_s", "arm", "command", "shared_baseline", "nodes", "planned_units"), value)
    )
    field = {"it": value}
    assert (found.unit, found.duration_s, found.arm) == (whole(field, "it"), number(field, "it"), words(field, "it"))
    assert (found.command or "", found.shared_baseline) == (words(field, "it"), value is True)
    assert found.nodes == (value if isinstance(value, dict) else {})
    assert found.planned_units == (value if isinstance(value, list) else [])


@pytest.mark.parametrize(
    ("changes", "lacks"),
    [
        ({}, ()),
        ({"unit": None}, ("unit",)),
        ({"unit": -1, "shared_baseline": True}, ("unit",)),
        ({"unit": None, "case_key": "", "shared_baseline": True}, ()),
        ({"arm": "left", "case_key": "", "perf_test": ""}, ("perf_test", "arm", "case_key")),
    ],
)
def test_what_nobody_can_do_without(changes: dict[str, object], lacks: tuple[str, ...]) -> None:
    assert WRITTEN.model_copy(update=changes).lacks == lacks
