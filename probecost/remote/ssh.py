"""One SSH connection per node; the user's ssh configuration, keys, agent, jump hosts and known hosts are honoured."""

from __future__ import annotations

import itertools
import shlex
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import paramiko
from paramiko.hostkeys import HostKeyEntry

from probecost.config.environment import SshHost
from probecost.deadline import Deadline
from probecost.errors import AuthenticationError, HostKeyError, UnreachableError
from probecost.remote.ssh_config import Target, local_user, resolve


class _Refuse(paramiko.MissingHostKeyPolicy):
    """Unknown host keys end the connection attempt, with the key that was offered."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise _UnknownHostKey(f"{key.get_name()} {key.fingerprint}")


class _UnknownHostKey(paramiko.SSHException):
    pass


class _AcceptNew(paramiko.MissingHostKeyPolicy):
    """Unknown keys are remembered in the first known_hosts file, as ssh's ``accept-new`` does; changed ones never."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        client.get_host_keys().add(hostname, key.get_name(), key)
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._file.open("a", encoding="ascii") as file:
            file.write(f"{hostname} {key.get_name()} {key.get_base64()}\n")


def connect(host: SshHost, config: paramiko.SSHConfig, deadline: Deadline, *, accept_new: bool = False) -> Connection:
    """Connect and authenticate within the deadline; every way to fail names the node."""
    target = resolve(host, config)
    hops: list[paramiko.SSHClient] = []
    try:
        sock: Any = None
        if target.jumps:
            sock = _through_jumps(host.name, target, config, deadline, accept_new, hops)
        elif target.proxy_command:
            sock = _through_command(host.name, target.proxy_command)
        client = _open(host.name, target, sock, deadline, accept_new)
    except BaseException:
        _close_all(hops)
        raise
    return Connection(host.name, target.user, client, hops)


def _through_command(node: str, command: str) -> paramiko.ProxyCommand:
    try:
        return paramiko.ProxyCommand(command)
    except (OSError, ValueError) as error:
        # Its arguments are not told: they may hold a password.
        hint = "install that program, or change ProxyCommand in the ssh configuration"
        raise UnreachableError(node, f"the ProxyCommand cannot be started: {error}; {hint}") from error


def _through_jumps(
    node: str,
    target: Target,
    config: paramiko.SSHConfig,
    deadline: Deadline,
    accept_new: bool,
    hops: list[paramiko.SSHClient],
) -> Any:
    sock: Any = None
    targets = [resolve(hop, config, default_user=local_user()) for hop in target.jumps] + [target]
    for here, following in itertools.pairwise(targets):
        client = _open(f"{node} (jump host {here.host})", here, sock, deadline, accept_new)
        hops.append(client)
        transport = client.get_transport()
        assert transport is not None
        try:
            sock = transport.open_channel(
                "direct-tcpip", (following.host, following.port), ("127.0.0.1", 0), timeout=max(deadline.left_s, 0.1)
            )
        except (paramiko.SSHException, OSError) as error:
            raise UnreachableError(
                node, f"{here.host} cannot reach {following.host}:{following.port}: {error}"
            ) from error
    return sock


def _open(node: str, target: Target, sock: Any, deadline: Deadline, accept_new: bool) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    damaged = _load_known_hosts(node, client, target)
    client.set_missing_host_key_policy(_AcceptNew(target.known_hosts[0]) if accept_new else _Refuse())
    left_s = max(deadline.left_s, 0.1)
    keys = [name for name in target.key_files if Path(name).exists()] or None
    try:
        client.connect(
            target.host,
            port=target.port,
            username=target.user,
            key_filename=keys,  # type: ignore[arg-type]  # a list is taken, the stubs know only str
            allow_agent=target.use_agent,
            look_for_keys=not target.key_files,
            sock=sock,
            timeout=left_s,
            banner_timeout=left_s,
            auth_timeout=left_s,
            channel_timeout=left_s,
        )
    except BaseException as error:
        client.close()
        raise _explained(node, target, error, damaged) from error
    return client


def _load_known_hosts(node: str, client: paramiko.SSHClient, target: Target) -> list[str]:
    """Load the files that are there. Lines that cannot be read are passed over, as ssh does; returned as file:line."""
    damaged: list[str] = []
    for file in target.known_hosts:
        try:
            if not file.exists():
                continue
            lines = [line.decode("utf-8", "replace").strip() for line in file.read_bytes().splitlines()]
        except OSError as error:
            raise HostKeyError(node, f"{file}: {error.strerror}: make it readable, or name another one") from error
        bad = [number for number, line in enumerate(lines, 1) if not _is_readable(line)]
        damaged += [f"{file}:{number}" for number in bad]
        good = [line for number, line in enumerate(lines, 1) if number not in bad]
        try:
            with tempfile.NamedTemporaryFile("w", prefix="known_hosts_", encoding="utf-8") as copy:
                copy.write("\n".join(good))
                copy.flush()
                client.load_system_host_keys(copy.name)
        except OSError as error:
            raise HostKeyError(node, f"no temporary copy of {file} can be made: {error}") from error
    return damaged


def _is_readable(line: str) -> bool:
    if not line or line.startswith("#"):
        return True
    try:
        HostKeyEntry.from_line(line)
    except Exception:  # paramiko lets through whatever decoding a key can raise
        return False
    return True


def _explained(node: str, target: Target, error: BaseException, damaged: Sequence[str] = ()) -> BaseException:
    where = target.text
    match error:
        case paramiko.BadHostKeyException():
            return HostKeyError(node, f"the host key of {where} is not the one in known_hosts: check who answers there")
        case _UnknownHostKey():
            files = ", ".join(str(file) for file in target.known_hosts)
            own = target.known_hosts[0] if target.known_hosts else "known_hosts"
            scan = f"ssh-keyscan -p {target.port} {target.host} >> {shlex.quote(str(own))}"
            hint = f"check that it is the machine's own, then {scan}; or run once with --ssh-accept-new"
            hint += f" (damaged lines were passed over: {', '.join(damaged)})" if damaged else ""
            return HostKeyError(node, f"the host key of {where} ({error}) is not in {files}: {hint}")
        case paramiko.AuthenticationException():
            keys = ", ".join(target.key_files) or "agent and default keys"
            return AuthenticationError(node, f"{where} refused every key offered ({keys}): {error}")
        case paramiko.ProxyCommandFailure():
            return UnreachableError(node, f"{where} does not answer: its ProxyCommand failed: {error.error}")
        case paramiko.SSHException() | OSError() | EOFError() | TimeoutError():
            reason = "no answer in time" if isinstance(error, TimeoutError | socket.timeout) else str(error)
            reason = reason.removeprefix("[Errno None] ")  # paramiko's, where every address of the host failed
            return UnreachableError(node, f"{where} does not answer: {reason or type(error).__name__}")
        case _:
            return error


def _close_all(clients: list[paramiko.SSHClient]) -> None:
    for client in reversed(clients):
        client.close()


class Connection:
    """An authenticated connection to one node, with the jump hosts it goes through."""

    def __init__(self, node: str, user: str, client: paramiko.SSHClient, hops: list[paramiko.SSHClient]) -> None:
        self.node = node
        self.user = user
        self._client = client
        self._hops = hops

    @property
    def alive(self) -> bool:
        transport = self._client.get_transport()
        return transport is not None and transport.is_active()

    def open_channel(self, command: str, deadline: Deadline) -> paramiko.Channel:
        """A new channel that runs ``command`` in the login shell."""
        transport = self._client.get_transport()
        if transport is None or not transport.is_active():
            raise UnreachableError(self.node, "the connection was cut")
        try:
            channel = transport.open_session(window_size=1 << 22, timeout=max(deadline.left_s, 0.1))
            channel.settimeout(max(deadline.left_s, 0.1))
            channel.exec_command(command)
        except (paramiko.SSHException, OSError, EOFError) as error:
            reason = str(error) or "the connection was cut"
            raise UnreachableError(self.node, f"no channel could be opened: {reason}") from error
        return channel

    def run(self, command: str, deadline: Deadline) -> str:
        """What a short command of the login shell prints on standard output, at most 64 KB of it."""
        channel = self.open_channel(command, deadline)
        output = b""
        try:
            while len(output) < 1 << 16 and (data := channel.recv(4096)):
                output += data
        except OSError as error:
            raise UnreachableError(self.node, f"no answer to {command!r}: {error or 'in time'}") from error
        finally:
            channel.close()
        return output.decode("utf-8", "replace")

    def close(self) -> None:
        _close_all([*self._hops, self._client])

    def abort(self) -> None:
        """End it without waiting for the other side: what is nearest goes first, so that nothing is sent any more."""
        _close_all([self._client, *reversed(self._hops)])
