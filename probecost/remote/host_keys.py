"""Checks host keys by the files of known hosts."""

from __future__ import annotations

import shlex

import paramiko

from probecost.errors import HostKeyError
from probecost.remote.known_hosts import KnownHosts, Status, names_of, new_line, revoked_by
from probecost.remote.ssh_config import Target


class HostKeyPolicy(paramiko.MissingHostKeyPolicy):
    """Checks each host key, as paramiko itself knows none: new ones are refused, or remembered (accept-new)."""

    def __init__(self, node: str, target: Target, *, accept_new: bool) -> None:
        rules = target.rules
        self._node, self._target = node, target
        self._accept_new = accept_new or rules.accept_new
        self._names = names_of(target.host, target.port, rules.alias)
        try:
            self._known = KnownHosts.read((*target.known_hosts, *rules.global_files))
        except OSError as error:
            hint = "make it readable, or name another one"
            raise HostKeyError(node, f"{error.filename}: {error.strerror}: {hint}") from error

    def known_types(self) -> tuple[str, ...]:
        """Types of the host's known keys."""
        return self._known.key_types(self._names)

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        offered = key.asbytes()
        judgement = self._known.judge(self._names, offered)
        where = f"the host key of {self._target.text}"
        lines = ", ".join(judgement.where)
        if revoked := self._revoked(offered) or (lines if judgement.status is Status.REVOKED else ""):
            raise HostKeyError(
                self._node, f"{where} is revoked ({revoked}): do not trust the machine that answers there"
            )
        if judgement.status is Status.CHANGED:
            hint = f"check who answers there (known: {lines})"
            raise HostKeyError(self._node, f"{where} is not the one in known_hosts: {hint}")
        if judgement.status is Status.UNKNOWN:
            if not self._accept_new:
                raise HostKeyError(self._node, self._unknown(key))
            self._remember(key)

    def _revoked(self, key: bytes) -> str:
        try:
            return revoked_by(self._target.rules.revoked_files, key)
        except OSError as error:
            raise HostKeyError(self._node, f"RevokedHostKeys {error.filename}: {error.strerror}") from error
        except ValueError as error:
            raise HostKeyError(self._node, str(error)) from error

    def _unknown(self, key: paramiko.PKey) -> str:
        target = self._target
        what = f"the host key of {target.text} ({key.get_name()} {key.fingerprint})"
        if authorities := self._known.authorities(self._names):
            lines = ", ".join(authorities)
            return (
                f"{what} is not known by itself: {lines} trusts a certificate authority, and host certificates are not "
                f"supported: add the machine's own key to {target.known_hosts[0]}"
            )
        files = ", ".join(str(file) for file in (*target.known_hosts, *target.rules.global_files))
        scan = f"ssh-keyscan -p {target.port} {target.host} >> {shlex.quote(str(target.known_hosts[0]))}"
        if target.rules.alias:
            scan = f"add it to {target.known_hosts[0]} as {target.rules.alias}, its HostKeyAlias"
        hint = f"check that it is the machine's own, then {scan}; or run once with --ssh-accept-new"
        damaged = self._known.damaged
        hint += f" (damaged lines were passed over: {', '.join(damaged)})" if damaged else ""
        return f"{what} is not in {files}: {hint}"

    def _remember(self, key: paramiko.PKey) -> None:
        file, rules = self._target.known_hosts[0], self._target.rules
        line = new_line(self._names[0], key.get_name(), key.asbytes(), is_hashed=rules.hash_names)
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with file.open("a", encoding="ascii") as out:
                out.write(line)
        except OSError as error:
            raise HostKeyError(self._node, f"its host key cannot be added to {file}: {error.strerror}") from error
