"""The guests' root file system: this machine's programs with their libraries, as an archive that a kernel unpacks.

Nothing in it is of a particular lab (addresses and keys come from the host, see ``guest``), so one image serves all
guests. It is kept in the project's cache under the hash of its recipe: its entries, and the sizes and times of copied
files.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from probecost.lab.errors import LabError
from probecost.lab.publish import Owner, make_folder
from probecost.lab.vm import cpio, guest
from probecost.lab.vm.kernel import Kernel, download_kernel, find_kernel, kernels_folder

ROOT_FS = "initramfs"
KEPT = 2  # root file systems in the cache: another program may be starting a guest with an older one
MERGED = ("bin", "lib", "lib64", "sbin")
# In addition to the programs: files that they load by name, and the machine's cache of libraries.
EXTRA = (
    "/etc/ld.so.cache",
    "/etc/os-release",
    "/usr/lib/openssh/sshd-*",
    "/usr/libexec/sudo/*.so*",
    "/usr/lib/sudo/*.so*",
    "/usr/lib/*-linux-gnu/security/pam_permit.so",
    "/usr/lib/*-linux-gnu/security/pam_deny.so",
    "/usr/lib/*-linux-gnu/libgcc_s.so.1",
)
LEFT_OUT = re.compile(
    r"config-.*|dist-packages|distutils|ensurepip|idlelib|lib2to3|pydoc_data|site-packages|sqlite3|tests?|tkinter"
    r"|turtledemo|unittest"
)


@dataclass(frozen=True)
class Image:
    """The kernel and the root file system of a guest: paths relative to ``folder``."""

    folder: Path
    kernel_path: str
    root_fs_path: str


def prepare(cache: Path, programs: Mapping[str, str]) -> Image:
    """The image, made now unless it is in ``cache``. ``programs``: names and absolute paths of ``guest.PROGRAMS``.

    The kernel is downloaded the first time; ``LabError``: it cannot be, with the remedy.
    """
    owner = Owner.calling()
    kernels = kernels_folder(cache)
    make_folder(kernels, owner)
    kernel = find_kernel(kernels) or download_kernel(kernels, owner)
    entries = cpio.with_parents(_entries(programs, kernel))
    root_fs = cache / f"{ROOT_FS}-{recipe_hash(entries)}"
    if not root_fs.exists():
        _write(root_fs, entries, owner)
        by_age = sorted(cache.glob(f"{ROOT_FS}-*"), key=lambda path: path.stat().st_mtime_ns)
        for old in by_age[:-KEPT]:
            old.unlink(missing_ok=True)
    return Image(cache, str(kernel.image.relative_to(cache)), root_fs.name)


def recipe_hash(entries: Iterable[cpio.Entry]) -> str:
    """The first 12 digits of a hash over all entries; size and time of copied files stand for their content."""
    digest = hashlib.sha256()
    for entry in entries:
        source = entry.content
        content = repr(source) if isinstance(source, bytes) else f"{source} {source.stat().st_size}"
        digest.update(f"{entry.path} {entry.mode:o} {entry.mtime_s} {content}\n".encode())
    return digest.hexdigest()[:12]


def _write(target: Path, entries: Iterable[cpio.Entry], owner: Owner) -> None:
    handle, fresh = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            os.fchown(file.fileno(), owner.uid, owner.gid)
            file.writelines(cpio.archive(entries))
        Path(fresh).replace(target)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def _entries(programs: Mapping[str, str], kernel: Kernel) -> Iterator[cpio.Entry]:
    """Everything in the root file system except folders; of two entries with one path the first counts."""
    yield from guest.root_files()
    for name in MERGED:
        yield cpio.link(f"/{name}", f"usr/{name}")
    copied = [Path(path) for path in programs.values()]
    for pattern in EXTRA:
        copied += sorted(Path("/").glob(pattern.lstrip("/")))
    copied += _python_files(programs["python3"])
    loaded = {str(path) for path in copied if _is_elf(path)}
    copied += [Path(path) for path in sorted(libraries(_ldd(sorted(loaded))))]
    for path in copied:
        yield from _copies(path)
    applets = _run([programs["busybox"], "--list"]).split()
    if "init" not in applets:
        raise LabError(f"{programs['busybox']} has no init; the one of Debian's package busybox-static has")
    for applet in applets:
        yield cpio.link(f"/usr/bin/{applet}", programs["busybox"])
    for module in kernel.modules:
        yield _copy(module, f"/lib/modules/{module.name}".replace("/lib/", "/usr/lib/", 1))


def _python_files(python: str) -> list[Path]:
    """The standard library of ``python``, without modules that no guest needs."""
    folder = Path(_run([python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]).strip())
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not LEFT_OUT.fullmatch(name))
        found += [Path(parent, name) for name in sorted(files) if name.endswith((".py", ".pyc", ".so"))]
    return [path for path in found if ".opt-" not in path.name]


def libraries(text: str) -> set[str]:
    """The paths of shared libraries in the output of ``ldd``."""
    return set(re.findall(r"^\t(?:\S+ => )?(/\S+) \(0x", text, re.MULTILINE))


def _ldd(files: list[str]) -> str:
    # It fails if one of the files is static or loads nothing, and still prints the libraries of all the rest.
    done = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False)
    return done.stdout


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _copies(path: Path) -> Iterator[cpio.Entry]:
    """A file of the machine under its own path and, if it is a link, its target."""
    place = path.parent.resolve() / path.name
    if place.is_symlink():
        target = place.resolve()
        yield cpio.link(str(place), str(target))
        place = target
    yield _copy(place, str(place))


def _copy(source: Path, path: str) -> cpio.Entry:
    status = source.stat()
    return cpio.Entry(path, stat.S_IFREG | stat.S_IMODE(status.st_mode), source, mtime_s=int(status.st_mtime))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
