"""Gets the guests' kernel: Debian's kernel for clouds, downloaded and unpacked but never installed."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from probecost.lab.errors import LabError
from probecost.lab.publish import Owner

META_PACKAGE = "linux-image-cloud-amd64"
KERNEL = "vmlinuz"
BUILTIN = "modules.builtin"
# In loading order. A module may be built into the kernel.
MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "failover",
    "net_failover",
    "virtio_net",
    "virtio-rng",
    "qemu_fw_cfg",
)
HINT = "with a network, run: apt-get update"


@dataclass(frozen=True)
class Kernel:
    """A kernel in a folder of the cache: its release, its image, and its modules in loading order."""

    release: str
    image: Path
    modules: tuple[Path, ...]


def kernels_folder(cache: Path) -> Path:
    """Folder of kernels in the cache; each list of modules has its own."""
    return cache / f"kernels-{hashlib.sha256(' '.join(MODULES).encode()).hexdigest()[:8]}"


def find_kernel(folder: Path) -> Kernel | None:
    """The newest kernel that was unpacked below ``folder``; ``None`` if there is none."""
    images = sorted(folder.glob(f"*/{KERNEL}"), key=lambda image: image.stat().st_mtime_ns)
    if not images:
        return None
    image = images[-1]
    return Kernel(image.parent.name, image, tuple(sorted(image.parent.glob("*.ko"))))


def download_kernel(folder: Path, owner: Owner) -> Kernel:
    """Download the distribution's newest kernel for clouds and unpack the files for guests below ``folder``."""
    package = kernel_package(_run(["apt-cache", "depends", META_PACKAGE], Path("/")))
    with tempfile.TemporaryDirectory(prefix="kernel-", dir=folder) as temporary:
        work = Path(temporary)
        _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package], work)
        (deb,) = work.glob("*.deb")
        unpacked = work / package.removeprefix("linux-image-")
        unpacked.mkdir()
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as unpacking:
            assert unpacking.stdout is not None
            unpack(unpacking.stdout, unpacked)
        if unpacking.returncode:
            raise LabError(f"cannot unpack {deb.name}: dpkg-deb ended with {unpacking.returncode}")
        for path in (*unpacked.iterdir(), unpacked):
            os.chown(path, owner.uid, owner.gid)
        target = folder / unpacked.name
        if not target.exists():
            unpacked.rename(target)
    found = find_kernel(folder)
    assert found is not None
    return found


def kernel_package(depends: str) -> str:
    """The package that ``apt-cache depends`` of the meta package names; ``LabError``: it names none."""
    match = re.search(r"^ *Depends: (linux-image-\d\S*-cloud-\S+)$", depends, re.MULTILINE)
    if match is None:
        raise LabError(f"apt knows no kernel for the guests of lab-vm: no package {META_PACKAGE} ({HINT})")
    return match.group(1)


def unpack(package: IO[bytes], folder: Path) -> None:
    """Put the kernel and the modules of ``package``, the files of a Debian package as a tar stream, into ``folder``.

    ``LabError`` names missing files that a guest needs.
    """
    builtin: set[str] = set()
    with tarfile.open(fileobj=package, mode="r|") as archive:
        for member in archive:
            name = wanted(member.name)
            opened = archive.extractfile(member) if name else None
            if name is None or opened is None:
                continue
            data = opened.read()
            if name == BUILTIN:
                builtin = {Path(line).stem.replace("-", "_") for line in data.decode().splitlines()}
            else:
                (folder / name).write_bytes(lzma.decompress(data) if member.name.endswith(".xz") else data)
    missing = [
        name
        for number, name in enumerate(MODULES)
        if not (folder / module_file(number)).exists() and name.replace("-", "_") not in builtin
    ]
    if not (folder / KERNEL).exists():
        missing.insert(0, KERNEL)
    if missing:
        raise LabError(f"the package of the guests' kernel lacks what a guest needs: {', '.join(missing)}")


def wanted(path: str) -> str | None:
    """The name in the cache for a file of the package; ``None`` if a guest does not need it."""
    name = path.rpartition("/")[2]
    if re.search(r"(^|/)boot/vmlinuz-[^/]+$", path):
        return KERNEL
    if name == BUILTIN:
        return BUILTIN
    module = name.removesuffix(".xz").removesuffix(".ko")
    return module_file(MODULES.index(module)) if module != name and module in MODULES else None


def module_file(number: int) -> str:
    """The file name of a module in the cache: files sorted by name are in loading order."""
    return f"{number:02}-{MODULES[number]}.ko"


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LabError(f"lab-vm needs {command[0]}: its guests are made from Debian's packages") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"cannot get a kernel for the guests: {' '.join(command)}: {said}\n({HINT})")
    return done.stdout
