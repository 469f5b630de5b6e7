"""Directions of traffic: which end of a test pair sends the watched traffic, and which end receives it."""

from __future__ import annotations

from collections.abc import Mapping

from probecost.config.environment import PairKind

#: Variables of templates that depend on the direction.
DIRECTION_VARIABLES = frozenset({"direction", "SRC_IP", "DST_IP"})
#: The direction of a command without a configuration: traffic that the tools' node receives.
RECEIVED = "rx"


def ends(kind: PairKind) -> Mapping[str, Mapping[str, str]]:
    """The variables of the directions ``rx`` and ``tx``, defined by variables of the test pair.

    >>> ends("host")["rx"]
    {'SRC_IP': '{host_REMOTE_IP}', 'DST_IP': '{host_LOCAL_IP}'}
    """
    local, remote = f"{{{kind}_LOCAL_IP}}", f"{{{kind}_REMOTE_IP}}"
    return {"rx": {"SRC_IP": remote, "DST_IP": local}, "tx": {"SRC_IP": local, "DST_IP": remote}}
