"""Runs traffic generators on this node: servers until they listen, clients until they end or their time is over."""

import errno
import os
import signal
import socket
import subprocess
import time
from typing import Any, Dict, List, Tuple

from .ending import end
from .files import Files
from .output import tail
from .processes import POLL_S, Stat, now_ns, spawn, trees

SERVER_START_S = 5.0
SERVER_TRIES = 5
DISK_RESERVE = 1 << 20


class GeneratorError(Exception):
    """A server or client cannot be started; the message is the reason."""


def listening_inodes(port: int) -> List[str]:
    """Inodes of the listening TCP sockets on ``port``, from /proc/net/tcp and tcp6."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        found += [row[9] for row in rows if row[3] == "0A" and int(row[1].rsplit(":", 1)[1], 16) == port]
    return found


def holds_socket(pid: int, inodes: List[str]) -> bool:
    wanted = {"socket:[%s]" % inode for inode in inodes}
    try:
        for name in os.listdir("/proc/%d/fd" % pid):
            try:
                if os.readlink("/proc/%d/fd/%s" % (pid, name)) in wanted:
                    return True
            except OSError:
                continue
    except OSError:
        pass
    return False


def is_free(address: str, port: int) -> bool:
    """Whether both TCP and UDP can be bound there now; a server on the port prevents it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as sock:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    sock.listen(1)
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise GeneratorError("the test address %s is not on this node" % address) from None
                return False
    return True


def count_free(address: str, first: int, last: int, wanted: int) -> int:
    """The number of free ports of the range, counted up to ``wanted``."""
    found = 0
    for port in range(first, last + 1):
        found += is_free(address, port)
        if found >= wanted:
            break
    return found


class Ports:
    """Free ports of the range in turn."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._count = first, last - first + 1
        self._next = 0

    def take(self, address: str) -> int:
        for _ in range(self._count):
            port = self._first + self._next
            self._next = (self._next + 1) % self._count
            if is_free(address, port):
                return port
        raise GeneratorError("no free port in %d-%d on %s" % (self._first, self._first + self._count - 1, address))


class Started:
    """A started generator, with its output files."""

    def __init__(self, spec: Dict[str, Any], ports: List[int], files: Files) -> None:
        fill = {"{port}": str(ports[0]) if ports else "", "{port2}": str(ports[1]) if len(ports) > 1 else ""}

        def filled(text: str) -> str:
            for name, value in fill.items():
                text = text.replace(name, value)
            return text

        self.name = spec["name"]
        self.ports = ports
        self.lingers = bool(spec.get("lingers"))
        self.stdout = files.path(filled(spec["stdout"]))
        self.stderr = files.path(filled(spec["stderr"]))
        argv = [filled(argument) for argument in spec["argv"]]
        with files.create(filled(spec["stdout"])) as out, files.create(filled(spec["stderr"])) as err:
            self.start_ns = now_ns()
            try:
                self.process = spawn(argv, out, err, files.workdir, files.identity)
            except OSError as error:
                raise GeneratorError("%s cannot be started: %s" % (argv[0], error)) from None

    def tree(self) -> List[Stat]:
        return trees([self.process.pid]) if self.process.poll() is None else []

    def end(self) -> None:
        end(self.tree, [(signal.SIGTERM, 1.0)])
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            pass

    def report(self) -> Dict[str, Any]:
        """Its result; empty output files are removed."""
        result = {
            "name": self.name,
            "exit_code": self.process.poll(),
            "stderr_tail": tail(self.stderr),
            "stdout_bytes": os.path.getsize(self.stdout) if os.path.exists(self.stdout) else 0,
        }
        for path in (self.stdout, self.stderr):
            if os.path.exists(path) and os.path.getsize(path) == 0:
                os.unlink(path)
        return result


class Generators:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._ports: Dict[Tuple[int, int], Ports] = {}
        self._servers: List[Started] = []
        self._clients: List[Started] = []

    def check_disk(self) -> None:
        free = self._files.free_bytes()
        if free < DISK_RESERVE:
            raise OSError(errno.ENOSPC, "no space left on the disk of %s (%d bytes free)" % (self._files.workdir, free))

    def open_servers(self, specs: List[Dict[str, Any]], address: str, port_range: List[int]) -> List[Dict[str, Any]]:
        """Start servers on free ports of the test address; each one listens when this returns."""
        self.check_disk()
        self.close_servers(0.0)
        ports = self._ports.setdefault((port_range[0], port_range[1]), Ports(port_range[0], port_range[1]))
        try:
            for spec in specs:
                self._servers.append(self._open(spec, address, ports))
        except Exception:
            self.close_servers(0.0)
            raise
        return [{"name": server.name, "ports": server.ports, "pid": server.process.pid} for server in self._servers]

    def _open(self, spec: Dict[str, Any], address: str, ports: Ports) -> Started:
        reason = ""
        for _ in range(SERVER_TRIES):
            server = Started(spec, [ports.take(address) for _ in range(int(spec["ports"]))], self._files)
            if self._listens(server):
                return server
            server.end()
            reason = tail(server.stderr) or tail(server.stdout) or "it does not listen"
            for path in (server.stdout, server.stderr):
                os.unlink(path)
        raise GeneratorError("%s did not become ready: %s" % (spec["argv"][0], reason))

    def _listens(self, server: Started) -> bool:
        deadline = time.monotonic() + SERVER_START_S
        while time.monotonic() < deadline and server.process.poll() is None:
            inodes = listening_inodes(server.ports[0])
            if inodes and holds_socket(server.process.pid, inodes):
                return True
            time.sleep(0.002)
        return False

    def close_servers(self, linger_s: float) -> List[Dict[str, Any]]:
        """End the servers; servers that end by themselves after their client get ``linger_s`` for it."""
        deadline = time.monotonic() + linger_s
        for server in self._servers:
            while server.lingers and server.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
        reports = []
        for server in self._servers:
            server.end()
            reports.append(server.report())
        self._servers = []
        return reports

    def run_clients(self, specs: List[Dict[str, Any]], timeout_s: float) -> List[Dict[str, Any]]:
        """Start all clients at once and wait for them; a client that exceeds ``timeout_s`` is ended, ``hung``."""
        self.check_disk()
        deadline = time.monotonic() + timeout_s
        ends: Dict[str, int] = {}
        hung: List[str] = []
        try:
            for spec in specs:
                self._clients.append(Started(spec, [], self._files))
            while len(ends) < len(self._clients) and time.monotonic() < deadline:
                for client in self._clients:
                    if client.name not in ends and client.process.poll() is not None:
                        ends[client.name] = now_ns()
                time.sleep(POLL_S / 4)
            hung = [client.name for client in self._clients if client.name not in ends]
        finally:
            reports = self._end_clients(ends)
        for report in reports:
            report["hung"] = report["name"] in hung
        self.check_disk()
        return reports

    def _end_clients(self, ends: Dict[str, int]) -> List[Dict[str, Any]]:
        reports = []
        for client in self._clients:
            client.end()
            reports.append(dict(client.report(), start_ns=client.start_ns, end_ns=ends.get(client.name, now_ns())))
        self._clients = []
        return reports

    def stop(self) -> None:
        """End all generators, from any thread: a waiting ``run_clients`` then returns."""
        for started in list(self._clients) + list(self._servers):
            started.end()
