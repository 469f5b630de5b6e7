"""Takes all nodes of an environment for one run, even if another run wants them at the same moment.

All nodes are connected at once, so two runs that begin together may each get a part, and both would be refused. A run
that loses the race releases its nodes, waits a random time and retries, lowest-addressed node first; whoever holds that
node wins. A run that has held its nodes for longer is reported at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from probecost.errors import Gathered, NodeBusyError, busy_nodes
from probecost.remote.node import Node
from probecost.remote.pool import on_all

#: A lease that has been held for less may belong to a run that begins now, too.
RACE_S = 20.0
ATTEMPTS = 5
PAUSES_S = (0.2, 2.0)


def take(
    what: str, nodes: Sequence[Node], check: Callable[[], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Call ``check``, which opens ``nodes`` and raises their problems; repeat it if some were taken in a race.

    ``what`` names the nodes in errors. Opened nodes stay open if this raises.
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
    """Whether two runs each have just got a part: another run has some, not all, of the nodes, and not for long."""
    return 0 < len(busy) < nodes and all(one.held_s is not None and one.held_s < RACE_S for one in busy)
