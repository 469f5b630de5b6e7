"""Names of labs and paths of their state. Nothing is kept anywhere else on the machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from probecost.lab.errors import LabError

STATE_ROOT = Path("/run/probecost-lab")
NAMES = ("lab", "lab-vm")


@dataclass(frozen=True)
class Place:
    """One lab: its name, the configuration folder it serves, and the folder of its state.

    Two clones, or two configuration folders, have different instances of the same lab.
    """

    name: str
    config_dir: Path
    state_root: Path = STATE_ROOT

    @classmethod
    def of(cls, name: str, config_dir: Path) -> Place:
        """The place of a known lab; ``LabError``: an unknown name."""
        if name not in NAMES:
            raise LabError(f"no lab is called {name!r}; known: {', '.join(NAMES)}")
        return cls(name, config_dir.resolve())

    @property
    def has_guests(self) -> bool:
        """Whether each host runs a virtual switch and a guest."""
        return self.name == "lab-vm"

    @property
    def instance(self) -> str:
        """The lab's name and a hash of the configuration folder's path."""
        return f"{self.name}-{hashlib.sha256(str(self.config_dir).encode()).hexdigest()[:8]}"

    @property
    def folder(self) -> Path:
        """The environment folder that the lab writes."""
        return self.config_dir / self.name

    @property
    def state_dir(self) -> Path:
        return self.state_root / self.instance

    @property
    def state_file(self) -> Path:
        return self.state_dir / "lab.json"

    @property
    def in_use_file(self) -> Path:
        """The file on which every user of the lab holds a shared lock."""
        return self.state_dir / "in-use"

    @property
    def work_lock(self) -> Path:
        """The lock of bringing the lab up or down; the file exists only meanwhile."""
        return self.state_root / f"{self.instance}.lock"

    def log_file(self, host: str) -> Path:
        """Log of a host's first process and its sshd."""
        return self.state_dir / f"{host}.log"

    def stage_dir(self, host: str) -> Path:
        """Empty folder on which the host assembles its file systems, in its own mount namespace."""
        return self.state_dir / f"{host}.stage"

    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def identity(self) -> Path:
        return self.folder / "id_ed25519"

    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    def minimal_input(self) -> Path:
        return self.folder / "minimal-input.yaml"
