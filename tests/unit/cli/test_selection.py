import pytest

from probecost.cli.selection import matcher
from probecost.cli.table import table
from probecost.errors import ConfigError

KEYS = ["host-eth_drop-rx_protocol_tcp", "host-eth_drop-tx_protocol_udp", "vm-ring-queue_0", "host-null"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", [0, 1, 2, 3]),
        ("eth_drop", [0, 1]),
        ("ETH_DROP and tcp", [0]),
        ("eth_drop and not tcp", [1]),
        ("ring or null", [2, 3]),
        ("not (eth_drop or ring)", [3]),
        ("not not null", [3]),
        ("tcp or udp and null", [0]),
        ("(tcp or udp) and null", []),
        ("vm-ring", [2]),
    ],
)
def test_expressions(expression: str, expected: list[int]) -> None:
    matches = matcher(expression)
    assert [number for number, key in enumerate(KEYS) if matches(key)] == expected


@pytest.mark.parametrize("expression", ["and", "a and", "(a", "a)", "a b", "not", "or a", "()"])
def test_what_cannot_be_read(expression: str) -> None:
    with pytest.raises(ConfigError, match=r"expected words joined by"):
        matcher(expression)


def test_tables_leave_empty_columns_out() -> None:
    assert table(("A", "B", "C"), [("1", "", "long"), ("22", "", "x")]) == "A   C\n1   long\n22  x"
    assert table(("A", "B"), []) == "A  B"
    assert table(("ABCDEFGH",), [("x",)], width=6) == "ABC...\nx"
