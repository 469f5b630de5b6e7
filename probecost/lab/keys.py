"""SSH keys of a lab: fresh host keys each time, and a login key that stays in the environment folder."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from probecost.lab.errors import LabError
from probecost.lab.render import Keys
from probecost.lab.requirements import Programs


@dataclass(frozen=True)
class LoginKey:
    """The private key in OpenSSH's format, and its public half."""

    private: str
    public: str


def make_keys(programs: Programs, names: Iterable[str], identity: Path, state_dir: Path) -> tuple[Keys, LoginKey]:
    """New keys for the hosts ``names``, and the login key: from ``identity`` if it is usable, else a new one."""
    with tempfile.TemporaryDirectory(prefix="keys-", dir=state_dir) as folder:
        hosts = {name: _generate(programs, Path(folder, name), name) for name in names}
        login = _existing(programs, identity) or LoginKey(*_generate(programs, Path(folder, "login"), "probecost-lab"))
    return Keys(hosts, login.public), login


def _generate(programs: Programs, path: Path, comment: str) -> tuple[str, str]:
    command = [programs.ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ssh-keygen: {done.stderr.strip()}")
    return path.read_text(encoding="ascii"), path.with_name(f"{path.name}.pub").read_text(encoding="ascii")


def _existing(programs: Programs, identity: Path) -> LoginKey | None:
    if not identity.is_file():
        return None
    command = [programs.ssh_keygen, "-y", "-P", "", "-f", str(identity)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    return LoginKey(identity.read_text(encoding="ascii"), done.stdout)
