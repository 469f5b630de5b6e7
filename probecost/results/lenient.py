"""Field types for files of other versions, or of no version: a value of another type counts as absent.

The checks are those of pydantic-core, with no Python code per value: thousands of files are read by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class _OrAbsent:
    """A type, and the value that stands for anything else."""

    schema: CoreSchema
    absent: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_default_schema(
            core_schema.nullable_schema(self.schema) if self.absent is None else self.schema,
            default=self.absent,
            on_error="default",
        )


def _whole(value: float) -> int:
    if not value.is_integer():
        raise ValueError("expected a whole number")
    return int(value)


_TEXT = core_schema.str_schema(coerce_numbers_to_str=True)
_NUMBER = core_schema.float_schema(strict=True, allow_inf_nan=False)
_WHOLE = core_schema.union_schema(
    [core_schema.int_schema(strict=True), core_schema.no_info_after_validator_function(_whole, _NUMBER)],
    mode="left_to_right",
)
_OBJECT = core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema())

#: Text; a number as its text.
Text = Annotated[str, _OrAbsent(_TEXT, "")]
TextOrNone = Annotated[str | None, _OrAbsent(_TEXT, None)]
#: A whole number, kept exact: nanoseconds do not fit a float.
Whole = Annotated[int | None, _OrAbsent(_WHOLE, None)]
#: A finite number.
Number = Annotated[float | None, _OrAbsent(_NUMBER, None)]
Flag = Annotated[bool, _OrAbsent(core_schema.bool_schema(strict=True), False)]
Object = Annotated[dict[str, Any], _OrAbsent(_OBJECT, {})]
ObjectOrNone = Annotated[dict[str, Any] | None, _OrAbsent(_OBJECT, None)]
Items = Annotated[list[Any], _OrAbsent(core_schema.list_schema(core_schema.any_schema()), [])]
