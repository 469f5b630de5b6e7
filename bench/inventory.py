"""What is on a node, to be compared with what was on it before: kinds and lines as in ``supervisor.inventory``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Inventory:
    """Lines by kind."""

    kinds: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, answer: Mapping[str, list[str]]) -> Inventory:
        return cls({kind: frozenset(lines) for kind, lines in answer.items()})

    def changes_to(self, later: Inventory) -> list[str]:
        """``+ kind: line`` of what came, ``- kind: line`` of what went; empty when both are equal.

        >>> before = Inventory.read({"leases": [], "files": ["a"]})
        >>> before.changes_to(Inventory.read({"leases": ["/run/x"], "files": []}))
        ['- files: a', '+ leases: /run/x']
        """
        found = []
        for kind in sorted(self.kinds.keys() | later.kinds.keys()):
            old, new = self.kinds.get(kind, frozenset()), later.kinds.get(kind, frozenset())
            found += [f"- {kind}: {line}" for line in sorted(old - new)]
            found += [f"+ {kind}: {line}" for line in sorted(new - old)]
        return found
