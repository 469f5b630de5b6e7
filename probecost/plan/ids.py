"""Names of generated cases, as older tools spell them: ``{script}_{direction}_{parameter}_{value}``.

The names are data only. ``probecost.config.keys`` makes the ids of items and results.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath


def case_name(script: str, parameters: Mapping[str, str]) -> str:
    """The name of a case; ``direction`` comes first, at any place in ``parameters``.

    >>> case_name("eth-drop.py", {"protocol": "tcp", "direction": "rx"})
    'eth_drop_rx_protocol_tcp'
    """
    words = [PurePosixPath(script).stem.replace("-", "_")]
    if "direction" in parameters:
        words.append(parameters["direction"])
    for name, value in parameters.items():
        if name != "direction":
            words += [name, value]
    return "_".join(words)
