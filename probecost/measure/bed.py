"""A bed: all nodes of one environment that the selected cases need, connected, checked and ready to measure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from probecost.config.environment import Case, Environment, PairKind, PerfTestSpec, TestPair
from probecost.errors import Gatherer, NodeRebootedError, ToolError
from probecost.measure import as_it_was
from probecost.measure.preflight import check
from probecost.measure.take_nodes import take
from probecost.plan.tool_files import local_files
from probecost.remote.lease import Holder
from probecost.remote.node import Node
from probecost.remote.pool import hurry, on_all
from probecost.remote.ssh_config import read_ssh_config
from probecost.results.layout import RunTree


@dataclass(frozen=True)
class MeasureOptions:
    """The user's choices for the whole run. ``baseline``: ``paired`` with every tool visit, or one ``shared``.

    ``idle_busy_share``: CPU time of a pair's tool node while nothing runs, 0 to 1. ``units``: ``None`` if the planner
    chose. ``keep_awake``: CPUs may not sleep during a measurement.
    ``require_all_probes``: a tool of which only a part attaches fails.
    """

    units: int | None = 1
    baseline: Literal["paired", "shared"] = "paired"
    seed: int = 0
    keep_remote: bool = False
    accept_new_host_keys: bool = False
    perf_tests: tuple[PerfTestSpec, ...] = ()
    keep_awake: bool = True
    require_all_probes: bool = False
    idle_busy_share: Mapping[PairKind, float] = field(default_factory=dict)


class Bed:
    """A bed, made by ``open``; ``close`` ends every supervisor and connection, and with them everything of the run."""

    def __init__(
        self,
        environment: Environment,
        nodes: Mapping[str, Node],
        tree: RunTree,
        iteration: int,
        options: MeasureOptions,
    ) -> None:
        self.environment = environment
        self.nodes = dict(nodes)
        self.tree = tree
        self.iteration = iteration
        self.options = options
        self.facts: dict[str, dict[str, Any]] = {}
        #: The reference state of each node.
        self.attached: dict[str, dict[str, Any]] = {}
        self._tool_hashes: dict[str, str] = {}
        self._prepared: set[tuple[str, str, int]] = set()
        self._checked: dict[str, int] = {}

    @classmethod
    def open(
        cls,
        environment: Environment,
        cases: Sequence[Case],
        tree: RunTree,
        iteration: int,
        options: MeasureOptions,
    ) -> Bed:
        """Connect at the same time to all nodes that ``cases`` need, and check their prerequisites.

        Raises one error with all problems of all nodes, other runs on them included; no connection stays open then.
        """
        config = read_ssh_config(environment.ssh_config)
        pairs = [environment.pairs[kind] for kind in dict.fromkeys(case.pair_kind for case in cases)]
        names = dict.fromkeys(name for pair in pairs for name in pair.measured_on)
        holder = Holder.of_this_process(tree.run_id)
        nodes = {
            name: Node(
                environment.nodes[name],
                config,
                python=environment.python_interpreter,
                accept_new=options.accept_new_host_keys,
                holder=holder,
                keep_awake=options.keep_awake,
            )
            for name in names
        }
        bed = cls(environment, nodes, tree, iteration, options)
        try:
            take(environment.name, list(nodes.values()), lambda: check(environment, nodes, cases))
            bed.facts = dict(on_all("facts", list(nodes.values()), lambda node: node.facts()))
            on_all("attachments", list(nodes.values()), bed._remember)
            bed._checked = {name: node.generation for name, node in nodes.items()}
        except BaseException:
            bed.close()
            raise
        return bed

    def close(self) -> None:
        """Close every node, even if closing another one fails. Idempotent."""
        gatherer = Gatherer(f"closing {self.environment.name}")
        with gatherer.step():
            on_all("closing", list(self.nodes.values()), lambda node: node.close())
        gatherer.raise_all()

    def revive(self, nodes: Sequence[Node]) -> None:
        """Make sure that these nodes answer, and are the machines that were checked.

        ``NodeRebootedError``: one has rebooted since. Its kernel, addresses and processes may have changed.
        """
        for node in nodes:
            node.revive()
            if self._checked.get(node.name) != node.generation:
                before, now = self.facts.get(node.name, {}).get("boot_id"), node.facts().get("boot_id")
                if before and now and before != now:
                    raise NodeRebootedError(node.name, "it has rebooted since the run connected to it")
                self._remember(node)
                self._checked[node.name] = node.generation

    def _remember(self, node: Node) -> None:
        file = self.tree.attached_file(self.environment.name, node.name)
        found = self.attached[node.name] = as_it_was.remember(node, self.attached.get(node.name), file)
        self.facts[node.name] = self.facts.get(node.name, {}) | {"attached": found["found"]}

    def rebooted(self, names: Collection[str]) -> tuple[str, ...]:
        """The nodes among ``names`` that have rebooted since the bed was opened.

        Raises if one cannot be connected now.
        """
        found = []
        for node in (self.nodes[name] for name in names if name in self.nodes):
            try:
                self.revive([node])
            except NodeRebootedError:
                found.append(node.name)
        return tuple(found)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """On an interruption by the user, give all remaining work on the nodes one short deadline."""
        try:
            yield
        except KeyboardInterrupt:
            hurry(list(self.nodes.values()))
            raise

    def prepare_tool(self, tool_id: str, cases: Sequence[Case]) -> None:
        """Copy the tool's folder to its nodes, if it is on this machine; record the hash of its file.

        This is done once per connection: at its end the supervisor removes placed files.
        """
        with self.interruptible():
            self._prepare_tool(tool_id, cases)

    def _prepare_tool(self, tool_id: str, cases: Sequence[Case]) -> None:
        versions = [version for case in cases for version in case.versions]
        for case in {case.tool_file: case for case in versions if case.tool_file}.values():
            assert case.tool_file is not None
            node = self.nodes[self.environment.pairs[case.pair_kind].server.tool_node]
            self.revive([node])
            prepared = (case.tool_file, node.name, node.generation)
            if prepared in self._prepared:
                continue
            for relative, file in local_files(self.environment, tool_id, case.tool_file).items():
                node.place(relative, file)
            digest = node.sha256(case.tool_file)
            if digest is None:
                raise ToolError(node.name, f"{tool_id}: {case.tool_file} is not below the workdir")
            self._tool_hashes[case.tool_file] = digest
            self._prepared.add(prepared)

    def tool_sha256(self, case: Case) -> str | None:
        """SHA-256 of the tool's file on the node, ``None`` for a command without a file."""
        return self._tool_hashes.get(case.tool_file or "")

    def context(self, pair: TestPair) -> dict[str, Any]:
        """The part of the metadata that is the same for all visits to a pair."""
        names = (pair.server.node, pair.client.node, pair.server.tool_node)
        return {
            "run_id": self.tree.run_id,
            "environment": self.environment.name,
            "iteration": self.iteration,
            "seed": self.options.seed,
            "nodes": {"server": names[0], "client": names[1], "tool": names[2]},
            "clocks": {name: asdict(self.nodes[name].clock) for name in names},
            "facts": {name: self.facts.get(name, {}) for name in names},
            "idle_busy_share": self.options.idle_busy_share.get(pair.kind, 0.0),
            "options": {key: value for key, value in asdict(self.options).items() if key != "idle_busy_share"},
        }
