"""Case keys: the ids of pytest's items and the keys of all results.

A key is ``{pair kind}-{tool}-{name part}``, for example ``host-eth_drop-rx_protocol_tcp``. It stays the same when cases
are added or an environment is discovered anew: it has no index of a case, no address, no PID, no date. A discovered
value is replaced by its variable and index (``vhost_pids.0``). Cases with the same key get the option in which they
differ as a suffix, else a short hash of the command.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from probecost.config.commands import generalise, options, parse
from probecost.config.environment import PairKind
from probecost.config.variables import INTERFACES

_MAX_PART = 120  # characters; a key is also the name of a folder
_UNSAFE = re.compile(r"_*[^A-Za-z0-9_.+-]+(?:_|[^A-Za-z0-9_.+-])*")
_ADDRESS = re.compile(r"(?<![0-9.])(?:\d{1,3}\.){3}\d{1,3}(?![0-9.])")
_DATE = re.compile(r"(?:^|_)(?:20\d{2}[-_]?[01]\d[-_]?[0-3]\d)(?:[T_-]?[0-2]\d[:_-]?[0-5]\d[:_-]?[0-5]\d)?(?=_|$)")
_CASE_NUMBER = re.compile(r"(?:^|_)case_\d+(?=_|$)")
_PID_IN_NAME = re.compile(r"(?:(?P<what>[A-Za-z]+)_)?pid_(?P<pid>\d+)(?=_|$)")


@dataclass(frozen=True)
class Named:
    """Ingredients of a key. ``names`` maps discovered values of the case's pair to their variables.

    ``parameters`` are in the order written, ``None`` for a legacy case; ``discovered`` as in ``schema.CaseEntry``;
    ``from_template``: interface names in parameters are the user's own words.
    """

    kind: PairKind
    tool: str
    name: str
    command: str
    script: str | None
    duration_s: float
    parameters: Mapping[str, str] | None
    names: Mapping[str, str]
    discovered: Mapping[str, str] = field(default_factory=dict)
    from_template: bool = False


def tool_id(stem: str) -> str:
    """A tool's id from the name of its file: ``drop-monitor`` is ``drop_monitor``, as in the names of cases."""
    return safe(stem.replace("-", "_")) or "tool"


def safe(text: str) -> str:
    """``text`` as part of a file name or a test id."""
    return _UNSAFE.sub("_", text).strip("_.")


def short_hash(text: str) -> str:
    """First 6 hex digits of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def case_keys(cases: Sequence[Named]) -> list[str]:
    """A key for each case, in order. Two keys are equal only if kind, command and duration are."""
    seen: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    plain = [_plain_key(case, seen) for case in cases]
    groups: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(plain):
        groups[key].append(index)
    keys = list(plain)
    for members in groups.values():
        if len(members) > 1:
            suffixes = _suffixes([cases[index] for index in members])
            for index, suffix in zip(members, suffixes, strict=True):
                keys[index] = f"{plain[index]}-{suffix}" if suffix else plain[index]
    for spell in (_general_command, _whole_command):
        keys = _with_hashes(keys, cases, spell)
    return keys


def _plain_key(case: Named, seen: dict[tuple[str, str], dict[str, int]]) -> str:
    part = _from_parameters(case, seen) if case.parameters else _from_name(case, seen)
    part = safe(part)
    if len(part) > _MAX_PART:
        part = f"{part[:_MAX_PART]}-{short_hash(part)}"
    return "-".join(piece for piece in (case.kind, case.tool, part) if piece)


def _from_parameters(case: Named, seen: dict[tuple[str, str], dict[str, int]]) -> str:
    parameters = case.parameters or {}
    pieces = [parameters["direction"]] if "direction" in parameters else []
    for name, value in parameters.items():
        if name != "direction":
            pieces += [name, case.discovered.get(name) or _stable(case, name, value, seen)]
    return "_".join(pieces)


def _stable(case: Named, name: str, value: str, seen: dict[tuple[str, str], dict[str, int]]) -> str:
    """The value, or its variable, or its rank among the file's unknown values of that name."""
    variable = case.names.get(value, "")
    if value.isdigit() and "pid" in name.lower():
        return variable or _rank(seen, case.kind, f"{name}s", value)
    if value.isdigit():
        return value
    if variable in INTERFACES and case.from_template:
        return value
    if _is_address(value):
        return variable or _rank(seen, case.kind, f"{name}s", value)
    return variable or _without_addresses(case, f"{name}s", value, seen)


def _without_addresses(case: Named, variable: str, text: str, seen: dict[tuple[str, str], dict[str, int]]) -> str:
    """``text`` with each address replaced by its variable, an unknown address by its rank."""
    return _ADDRESS.sub(lambda match: case.names.get(match[0]) or _rank(seen, case.kind, variable, match[0]), text)


def _rank(seen: dict[tuple[str, str], dict[str, int]], kind: str, variable: str, value: str) -> str:
    ranks = seen[kind, variable]
    return f"{variable}.{ranks.setdefault(value, len(ranks))}"


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return True


def _from_name(case: Named, seen: dict[tuple[str, str], dict[str, int]]) -> str:
    """The case's name without its tool, dates, numbers and addresses."""
    name = case.name.replace(" ", "_")
    if tool_id(name).lower().startswith(case.tool.lower()):
        name = tool_id(name)[len(case.tool) :]
    name = _CASE_NUMBER.sub("", _DATE.sub("", name))
    name = _without_addresses(case, "addresses", name, seen)

    def process(match: re.Match[str]) -> str:
        variable = f"{match['what']}_pid" if match["what"] else "pid"
        return f"{variable}_{case.names.get(match['pid']) or _rank(seen, case.kind, f'{variable}s', match['pid'])}"

    return _PID_IN_NAME.sub(process, name).strip("_-")


def _suffixes(cases: Sequence[Named]) -> list[str]:
    """Suffixes for cases with the same key: the option that distinguishes them all, else all differing options."""
    found = [_options(case) for case in cases]
    names = list(dict.fromkeys(name for item in found for name in item))
    differing = [name for name in names if len({item.get(name) for item in found}) > 1]
    for name in differing:
        if len({item.get(name) for item in found}) == len(cases):
            return [_spell(item, [name]) for item in found]
    return [_spell(item, differing) for item in found]


def _options(case: Named) -> dict[str, str]:
    parts = parse(case.command, case.script)
    words = generalise(parts.words[parts.arguments_from :], case.names)
    return {**options(words), "--duration": f"{case.duration_s:g}"}


def _spell(found: Mapping[str, str], names: Sequence[str]) -> str:
    words = [f"{name.lstrip('-').replace('-', '_')}_{found[name]}".rstrip("_") for name in names if name in found]
    text = safe("_".join(words))
    return text if len(text) <= _MAX_PART else short_hash(text)


def _with_hashes(keys: Sequence[str], cases: Sequence[Named], spell: Callable[[Named], str]) -> list[str]:
    """The keys; a repeated key gets a hash of ``spell(case)``."""
    count = Counter(keys)
    return [
        f"{key}-{short_hash(spell(case))}" if count[key] > 1 else key for key, case in zip(keys, cases, strict=True)
    ]


def _general_command(case: Named) -> str:
    return " ".join(generalise(parse(case.command, case.script).words, case.names))


def _whole_command(case: Named) -> str:
    return case.command
