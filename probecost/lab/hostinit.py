"""The first process of a lab host: makes the host's namespaces and file systems, runs its sshd, reaps its orphans.

It runs as root, with nothing but the standard library of the Python in the PATH of the machine (and so the host):

    python3 -I hostinit.py < orders > reports

The orders are lines on standard input: first a ``HostSpec`` as JSON, then ``network`` (the interfaces are there:
configure them and start sshd), then ``go``. The reports are lines on standard output: ``pid N`` (the PID of the first
process, seen from the machine), ``mounted``, ``started``, ``ready``, or ``error TEXT``. When the orders end before
``go``, their sender is dead: the first process ends, and with it the host. After ``go`` both are closed and the host
lives on alone until its first process is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_NOATIME, MS_NODIRATIME, MS_BIND, MS_MOVE = 32, 1024, 2048, 4096, 8192
MS_REC, MS_PRIVATE, MS_RELATIME = 16384, 1 << 18, 1 << 21
MNT_DETACH = 2
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
KEPT_FLAGS = {
    "ro": MS_RDONLY,
    "nosuid": MS_NOSUID,
    "nodev": MS_NODEV,
    "noexec": MS_NOEXEC,
    "noatime": MS_NOATIME,
    "nodiratime": MS_NODIRATIME,
    "relatime": MS_RELATIME,
}
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
# A host's own file systems: path, options of the tmpfs.
OWN_FOLDERS = (
    ("/tmp", "mode=1777,size=512m"),
    ("/var/tmp", "mode=1777,size=256m"),
    ("/var/log", "mode=755,size=64m"),
    ("/home", "mode=755,size=64m"),
    ("/root", "mode=700,size=64m"),
    ("/dev/shm", "mode=1777"),
    ("/run", "mode=755,size=64m"),
)

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    """mount(2); ``OSError`` names the target."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    if _libc.mount(*encoded, ctypes.c_ulong(flags), os.fsencode(options)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {kind or ''}: {os.strerror(number)}", target)


def detach(target: str) -> None:
    """Unmount ``target``, if anything is mounted there."""
    _libc.umount2(os.fsencode(target), MNT_DETACH)


def unshare(flags: int) -> None:
    if _libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot make namespaces: {os.strerror(number)}")


def kernel_knows(kind: str) -> bool:
    """Whether the kernel has this file system type."""
    return any(line.split()[-1] == kind for line in Path("/proc/filesystems").read_text().splitlines())


def protect_machine() -> None:
    """Make the machine's file systems read-only here, so that a host's root cannot change the machine."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        target = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), fields[4])
        if target.startswith(("/proc", "/sys", "/dev", "/run")):
            continue
        flags = sum(KEPT_FLAGS.get(option, 0) for option in fields[5].split(",")) | MS_RDONLY
        try:
            mount("none", target, None, MS_REMOUNT | MS_BIND | flags)
        except OSError as error:  # hidden under another mount, or gone: neither can be written to from here
            sys.stderr.write(f"not made read-only: {error}\n")


def mount_everything(stage: str) -> None:
    """Mount the file systems of a host in this namespace. ``stage`` is an empty folder to assemble them on."""
    protect_machine()
    mount("tmpfs", stage, "tmpfs", MS_NODEV, "mode=755")

    etc, sys_new = f"{stage}/etc", f"{stage}/sys"
    Path(etc).mkdir()
    subprocess.run(["cp", "-a", "/etc/.", etc], env=ENVIRONMENT, check=False)
    mount(etc, "/etc", None, MS_BIND)

    Path(sys_new).mkdir()
    mount("sysfs", sys_new, "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for kind, place in (("tracefs", "kernel/tracing"), ("debugfs", "kernel/debug"), ("bpf", "fs/bpf")):
        if kernel_knows(kind) and Path(sys_new, place).is_dir():
            mount(kind, f"{sys_new}/{place}", kind, MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700")
    if Path("/sys/fs/cgroup").is_mount():
        mount("/sys/fs/cgroup", f"{sys_new}/fs/cgroup", None, MS_BIND | MS_REC)
    detach("/sys")
    mount(sys_new, "/sys", None, MS_MOVE)

    for hidden in ("/proc", "/dev/pts", "/dev/shm"):
        detach(hidden)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")
    if kernel_knows("mqueue") and Path("/dev/mqueue").is_dir():
        mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    detach(stage)  # /etc and /sys stay where they were put
    for target, options in OWN_FOLDERS:
        if Path(target).is_dir():
            mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, options)


def bind_folders(binds: list[dict[str, str]], opened: list[int]) -> None:
    """Mount folders that were opened before they were hidden. Their file systems are read-only here already."""
    for bind, folder in zip(binds, opened, strict=True):
        Path(bind["target"]).mkdir(parents=True, exist_ok=True)
        mount(f"/proc/self/fd/{folder}", bind["target"], None, MS_BIND)
        os.close(folder)


def write_files(spec: dict[str, Any]) -> None:
    """Make the folders, the workdir's file system and the files of the spec."""
    for pattern in spec["remove"]:
        for path in sorted(Path("/").glob(pattern.lstrip("/"))):
            path.unlink()
    for folder in spec["folders"]:
        path = Path(folder["path"])
        path.mkdir(parents=True, exist_ok=True)
        if folder["tmpfs"]:
            mount("tmpfs", folder["path"], "tmpfs", MS_NOSUID | MS_NODEV, folder["tmpfs"])
        os.chown(path, folder["uid"], folder["gid"])
        path.chmod(folder["mode"])
    for file in spec["files"]:
        path = Path(file["path"])
        path.unlink(missing_ok=True)
        path.write_text(file["text"])
        os.chown(path, file["uid"], file["gid"])
        path.chmod(file["mode"])


def run(command: list[str]) -> None:
    """Run one command; its output goes to the log, whose end is shown with the error."""
    done = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=2, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:80]} ...: exit status {done.returncode}")


def read_order() -> str:
    """The next line of the orders, read byte by byte: another process reads on where this one stops."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(1)
        line += byte
    return line.decode().strip()


def report(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def expect(order: str) -> None:
    given = read_order()
    if given != order:
        raise RuntimeError(f"expected the order {order!r}, got {given!r}")


def shut_down(_number: int, _frame: object) -> NoReturn:
    """End the host: the kernel ends everything in the namespace with its first process."""
    os._exit(0)


def live(spec: dict[str, Any]) -> NoReturn:
    """Run as the first process of the host."""
    signal.signal(signal.SIGTERM, shut_down)
    os.setsid()
    os.umask(0o022)
    os.chdir("/")
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    opened = [os.open(bind["source"], os.O_RDONLY | os.O_DIRECTORY) for bind in spec["binds"]]
    mount_everything(spec["stage"])
    bind_folders(spec["binds"], opened)
    write_files(spec)
    socket.sethostname(spec["hostname"])
    report("mounted")
    expect("network")
    subprocess.run(["ip", "-batch", "-"], input=spec["network"].encode(), env=ENVIRONMENT, check=True)
    for command in spec["commands"]:
        run(command)
    sshd = subprocess.Popen(spec["sshd"], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=2)
    report("started")
    expect("go")
    report("ready")
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    while True:
        pid, status = os.wait()
        if pid == sshd.pid:  # the host cannot be reached any more
            sys.stderr.write(f"sshd ended: {status}\n")
            sys.stderr.flush()
            os._exit(1)


def main() -> NoReturn:
    """Make the namespaces, leave the first process in them, and end."""
    try:
        spec = json.loads(read_order())
        unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID)
        child = os.fork()
        if child:
            report(f"pid {child}")
            os._exit(0)
        live(spec)
    except Exception as error:  # the other side must hear of any failure
        report("error " + " ".join(str(error).split()))
        os._exit(1)


if __name__ == "__main__":
    main()
