"""``run.json``: the command of a run, its options, and how its cases ended. Every part of it is optional."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field

from probecost.results.lenient import Items, Number, Object, Text, Whole

SCHEMA = 1


class BudgetEntry(BaseModel):
    """The most that a metric of a case may cost, in percent. ``metric``: its name in budgets; ``figure``: in tables."""

    model_config = ConfigDict(frozen=True)

    metric: Text = ""
    perf_type: Text = ""
    conn_type: Text = ""
    figure: Text = ""
    percent: Number = None


class CaseEntry(BaseModel):
    """One case in one iteration: the case itself, and its outcome as pytest sees it."""

    model_config = ConfigDict(frozen=True)

    case_key: Text = ""
    environment: Text = ""
    iteration: Whole = None
    pair_kind: Text = ""
    tool_id: Text = ""
    case_id: Whole = None
    case_name: Text = ""
    category: Text = ""
    hash: Text = ""
    parameters: Object = Field(default_factory=dict)
    command: Text = ""
    outcome: Text = ""
    message: Text = ""
    budgets: Items = Field(default_factory=list)


class RunFile(BaseModel):
    """The file's fields, in their order.

    ``primary``: the plan's choice of primary metrics, by perf test. ``cases``: a ``CaseEntry`` each, by item id.
    ``ended_early``: why units of a case were not made. ``resumed``: time and command of each session after the first;
    only a resumed run has it.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_version: Whole = Field(default=SCHEMA, alias="schema")
    run_id: Text = ""
    probecost: Text = ""
    started_ns: Whole = None
    ended_ns: Whole = None
    argv: Items = Field(default_factory=list)
    environments: Items = Field(default_factory=list)
    primary: Object = Field(default_factory=dict)
    options: Object = Field(default_factory=dict)
    exit_status: Whole = None
    cases: Object = Field(default_factory=dict)
    ended_early: Object = Field(default_factory=dict)
    reboots: Items = Field(default_factory=list)
    notes: Items = Field(default_factory=list)
    resumed: Items = Field(default_factory=list)

    @property
    def text(self) -> str:
        """The file's content: each case in one line.

        It is written after every case: indentation would make Python's slow encoder go over all cases each time.
        """
        lines = ",\n".join(f"  {json.dumps(item_id)}: {json.dumps(case)}" for item_id, case in self.cases.items())
        empty = self.model_copy(update={"cases": {}})
        content = json.dumps(empty.model_dump(by_alias=True, exclude=None if self.resumed else {"resumed"}), indent=1)
        head, tail = content.split('"cases": {}', 1)  # quotes inside a text are escaped
        return f'{head}"cases": {{\n{lines}\n }}{tail}\n'
