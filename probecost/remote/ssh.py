"""One SSH connection per node; the user's ssh configuration, keys, agent, jump hosts and known hosts are honoured."""

from __future__ import annotations

import base64
import functools
import itertools
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import paramiko

from probecost.config.environment import SshHost
from probecost.deadline import Deadline
from probecost.errors import AuthenticationError, NodeError, UnreachableError
from probecost.remote.host_keys import HostKeyPolicy
from probecost.remote.proxy import Proxy
from probecost.remote.ssh_config import SshConfig, Target, route

# Algorithms with a second name that paramiko knows instead.
_OTHER_NAME = {"curve25519-sha256": "curve25519-sha256@libssh.org"}
# Signature algorithms of a key type, if their names differ from it.
_ALGORITHMS_OF = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class _Closable(Protocol):
    def close(self) -> None: ...


def connect(host: SshHost, config: SshConfig, deadline: Deadline, *, accept_new: bool = False) -> Connection:
    """Connect and authenticate within the deadline; every way to fail names the node."""
    *hops, target = route(host, config)
    first = hops[0] if hops else target
    opened: list[_Closable] = []
    proxy: Proxy | None = None
    try:
        sock: Any = None
        if first.proxy_command:
            proxy = Proxy(host.name, first.proxy_command)
            opened.append(proxy)
            sock = proxy.socket
        for here, following in itertools.pairwise([*hops, target]):
            client = _open(f"{host.name} (jump host {here.host})", here, sock, deadline, accept_new)
            opened.append(client)
            sock = _through(host.name, client, here, following, deadline)
        client = _open(host.name, target, sock, deadline, accept_new)
    except BaseException as error:
        failure = proxy.failure() if proxy is not None and isinstance(error, UnreachableError) else None
        _close_all(opened)
        if failure is not None:
            raise failure from error
        raise
    return Connection(host.name, target.user, client, opened)


def _through(node: str, client: paramiko.SSHClient, here: Target, following: Target, deadline: Deadline) -> Any:
    transport = client.get_transport()
    assert transport is not None
    try:
        return transport.open_channel(
            "direct-tcpip", (following.host, following.port), ("127.0.0.1", 0), timeout=max(deadline.left_s, 0.1)
        )
    except (paramiko.SSHException, OSError) as error:
        raise UnreachableError(node, f"{here.host} cannot reach {following.host}:{following.port}: {error}") from error


def _open(node: str, target: Target, sock: Any, deadline: Deadline, accept_new: bool) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    host_keys = HostKeyPolicy(node, target, accept_new=accept_new)
    client.set_missing_host_key_policy(host_keys)
    left_s = max(deadline.left_s, 0.1)
    keys = [name for name in target.key_files if os.access(name, os.R_OK)]
    try:
        client.connect(
            target.host,
            port=target.port,
            username=target.user,
            key_filename=keys or None,  # type: ignore[arg-type]  # a list is taken, the stubs know only str
            pkey=None if target.use_agent or not target.has_agent else _from_agent(target),
            allow_agent=target.use_agent,
            look_for_keys=not target.key_files,
            sock=sock if sock is not None else _dial(target, left_s),
            compress=target.terms.compress,
            timeout=left_s,
            banner_timeout=left_s,
            auth_timeout=left_s,
            channel_timeout=left_s,
            transport_factory=functools.partial(_transport, node, target, host_keys.known_types()),
        )
    except NodeError:
        client.close()
        raise
    except BaseException as error:
        client.close()
        raise _explained(node, target, error, keys) from error
    return client


def _dial(target: Target, timeout_s: float) -> socket.socket | None:
    """A socket with the configured address family, source address or interface; ``None`` if none is configured."""
    terms = target.terms
    if not (terms.address_family or terms.bind_address or terms.bind_interface):
        return None
    source = (terms.bind_address, 0) if terms.bind_address else None
    reason: OSError | None = None
    for family, kind, _, _, address in socket.getaddrinfo(
        target.host, target.port, terms.address_family, socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind)
        try:
            sock.settimeout(timeout_s)
            if terms.bind_interface:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, terms.bind_interface.encode())
            if source:
                sock.bind(source)
            sock.connect(address)
        except OSError as error:
            sock.close()
            reason = error
        else:
            return sock
    assert reason is not None
    raise reason


def _transport(
    node: str, target: Target, known_types: Sequence[str], sock: Any, disabled_algorithms: Any = None
) -> paramiko.Transport:
    """A transport within the terms of the configuration; it prefers host keys of a known type."""
    transport = paramiko.Transport(sock, disabled_algorithms=disabled_algorithms)
    options, terms = transport.get_security_options(), target.terms
    known = [name for known in known_types for name in _ALGORITHMS_OF.get(known, (known,))]
    host_keys = _common(node, "HostKeyAlgorithms", terms.host_keys, options.key_types)
    options.key_types = tuple(sorted(host_keys, key=lambda name: name not in known))
    options.ciphers = _common(node, "Ciphers", terms.ciphers, options.ciphers)
    options.digests = _common(node, "MACs", terms.macs, options.digests)
    options.kex = _common(node, "KexAlgorithms", terms.key_exchanges, options.kex)
    return transport


def _common(node: str, directive: str, asked: Sequence[str], able: Sequence[str]) -> tuple[str, ...]:
    named = dict.fromkeys(_OTHER_NAME.get(name, name) if name not in able else name for name in asked)
    common = tuple(name for name in named if name in able) if asked else tuple(able)
    if not common:
        raise UnreachableError(node, f"{directive} allows {','.join(asked)}; supported are {','.join(able)}")
    return common


def _from_agent(target: Target) -> paramiko.PKey | None:
    """The agent's key with the public half in an identity file; ``IdentitiesOnly`` allows no other key."""
    named = [_public_key(name) for name in target.key_files]
    return next((key for key in paramiko.Agent().get_keys() if key.asbytes() in named), None)


def _public_key(name: str) -> bytes | None:
    for file in (f"{name}.pub", name):
        with suppress(OSError, ValueError, IndexError):
            return base64.b64decode(Path(file).read_text("ascii").split()[1], validate=True)
    return None


def _explained(node: str, target: Target, error: BaseException, keys: Sequence[str]) -> BaseException:
    where = target.text
    match error:
        case paramiko.AuthenticationException():
            offered = ", ".join(keys) or "agent and default keys"
            return AuthenticationError(node, f"{where} refused every key offered ({offered}): {error}")
        case paramiko.SSHException() | OSError() | EOFError() | TimeoutError():
            reason = "no answer in time" if isinstance(error, TimeoutError | socket.timeout) else str(error)
            reason = reason.removeprefix("[Errno None] ")  # paramiko's, if every address of the host failed
            return UnreachableError(node, f"{where} does not answer: {reason or type(error).__name__}")
        case _:
            return error


def _close_all(opened: Sequence[_Closable]) -> None:
    for one in reversed(opened):
        one.close()


class Connection:
    """An authenticated connection to one node, with its proxy and jump hosts."""

    def __init__(self, node: str, user: str, client: paramiko.SSHClient, way: Sequence[_Closable]) -> None:
        self.node = node
        self.user = user
        self._client = client
        self._way = way

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
        """Standard output of a short command of the login shell, at most 64 KB."""
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
        _close_all([*self._way, self._client])

    def abort(self) -> None:
        """End it without waiting for the other side, the nearest part first, so that nothing more is sent."""
        _close_all([self._client, *reversed(self._way)])
