"""How values lie over iterations."""

from __future__ import annotations

import pytest

from probecost.analysis.report.tables.iterations import IterationValue, ValueName, spreads

NAME = ValueName("lab", "host-eth_drop", "eth_drop", "tcp", "rx", "latency", "latency", "tcp_rr", "Mean")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([4.0], (1, 4.0, None, 4.0, 4.0, 4.0, 0.0)),
        ([1.0, 1.0, 1.0, 97.0], (4, 25.0, 48.0, 1.0, 97.0, 1.0, 0.0)),
        ([0.0, 0.0], (2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
        ([1e300, -1e300], (2, 0.0, 2**0.5 * 1e300, -1e300, 1e300, 0.0, 1e300)),  # nobody measures that
    ],
)
def test_spread(values: list[float], expected: tuple[float | None, ...]) -> None:
    (found,) = spreads(IterationValue(NAME, None, value) for value in values)
    assert found[1:] == pytest.approx(expected)
    assert type(found.n) is int


def test_no_values_have_no_spread() -> None:
    assert spreads([]) == []


def test_values_stay_apart_and_in_their_order() -> None:
    rows = [IterationValue(NAME._replace(column=column), over_all, value) for value in (2.0, 4.0)
            for column, over_all in (("b", None), ("a", 9.0))]  # fmt: skip
    assert [(row.name.column, row.mean, row.median) for row in spreads(rows)] == [("b", 3.0, 3.0), ("a", 9.0, 3.0)]
