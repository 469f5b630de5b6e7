"""What ``workflow.json`` says of a command and of another version that were asked for, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from probecost.config.environment import Attaches, PairKind
from probecost.config.validation import Section, complaint
from probecost.plan.settings import AskedCommand, AskedVersus

Text = Annotated[str, Field(pattern=r"\S")]


class AskedCommandEntry(Section):
    """The one command that is measured instead of the environments' cases; ``name`` is empty where it has none."""

    template: Text
    name: str
    pair: PairKind
    attaches: Attaches

    @classmethod
    def of(cls, asked: AskedCommand) -> Self:
        return cls(template=asked.template, name=asked.name, pair=asked.pair_kind, attaches=asked.attaches)

    @property
    def asked(self) -> AskedCommand:
        return AskedCommand(self.template, self.name, self.pair, self.attaches)


class AskedVersusEntry(Section):
    """Another version of the tools: a local folder of theirs, a command template (else empty), or both."""

    tools_dir: Text | None
    template: str

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if self.tools_dir is None and not self.template.strip():
            raise complaint("expected a folder, or a template", key="tools_dir")
        return self

    @classmethod
    def of(cls, asked: AskedVersus) -> Self:
        return cls(tools_dir=None if asked.tools_dir is None else str(asked.tools_dir), template=asked.template)

    @property
    def asked(self) -> AskedVersus:
        return AskedVersus(None if self.tools_dir is None else Path(self.tools_dir), self.template)
