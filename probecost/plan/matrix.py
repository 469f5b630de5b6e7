"""Matrix expansion: from the tools of an environment to its cases.

A direction varies slowest, then the parameters in the order written (``rx tcp, rx udp, tx tcp, tx udp``); ids count
from 1. A direction is expanded only if the template uses ``{direction}``, ``{SRC_IP}``, ``{DST_IP}`` or another
variable that the directions define.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from probecost.config.build_cases import build_cases
from probecost.config.documents import Document
from probecost.config.environment import Case, Environment, Variables
from probecost.config.folder import DEFAULT_TOOLS_DIR, FullConfig
from probecost.config.schema import CaseEntry, FullFile
from probecost.config.tools import Category, Registry, ToolEntry
from probecost.config.validation import nearest
from probecost.config.variables import ALL, variables_of
from probecost.errors import ConfigError
from probecost.plan.directions import DIRECTION_VARIABLES, ends
from probecost.plan.registry import Where, origins
from probecost.plan.variables import (
    AbsentValueError,
    UnknownVariableError,
    all_placeholders,
    literal,
    placeholders,
    render,
    resolve,
)

_NO_DIRECTIONS = " (its category has no directions)"


@dataclass(frozen=True)
class Expansion:
    """Generated cases, and notes on cases that could not be generated and options that were left out."""

    entries: tuple[CaseEntry, ...]
    notes: tuple[str, ...]


class _NoCommandError(Exception):
    """A template gives an empty command."""


@dataclass(frozen=True)
class _Value:
    """One value of a parameter, as written; ``variable`` is its source if it was discovered (``vhost_pids.0``)."""

    text: str
    variable: str | None = None


@dataclass(frozen=True)
class _Tool:
    """A tool in its category, with its file and line."""

    category_name: str
    category: Category
    entry: ToolEntry
    where: str

    @property
    def label(self) -> str:
        return f"{self.category_name}/{self.entry.script}"

    @property
    def directions(self) -> Mapping[str, Mapping[str, str]]:
        """Variables of each direction. ``rx`` and ``tx`` have the ends of the pair as source and target by default."""
        own, usual = self.entry.directions, ends(self.category.environment)
        found = self.category.directions if own is None else own
        return {name: {**usual.get(name, {}), **variables} for name, variables in found.items()}

    @property
    def expanded_directions(self) -> list[str | None]:
        """The directions with separate cases; ``[None]`` if the template depends on none.

        A tool's own parameters and keys take precedence over the variables of directions. A parameter ``direction``
        selects some of them.
        """
        directions = self.directions
        own = {*self.entry.parameters, *self.entry.variables}
        of_directions = DIRECTION_VARIABLES | {name for variables in directions.values() for name in variables}
        if not all_placeholders(self.entry.template, self.definitions) & (of_directions - own):
            return [None]
        chosen = self.entry.parameters.get("direction")
        return [name for name in directions if chosen is None or name in chosen]

    @property
    def definitions(self) -> dict[str, str]:
        """The entry's own variables: parameters (all their values in one text) and all its extra keys.

        A parameter may have the name of the discovered variable that gives its values.
        """
        parameters = {name: " ".join(values) for name, values in self.entry.parameters.items()}
        for name in parameters.keys() & set(ALL):
            parameters[name] = parameters[name].replace("{" + name + "}", "")
        return {**self.entry.variables, **parameters}


def template_problems(registry: Registry, where: Where) -> list[str]:
    """One line for each undefined variable in a template or a value."""
    return [problem for tool in _tools(registry, where) for problem in _unknown_variables(tool)]


def expand(full: FullFile, where: Where) -> Expansion:
    """All cases of the environment in ``full``. ``ConfigError``: unknown variables, or a repeated case."""
    problems = template_problems(full.tools, where)
    entries: list[CaseEntry] = []
    notes: dict[str, None] = {}
    origin: dict[tuple[object, ...], str] = {}
    for tool in _tools(full.tools, where) if not problems else ():
        kind = tool.category.environment
        if getattr(full.environments, kind) is None:
            notes[f"category {tool.category_name}: left out, this environment has no {kind} test pair"] = None
            continue
        try:
            for entry in _cases(tool, full, variables_of(full, kind), notes):
                identity = (kind, entry.command, tuple(sorted((entry.parameters or {}).items())), entry.duration)
                if identity in origin:
                    problems.append(
                        f"{tool.where}: {tool.label}: gives the same case as {origin[identity]}: {entry.name}"
                    )
                origin.setdefault(identity, tool.where)
                entries.append(entry.model_copy(update={"id": len(entries) + 1}))
        except _NoCommandError:
            problems.append(
                f"{tool.where}: tool {tool.label}: nothing is left of its template: {tool.entry.template!r}"
            )
        except AbsentValueError as error:
            notes[f"{tool.label}: left out, it needs {{{error.name}}} and this environment has none"] = None
    if problems:
        raise ConfigError(*problems)
    return Expansion(tuple(entries), tuple(notes))


def _tools(registry: Registry, where: Where) -> Iterator[_Tool]:
    for name, category in registry.categories.items():
        for index, entry in enumerate(category.tools):
            defaults = registry.defaults.model_dump(exclude_none=True)
            missing = {key: value for key, value in defaults.items() if getattr(entry, key) is None}
            yield _Tool(name, category, entry.model_copy(update=missing), where[name, index])


def _unknown_variables(tool: _Tool) -> Iterator[str]:
    directions = tool.directions
    of_directions: dict[str, str] = {}
    for variables in directions.values():
        for name, value in variables.items():
            of_directions[name] = f"{of_directions.get(name, '')} {value}"
    definitions = {**of_directions, **tool.definitions}
    known = {*definitions, *ALL, "path", "duration", *(("direction",) if directions else ())}
    for name in sorted(all_placeholders(tool.entry.template, definitions) - known):
        if name in DIRECTION_VARIABLES:
            reason = f" (defined for rx and tx, not for {', '.join(directions)})" if directions else _NO_DIRECTIONS
        else:
            reason = nearest(name, known)
        text = f"unknown variable {{{name}}}{reason} in template: {tool.entry.template}"
        hint = "" if reason else f" (a literal {{{name}}} is written {{{{{name}}}}})"
        yield f"{tool.where}: tool {tool.label}: {text}{hint}"
    if directions and tool.expanded_directions != [None]:
        for value in tool.entry.parameters.get("direction", ()):
            if value not in directions:
                text = f"parameter direction: {value!r} is none of its directions: {', '.join(directions)}"
                yield f"{tool.where}: tool {tool.label}: {text}"
    partial = {name for variables in directions.values() for name in variables}
    for name in sorted(partial & all_placeholders(tool.entry.template, definitions)):
        for direction, variables in directions.items():
            if name not in {*variables, *tool.definitions}:
                text = f"direction {direction} does not define {{{name}}} of template: {tool.entry.template}"
                yield f"{tool.where}: tool {tool.label}: {text}"
    for name in definitions:
        try:
            resolve(f"{{{name}}}", {**dict.fromkeys(known, ""), **definitions})
        except UnknownVariableError as error:
            if error.name in definitions:
                yield f"{tool.where}: tool {tool.label}: variable {{{error.name}}} is defined by itself"


def _cases(tool: _Tool, full: FullFile, found: Variables, notes: dict[str, None]) -> Iterator[CaseEntry]:
    entry = tool.entry
    duration_s = entry.duration or full.defaults.duration
    path = PurePosixPath(full.paths.tools_dir or DEFAULT_TOOLS_DIR, tool.category_name, entry.script)
    fixed = {
        **{name: value if isinstance(value, str) else ",".join(value) for name, value in found.items()},
        "path": literal(str(path)),
        "duration": f"{duration_s:g}",
    }
    lists = {name: list(_parameter(texts, found)) for name, texts in entry.parameters.items()}
    for name in (name for name, items in lists.items() if not items):
        fixed[name] = "" if name in ALL else entry.parameters[name][0]
    present = {name: items for name, items in lists.items() if items}
    for direction in tool.expanded_directions:
        values = dict(fixed)
        chosen_from = present
        if direction is not None:
            values |= {**tool.directions[direction], "direction": direction}
            if "direction" in present:
                chosen_from = {
                    **present,
                    "direction": [item for item in present["direction"] if item.text == direction],
                }
        values |= entry.variables
        for combination in itertools.product(*chosen_from.values()):
            chosen = dict(zip(chosen_from, combination, strict=True))
            yield _case(
                tool, full, {**values, **{name: item.text for name, item in chosen.items()}}, chosen, direction, notes
            )


def _parameter(texts: tuple[str, ...], found: Variables) -> Iterator[_Value]:
    """The values of a parameter; ``{vhost_pids}`` gives one for each process. A value may still hold variables."""
    for text in texts:
        names = placeholders(text)
        discovered = found.get(names[0]) if names and text == f"{{{names[0]}}}" else None
        if isinstance(discovered, tuple):
            yield from (_Value(item, f"{names[0]}.{index}") for index, item in enumerate(discovered))
        elif discovered is not None:
            yield from [_Value(discovered, names[0])] if discovered else []
        else:
            yield _Value(text)


def _case(
    tool: _Tool,
    full: FullFile,
    values: Mapping[str, str],
    chosen: Mapping[str, _Value],
    direction: str | None,
    notes: dict[str, None],
) -> CaseEntry:
    entry = tool.entry
    rendered = render(entry.template, values, ALL)
    for name in rendered.left_out:
        notes[f"{tool.label}: the option with {{{name}}} left out, this environment has none"] = None
    if not rendered.command:
        raise _NoCommandError
    parameters = {name: resolve(f"{{{name}}}", values) for name in chosen}
    named = {**values, **{name: name for name in ALL if name not in chosen}}
    stable = {name: item.variable or resolve(f"{{{name}}}", named) for name, item in chosen.items()}
    if direction is not None:
        parameters["direction"] = direction
    return CaseEntry(
        id=0,
        name=case_name(entry.script, parameters),
        command=rendered.command,
        script=entry.script,
        category=tool.category_name,
        environment=tool.category.environment,
        parameters=parameters,
        duration=entry.duration or full.defaults.duration,
        template=_with_literals(entry),
        discovered={name: text for name, text in stable.items() if text != parameters[name]},
        attaches=entry.attaches,
        ready_timeout=entry.ready_timeout,
        stop_signal=entry.stop_signal,
        log_cap_bytes=entry.log_cap,
    )


def case_name(script: str, parameters: Mapping[str, str]) -> str:
    """The name of a case as older tools spell it, ``{script}_{direction}_{parameter}_{value}``: data, no id of ours.

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


def _with_literals(entry: ToolEntry) -> str:
    """The template with the entry's own fixed variables filled in, as the hash of the case needs it."""
    template = entry.template
    for name, value in entry.variables.items():
        if not placeholders(value):
            template = template.replace("{" + name + "}", shlex.quote(value))
    return template


def generated_cases(full: FullConfig, environment: Environment) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases that a full.yaml gives now, and the notes of ``expand``. ``ConfigError`` as for ``expand``."""
    expansion = expand(full.file, origins(full.document))
    unlocated = Document(full.document.file, {"test_cases": []}, lambda: {(): 1})
    return build_cases(expansion.entries, environment, unlocated), expansion.notes
