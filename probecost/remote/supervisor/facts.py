"""Facts of this node: kernel, CPU, interfaces, versions; and missing prerequisites of a run."""

import os
import platform
import re
import shutil
import subprocess
import uuid
from typing import Any, Dict, List, Optional

from .processes import CHILDREN, Identity, now_ns, search_path
from .usage import boot_id

_OFFLOADS = re.compile(
    r"^(tcp-segmentation-offload|generic-segmentation-offload|generic-receive-offload|"
    r"large-receive-offload|tx-checksumming|rx-checksumming): (\w+)",
    re.MULTILINE,
)
_ADDRESS = re.compile(r"^\d+: (\S+?)(?:@\S+)?\s+inet6? (\S+)", re.MULTILINE)


def _read(path: str) -> Optional[str]:
    try:
        with open(path, errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def _link(path: str) -> Optional[str]:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _output(*argv: str) -> Optional[str]:
    """Standard output and error of a short command, ``None`` if it is missing, fails or takes over 5 s."""
    program = find(argv[0])
    if program is None:
        return None
    try:
        process = CHILDREN.start(
            [program] + list(argv[1:]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    try:
        output, _ = process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return bytes(output).decode("utf-8", "replace")


def find(program: str) -> Optional[str]:
    return shutil.which(program, path=search_path())


def _version(text: Optional[str]) -> Optional[str]:
    match = re.search(r"\d+\.\d+(?:\.\d+)?", text or "")
    return match.group(0) if match else None


def addresses(text: str) -> Dict[str, List[str]]:
    """``ip -o addr`` as interface -> addresses with their prefix length."""
    found: Dict[str, List[str]] = {}
    for name, address in _ADDRESS.findall(text):
        found.setdefault(name, []).append(address)
    return found


def interfaces() -> List[Dict[str, Any]]:
    owned = addresses(_output("ip", "-o", "addr") or "")
    result = []
    for name in sorted(os.listdir("/sys/class/net")):
        base = "/sys/class/net/" + name
        if not os.path.isdir(base):
            continue
        result.append(
            {
                "name": name,
                "mac": _read(base + "/address"),
                "mtu": int(_read(base + "/mtu") or 0),
                "state": _read(base + "/operstate"),
                "driver": _driver(name),
                "speed_mbps": _speed_mbps(base),
                "addresses": owned.get(name, []),
                "offloads": dict(_OFFLOADS.findall(_output("ethtool", "-k", name) or "")),
            }
        )
    return result


def _speed_mbps(base: str) -> Optional[int]:
    """Speed of a physical interface; the speed of a virtual one is no limit."""
    if not os.path.exists(base + "/device"):
        return None
    try:
        speed = int(_read(base + "/speed") or 0)
    except ValueError:
        return None
    return speed if speed > 0 else None


def _driver(name: str) -> Optional[str]:
    """The interface's driver from sysfs, or from ethtool for a virtual one."""
    link = "/sys/class/net/%s/device/driver" % name
    if os.path.exists(link):
        return os.path.basename(os.path.realpath(link))
    return _field(_output("ethtool", "-i", name), r"^driver: (\S+)")


def _field(text: Optional[str], pattern: str) -> Optional[str]:
    match = re.search(pattern, text or "", re.MULTILINE)
    return match.group(1).strip() if match else None


def collect() -> Dict[str, Any]:
    """Facts of the node that a reader of a report needs to judge a figure."""
    cpuinfo = _read("/proc/cpuinfo")
    meminfo = _read("/proc/meminfo")
    return {
        "hostname": platform.node(),
        "kernel": platform.release(),
        "arch": platform.machine(),
        "machine_id": _read("/etc/machine-id"),
        "boot_id": boot_id(),
        "pid_namespace": _link("/proc/self/ns/pid"),
        "os": _field(_read("/etc/os-release"), r'^PRETTY_NAME="?([^"\n]*)'),
        "python": platform.python_version(),
        "cpu_model": _field(cpuinfo, r"^(?:model name|CPU part|cpu model)\s*:\s*(.*)$"),
        "cpus": os.cpu_count(),
        "memory_kb": int(_field(meminfo, r"^MemTotal:\s*(\d+)") or 0),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "btf": os.path.exists("/sys/kernel/btf/vmlinux"),
        "interfaces": interfaces(),
        "iperf3": _version(_output("iperf3", "--version")),
        "netperf": _version(_output("netperf", "-V")),
        "sudo": os.getuid() == 0,
        "time_ns": now_ns(),
    }


def missing(programs: List[str], workdir: str, identity: Identity) -> List[Dict[str, str]]:
    """The ``programs`` that are not installed, and the reason if the workdir is unusable."""
    lacks = [{"kind": "program", "name": name} for name in programs if find(name) is None]
    reason = unusable(workdir, identity)
    return lacks + ([{"kind": "workdir", "name": reason}] if reason else [])


def unusable(workdir: str, identity: Identity) -> Optional[str]:
    """Why the workdir, or its nearest existing parent, is not writable; ``None`` if it is.

    Both writers try it: the login user, whose tools work in it, and this process.
    """
    place = workdir
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        return "%s is not a directory" % place
    name = os.path.join(place, ".probecost-%s" % uuid.uuid4().hex)
    said = create_as_root(name)
    if said is not None:
        return "root cannot write to %s: %s" % (place, said)
    said = create_as(identity, name)
    if said is not None:
        return "%s cannot write to %s: %s" % (identity.user, place, said)
    return None


def create_as_root(name: str) -> Optional[str]:
    """Make and remove a file; return the reason of a failure."""
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.unlink(name)
    except OSError as error:
        return error.strerror or str(error)
    return None


def create_as(identity: Identity, name: str) -> Optional[str]:
    """Make and remove a file as the login user, in a shell; return the shell's message of a failure."""
    try:
        process = CHILDREN.start(
            ["/bin/sh", "-c", 'set -C; : > "$1" && rm "$1"', "sh", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": search_path(), "LC_ALL": "C"},
            preexec_fn=identity.become,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    try:
        output, _ = process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "no answer within 5 s"
    if process.returncode == 0:
        return None
    return bytes(output).decode("utf-8", "replace").strip() or "exit code %s" % process.returncode
