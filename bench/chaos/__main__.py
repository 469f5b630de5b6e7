"""``make chaos``: rounds with random faults at random moments on a lab of their own, and a table of what came of it."""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.chaos.faults import FAULTS, Fault, Scene, nothing
from bench.chaos.hosts import CONNECTION, NAMES, PROJECT, Hosts
from bench.chaos.rounds import Outcome, Round
from bench.chaos.table import lines
from probecost.lab import control

ENVIRONMENT = "chaos"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def lab() -> Iterator[Hosts]:
    """A lab, and the environment ``chaos`` on its hosts, as on hosts of one's own."""
    with tempfile.TemporaryDirectory(prefix="probecost-chaos-") as folder:
        config_dir = Path(folder) / "config"
        control.up("lab", config_dir)
        try:
            own = config_dir / ENVIRONMENT
            shutil.copytree(config_dir / "lab", own)
            minimal = own / "minimal-input.yaml"
            minimal.write_text(minimal.read_text().replace('environment: "lab"', f'environment: "{ENVIRONMENT}"'))
            command = [sys.executable, "-m", "probecost", "bootstrap", "--minimal-input", str(minimal)]
            subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
            yield Hosts(config_dir)
        finally:
            control.down("lab", config_dir)


def span_s(hosts: Hosts, folder: Path) -> tuple[float, float]:
    """When, in a run without a fault, the nodes are connected and when they are left, in seconds from its start."""
    began = time.monotonic()
    seen: list[float] = []

    def look(scene: Scene, tree: Path) -> bool:
        if any(hosts.find(host, CONNECTION) for host in NAMES):
            seen.append(time.monotonic() - began)
        return False

    Round(hosts, ENVIRONMENT, folder, Fault("none", nothing), NAMES[0]).play(look)
    return seen[0], seen[-1]


def played(hosts: Hosts, folder: Path, fault: Fault, rng: random.Random, span: tuple[float, float]) -> Outcome | None:
    """A round with ``fault`` at a random moment on a random host; ``None`` where the run was over before."""
    began, after_s = time.monotonic(), rng.uniform(*span)
    one = Round(hosts, ENVIRONMENT, folder, fault, rng.choice(fault.hosts))
    return one.play(lambda scene, tree: time.monotonic() - began >= after_s)


def main(arguments: Sequence[str] | None = None) -> int:
    names = [fault.name for fault in FAULTS]
    parser = argparse.ArgumentParser(prog="bench.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2 * len(FAULTS))
    parser.add_argument("--seed", type=int, default=None, help="draws the same hosts and moments again")
    parser.add_argument("--fault", action="append", choices=names, help="only this one; repeat it for several")
    parser.add_argument("--results-dir", type=Path, default=PROJECT / "results" / "chaos")
    asked = parser.parse_args(arguments)
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    rng = random.Random(seed)
    faults = [fault for fault in FAULTS if not asked.fault or fault.name in asked.fault]
    outcomes: list[Outcome] = []
    with lab() as hosts:
        span = span_s(hosts, asked.results_dir / f"{time.time_ns()}-undisturbed")
        say(f"{asked.rounds} rounds, seed {seed}; without a fault the nodes are in use for {span[1] - span[0]:.1f} s")
        for number in range(asked.rounds):
            fault = faults[number % len(faults)]
            folder = asked.results_dir / f"{time.time_ns()}-{fault.name.replace(' ', '-')}"
            outcome = played(hosts, folder, fault, rng, span)
            if outcome is None:
                say(f"{number + 1:4} {fault.name}: the run had ended before")
                continue
            outcomes.append(outcome)
            said = f"clean after {outcome.clean_s:.1f} s" if outcome.clean_s is not None else "not clean"
            said = "; ".join([f"{said}{', the run went on' if outcome.went_on else ''}", *outcome.problems])
            say(f"{number + 1:4} {outcome.fault} ({outcome.host}, {outcome.moment}): {said}")
    say("\n" + "\n".join(lines(outcomes)))
    return 1 if any(outcome.problems for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
