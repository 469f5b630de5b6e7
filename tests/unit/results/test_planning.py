"""The clockwork of a switched flow, where the node has a copy of it."""

from __future__ import annotations

from probecost.remote.supervisor import switching
from probecost.results import planning


def test_the_supervisor_warms_up_for_as_long_as_the_plan_counts_with() -> None:
    assert switching.WARM_UP_S == planning.WARM_UP_S
