"""How verdicts are called and ordered, whoever shows them."""

from __future__ import annotations

import pytest

from probecost.analysis.statistics.looks import LOOKS
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.words.change_words import WORST_CHANGE_FIRST
from probecost.analysis.words.verdict_words import claim_line, title
from probecost.analysis.words.vocabulary import WORST_FIRST
from probecost.results.names import MetricId, metric_id


def test_every_word_has_its_place() -> None:
    assert set(WORST_FIRST) == set(Word)
    assert set(WORST_CHANGE_FIRST) == set(Word)
    assert WORST_CHANGE_FIRST[-1] is Word.SPEED_UP


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (metric_id("latency", "tcp_rr", "mean_us"), "TCP RR latency"),
        (metric_id("throughput", "single-load50", "received_bps"), "Throughput single at 50 % load"),
        (metric_id("throughput", "multi-load2G", "received_bps"), "Throughput multi at load 2G"),
        (metric_id("throughput", "single-load50", "cpu_s_per_gb"), "CPU per GB, throughput single at 50 % load"),
        (metric_id("latency", "sctp_rr", "mean_us"), "Latency sctp rr"),
        (metric_id("quic", "many", "mean_us"), "Quic many"),
    ],
)
def test_perf_tests_that_are_new_have_a_readable_title(metric: MetricId, name: str) -> None:
    assert title(metric) == name


def test_too_few_units_for_a_plan_with_looks() -> None:
    assert claim_line(12, 20, LOOKS) == ""
    assert claim_line(12, 32, LOOKS).endswith("16 units can, or fewer cases and perf tests.")
    assert claim_line(24, 5000, LOOKS).endswith("No number of units can: take fewer cases and perf tests.")
