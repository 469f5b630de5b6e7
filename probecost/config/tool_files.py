"""The tool registry as it stands in files: ``config/templates/tools.yaml`` and ``tools`` of a minimal or full file.

An entry of ``tools`` carries the keys named here; every other key of it is a variable for its template, by design.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from probecost.config.models import Attaches, PairKind
from probecost.config.validation import Section, complaint
from probecost.config.values import Scalar, Scalars, SizeBytes, StopSignal, scalar_text


def _directions(value: object) -> object:
    """``[rx, tx]`` is a mapping without variables of its own."""
    if isinstance(value, list):
        return {item if isinstance(item, str) else scalar_text(item): {} for item in value}
    if isinstance(value, dict):
        return {name: variables if variables is not None else {} for name, variables in value.items()}
    return value


Directions = Annotated[dict[str, dict[str, Scalar]], BeforeValidator(_directions)]


class ToolSettings(Section):
    """How a tool is run, apart from its command; ``None`` means: as the defaults say.

    ``attaches`` says whether it loads BPF programs (ready when they are attached) or not (ready when it runs).
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

    @model_validator(mode="before")
    @classmethod
    def _no_misspelt_keys(cls, data: Any) -> Any:
        """An unknown key is a variable, unless no template can use it and it looks like a known key."""
        if isinstance(data, dict):
            template = str(data.get("template", ""))
            for key, value in data.items():
                if key in cls.model_fields or not isinstance(key, str):
                    continue
                close = difflib.get_close_matches(key, list(cls.model_fields), n=1, cutoff=0.75)
                if close and ("{" + key + "}" not in template or isinstance(value, dict | list)):
                    raise complaint(f"no key, and no variable of the template (did you mean {close[0]!r}?)", key=key)
        return data

    @property
    def variables(self) -> dict[str, str]:
        """Every other key of the entry."""
        return dict(self.__pydantic_extra__ or {})


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
    """``tools`` of a minimal-input.yaml: what it adds to the registry, replaces in it or drops from it.

    A tool of the same category and script replaces the registry's; ``drop`` names scripts, or categories.
    """

    registry: str | None = None
    drop: Scalars = ()
