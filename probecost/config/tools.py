"""Models of the tool registry: ``config/templates/tools.yaml`` and ``tools`` of a minimal or full file.

An entry of ``tools`` has the keys named here; any other key is a variable for its template, by design.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from probecost.config.environment import Attaches, PairKind
from probecost.config.validation import Section, again, complaint, located
from probecost.config.values import Scalar, Scalars, SizeBytes, StopSignal, scalar_text

#: Keys that a user may expect of a tool, and what to do instead.
_ELSEWHERE = {
    "environment": "it belongs to the category",
    "enabled": "leave the tool out, or name it in tools.drop of the minimal input",
}


def _directions(value: object) -> object:
    """``[rx, tx]`` is a mapping without variables of its own."""
    if isinstance(value, list):
        return {item if isinstance(item, str) else scalar_text(item): {} for item in value}
    if isinstance(value, dict):
        return {name: variables if variables is not None else {} for name, variables in value.items()}
    return value


Directions = Annotated[dict[str, dict[str, Scalar]], BeforeValidator(_directions)]


class ToolSettings(Section):
    """How a tool is run, apart from its command; ``None`` means the default.

    ``attaches``: ``bpf`` if it loads BPF programs (ready when they are attached), ``none`` if not (ready when it runs).
    """

    attaches: Attaches | None = None
    ready_timeout: float | None = Field(default=None, gt=0)  # seconds
    stop_signal: StopSignal | None = None
    log_cap: SizeBytes | None = None  # bytes of stdout and stderr together
    duration: float | None = Field(default=None, gt=0)  # seconds


class ToolEntry(ToolSettings):
    """One tool: its file below ``{tools_dir}/{category}``, its command template, and its matrix of parameters."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Scalar]

    script: str = Field(min_length=1)
    template: str = Field(min_length=1)
    parameters: dict[str, Annotated[Scalars, Field(min_length=1)]] = Field(default_factory=dict)
    directions: Directions | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _no_misspelt_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """An unknown key is a variable, unless no template can use it and it looks like a known key."""
        if not isinstance(data, dict):
            return handler(data)
        misspelt = dict(_misspelt(data, list(cls.model_fields)))
        foreign = [key for key in _ELSEWHERE if key in data and not _is_used(key, data)]
        if not misspelt and not foreign:
            return handler(data)
        text = "no key, and no variable of the template (did you mean {!r}?)"
        complaints = [located(complaint(text.format(meant)), key, data[key]) for key, meant in misspelt.items()]
        complaints += [located(complaint(f"no key of a tool: {_ELSEWHERE[key]}"), key, data[key]) for key in foreign]
        try:
            handler({key: value for key, value in data.items() if key not in misspelt and key not in foreign})
        except ValidationError as error:
            is_said = {("missing", (meant,)) for meant in misspelt.values()}
            complaints += [item for item in again(error) if (item["type"], item.get("loc")) not in is_said]
        raise ValidationError.from_exception_data(cls.__name__, complaints)

    @property
    def variables(self) -> dict[str, str]:
        """Every other key of the entry."""
        return dict(self.__pydantic_extra__ or {})


def _is_used(key: str, data: Mapping[object, object]) -> bool:
    """Whether any value of the tool, its template included, has ``{key}``."""
    return any("{" + key + "}" in str(value) for value in data.values())


def _misspelt(data: Mapping[object, object], known: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Misspelt keys, each with its likely key."""
    template = str(data.get("template", ""))
    for key, value in data.items():
        if key in known or not isinstance(key, str):
            continue
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.75)
        if close and ("{" + key + "}" not in template or isinstance(value, dict | list)):
            yield key, close[0]


class Category(Section):
    """Tools that share a folder, the pair over which they are measured, and their directions."""

    environment: PairKind = "host"
    description: str | None = None
    directions: Directions = Field(default_factory=dict)
    tools: tuple[ToolEntry, ...] = ()


class Registry(Section):
    """``tools`` of a full.yaml or of a registry file."""

    categories: dict[str, Category] = Field(default_factory=dict)
    defaults: ToolSettings = ToolSettings()


class RegistryFile(Section):
    """A registry file: ``tools`` and nothing else."""

    tools: Registry
    version: str | None = None


class RegistryChanges(Registry):
    """``tools`` of a minimal-input.yaml: additions to the registry, replacements and drops.

    A tool of the same category and script replaces the registry's; ``drop`` names scripts, or categories.
    """

    registry: str | None = None
    drop: Scalars = ()
