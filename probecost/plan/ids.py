"""Names of generated cases, as the field spells them: ``{script}_{direction}_{parameter}_{value}``.

They are carried as data. The ids of items and results are ours: see ``probecost.config.keys``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath


def case_name(script: str, parameters: Mapping[str, str]) -> str:
    """The field's name of a case; ``direction`` stands first, whatever its place in ``parameters``.

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
