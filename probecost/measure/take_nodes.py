"""Taking all nodes of an environment for one run, when another run may want them at the same moment.

All nodes are connected at once. Two runs that begin together may then each get a part, and both would be refused. Who
finds that gives its part back and tries again after a random pause, the first node of all before the others: whoever
gets that one gets the rest. A run that holds its nodes for longer is not disputed: it is named at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from probecost.errors import Gathered, NodeBusyError, busy_nodes
from probecost.remote.node import Node
from probecost.remote.pool import on_all

#: A lease that is held for less may be that of a run which begins now, too.
RACE_S = 20.0
ATTEMPTS = 5
PAUSES_S = (0.2, 2.0)


def take(
    what: str, nodes: Sequence[Node], check: Callable[[], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """``check`` opens ``nodes`` and raises what is wrong with them; with some of them taken in a race, try again.

    ``what`` they are is for errors. What was opened stays open when this raises.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            check()
            return
        except (NodeBusyError, Gathered) as error:
            busy = busy_nodes(error)
            if not left or not _is_race(busy, len(nodes)):
                raise
        on_all(f"closing {what}", nodes, lambda node: node.close())
        sleep(random.uniform(*PAUSES_S))
        min(nodes, key=lambda node: (node.host.host, node.host.port or 22)).open()


def _is_race(busy: Sequence[NodeBusyError], nodes: int) -> bool:
    """Whether both got a part just now: some nodes are this run's, the others are not for long another's."""
    return 0 < len(busy) < nodes and all(one.held_s is not None and one.held_s < RACE_S for one in busy)
