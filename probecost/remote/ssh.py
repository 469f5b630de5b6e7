"""One SSH connection per node; the user's ssh configuration, keys, agent, jump hosts and known hosts are honoured."""

from __future__ import annotations

import getpass
import itertools
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from probecost.config.models import SshHost
from probecost.errors import AuthenticationError, ConfigError, HostKeyError, UnreachableError
from probecost.remote.deadline import Deadline

USER_CONFIG = Path("~/.ssh/config")
_DEFAULT_KNOWN_HOSTS = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts"]


@dataclass(frozen=True)
class Target:
    """A node's address after ssh's configuration was applied."""

    host: str
    port: int
    user: str
    key_files: tuple[str, ...]
    known_hosts: tuple[Path, ...]
    use_agent: bool
    jumps: tuple[str, ...]
    proxy_command: str | None

    @property
    def text(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


def local_user() -> str:
    """The name of the user who runs this, their number where the machine has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def read_ssh_config(path: Path | None) -> paramiko.SSHConfig:
    """The file named by the environment, else the user's own; an absent user file is an empty configuration."""
    file = path if path is not None else USER_CONFIG.expanduser()
    if path is None and not file.exists():
        return paramiko.SSHConfig()
    try:
        return paramiko.SSHConfig.from_path(str(file))
    except OSError as error:
        raise ConfigError(
            f"{file}: {error.strerror}", hint="ssh_config names an OpenSSH client configuration"
        ) from error
    except Exception as error:  # paramiko raises plain Exception for an unparsable line
        raise ConfigError(f"{file}: {error}") from error


def resolve(host: SshHost, config: paramiko.SSHConfig) -> Target:
    """Where and as whom to connect: what the environment says goes before what ssh's configuration says."""
    found: dict[str, Any] = dict(config.lookup(host.host))
    known = str(found.get("userknownhostsfile", "")).split() or _DEFAULT_KNOWN_HOSTS
    jump = str(found.get("proxyjump", "none"))
    command = found.get("proxycommand")
    return Target(
        host=str(found.get("hostname", host.host)),
        port=host.port or int(found.get("port", 22)),
        user=host.user or str(found.get("user", "root")),
        key_files=tuple(str(Path(name).expanduser()) for name in found.get("identityfile", [])),
        known_hosts=tuple(Path(name).expanduser() for name in known),
        use_agent=str(found.get("identitiesonly", "no")).lower() != "yes",
        jumps=() if jump.lower() == "none" else tuple(part.strip() for part in jump.split(",")),
        proxy_command=None if command is None or str(command).lower() == "none" else str(command),
    )


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
            sock = paramiko.ProxyCommand(target.proxy_command)
        client = _open(host.name, target, sock, deadline, accept_new)
    except BaseException:
        _close_all(hops)
        raise
    return Connection(host.name, target.user, client, hops)


def _through_jumps(
    node: str,
    target: Target,
    config: paramiko.SSHConfig,
    deadline: Deadline,
    accept_new: bool,
    hops: list[paramiko.SSHClient],
) -> Any:
    sock: Any = None
    chain = [_parse_jump(jump) for jump in target.jumps]
    targets = [resolve(hop, config) for hop in chain] + [target]
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


def _parse_jump(text: str) -> SshHost:
    user, at, rest = text.rpartition("@")
    name, colon, port = rest.partition(":")
    return SshHost(name=name, host=name, workdir="", user=user if at else None, port=int(port) if colon else None)


def _open(node: str, target: Target, sock: Any, deadline: Deadline, accept_new: bool) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    for file in target.known_hosts:
        if file.exists():
            client.load_system_host_keys(str(file))
    client.set_missing_host_key_policy(_AcceptNew(target.known_hosts[0]) if accept_new else _Refuse())
    left_s = max(deadline.left_s, 0.1)
    keys = [name for name in target.key_files if Path(name).exists()] or None
    try:
        client.connect(
            target.host,
            port=target.port,
            username=target.user or getpass.getuser(),
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
        raise _explained(node, target, error) from error
    return client


def _explained(node: str, target: Target, error: BaseException) -> BaseException:
    where = target.text
    match error:
        case paramiko.BadHostKeyException():
            return HostKeyError(node, f"the host key of {where} is not the one in known_hosts: check who answers there")
        case _UnknownHostKey():
            files = ", ".join(str(file) for file in target.known_hosts)
            hint = f"ssh-keyscan -p {target.port} {target.host} >> known_hosts after checking it, or --ssh-accept-new"
            return HostKeyError(node, f"the host key of {where} ({error}) is not in {files}: {hint}")
        case paramiko.AuthenticationException():
            keys = ", ".join(target.key_files) or "agent and default keys"
            return AuthenticationError(node, f"{where} refused every key offered ({keys}): {error}")
        case paramiko.SSHException() | OSError() | EOFError() | TimeoutError():
            reason = "no answer in time" if isinstance(error, TimeoutError | socket.timeout) else str(error)
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
            raise UnreachableError(self.node, f"no channel could be opened: {error}") from error
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
