"""``metadata_<ts>.json``: the case, visit and perf test that a folder of raw files belongs to."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field

from probecost.results.layout import ARMS, SWITCHED
from probecost.results.lenient import Flag, Items, Number, Object, ObjectOrNone, Text, TextOrNone, Whole
from probecost.results.names import PerfTestName

SCHEMA = 1


class Metadata(BaseModel):
    """The file's fields, in their order. A copy lies in the tree of each node of the perf test: ``node``.

    ``nodes``: server, client and the node of the tool. ``clocks``, ``facts``: by node. ``start_ns``, ``end_ns``: the
    client's run, Unix ns on the client node's clock; ``visit_start_ns``, ``visit_end_ns`` on the controller's.
    ``versus``: the version that the case is measured against. ``superseded``: its unit was measured again by a run that
    went on; only then it is in the file.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_version: Whole = Field(default=SCHEMA, alias="schema")
    probecost: Text = ""
    run_id: Text = ""
    environment: Text = ""
    iteration: Whole = None
    seed: Whole = None
    nodes: Object = Field(default_factory=dict)
    clocks: Object = Field(default_factory=dict)
    facts: Object = Field(default_factory=dict)
    idle_busy_share: Number = None
    options: Object = Field(default_factory=dict)
    planned_units: Items = Field(default_factory=list)
    pair_kind: Text = ""
    case_key: Text = ""
    case_id: Whole = None
    case_name: Text = ""
    tool_id: Text = ""
    category: Text = ""
    parameters: Object = Field(default_factory=dict)
    command: TextOrNone = None
    versus: ObjectOrNone = None
    visit_id: Text = ""
    unit: Whole = None
    confirmation: Flag = False
    pair: Whole = None
    arm: Text = ""
    order: Whole = None
    shared_baseline: Flag = False
    perf_test: Text = ""
    conn_type: Text = ""
    duration_s: Number = None
    streams: Whole = None
    load: TextOrNone = None
    offered_rate: Number = None
    background_bps: Number = None
    start_ns: Whole = None
    end_ns: Whole = None
    visit_start_ns: Whole = None
    visit_end_ns: Whole = None
    node: Text = ""
    tool: ObjectOrNone = None
    void_reason: TextOrNone = None
    error: TextOrNone = None
    superseded: Flag = False

    @property
    def test(self) -> PerfTestName:
        return PerfTestName.of(self.perf_test, self.conn_type)

    @property
    def lacks(self) -> tuple[str, ...]:
        """The fields without which nobody knows what the folder belongs to."""
        is_there = {
            "perf_test": self.perf_test,
            "conn_type": self.conn_type,
            "arm": self.arm in (*ARMS, SWITCHED),
            "unit": self.shared_baseline if self.unit is None else self.unit >= 0,
            "case_key": self.case_key or self.shared_baseline,
        }
        return tuple(name for name, found in is_there.items() if not found)

    @property
    def text(self) -> str:
        """The file's content."""
        left_out = None if self.superseded else {"superseded"}
        return json.dumps(self.model_dump(by_alias=True, exclude=left_out), indent=1)
