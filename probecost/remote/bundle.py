"""The supervisor as one self-contained Python text, for any Python from 3.6 on, without installing anything."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

_PACKAGE = "probecost_supervisor"
_ARRIVES_S = 15

_LOADER = """
import importlib.abc, importlib.util, sys

class _Bundle(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        if name in _SOURCES:
            return importlib.util.spec_from_loader(name, self, is_package=name == _PACKAGE)
    def get_source(self, name):
        return _SOURCES[name]
    def is_package(self, name):
        return name == _PACKAGE

sys.meta_path.insert(0, _Bundle())
"""


@cache
def _sources() -> dict[str, str]:
    folder = resources.files("probecost.remote.supervisor")
    sources = {}
    for file in folder.iterdir():
        stem, _, ending = file.name.rpartition(".")
        if ending == "py":
            name = _PACKAGE if stem == "__init__" else f"{_PACKAGE}.{stem}"
            sources[name] = file.read_text(encoding="utf-8")
    return sources


def supervisor_text(config: dict[str, object]) -> str:
    """Source text that runs the supervisor with ``config`` (see ``supervisor.main.main``)."""
    return _program(f"from {_PACKAGE}.main import main", f"main(json.loads({json.dumps(config)!r}))")


def inventory_text(workdir: str, results: str) -> str:
    """Source text that prints the inventory of the machine it runs on (see ``supervisor.inventory.take``) as JSON."""
    return _program(f"from {_PACKAGE}.inventory import take", f"print(json.dumps(take({workdir!r}, {results!r})))")


def _program(*statements: str) -> str:
    """All modules of the supervisor, followed by statements that use them; ``json`` is imported."""
    return "\n".join([f"_PACKAGE = {_PACKAGE!r}", f"_SOURCES = {_sources()!r}", _LOADER, "import json", *statements])


def bootstrap(size: int) -> str:
    """A one-liner for ``python3 -c`` that reads ``size`` bytes of source from standard input and runs them.

    Nothing else may be sent before the supervisor reports that it is ready: the reader may buffer it. If the text does
    not arrive because the network is cut, an alarm ends the reader: there is no watchdog yet.
    """
    return f'import sys;exec(__import__("signal").alarm({_ARRIVES_S})or sys.stdin.buffer.read({size}))'
