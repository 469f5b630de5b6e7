"""What a guest is made of: the archive, the kernel from a package, the list of files."""

from __future__ import annotations

import io
import lzma
import os
import stat
import tarfile
from pathlib import Path

import pytest

from probecost.lab.errors import LabError
from probecost.lab.vm import cpio
from probecost.lab.vm.image import libraries, prepare, recipe_hash
from probecost.lab.vm.kernel import (
    KERNEL,
    MODULES,
    find_kernel,
    kernel_package,
    kernels_folder,
    module_file,
    unpack,
    wanted,
)

RELEASE = "6.1.0-9-cloud-amd64"


def read_archive(data: bytes) -> list[tuple[str, int, int, bytes]]:
    """Name, mode, owner and content of every member of a newc archive, the trailer left out."""
    found, at = [], 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, uid, size, name_size = fields[1], fields[2], fields[6], fields[11]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        start = (at + 110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        found.append((name, mode, uid, data[start : start + size]))
        at = (start + size + 3) // 4 * 4


class TestArchive:
    def test_members_come_back(self, tmp_path: Path) -> None:
        (tmp_path / "source").write_bytes(b"12345")
        entries = [
            cpio.folder("/etc"),
            cpio.file("/etc/name", "text\n", 0o600),
            cpio.link("/lib", "usr/lib"),
            cpio.Entry("/bin/tool", stat.S_IFREG | 0o4755, tmp_path / "source", uid=7),
        ]
        assert read_archive(b"".join(cpio.archive(entries))) == [
            ("etc", stat.S_IFDIR | 0o755, 0, b""),
            ("etc/name", stat.S_IFREG | 0o600, 0, b"text\n"),
            ("lib", stat.S_IFLNK | 0o777, 0, b"usr/lib"),
            ("bin/tool", stat.S_IFREG | 0o4755, 7, b"12345"),
        ]

    def test_folders_come_before_what_is_in_them(self) -> None:
        entries = cpio.with_parents([cpio.file("/a/b/c", "x"), cpio.folder("/a/b", 0o700), cpio.file("/a/b/c", "y")])
        assert [(entry.path, stat.S_IMODE(entry.mode)) for entry in entries] == [
            ("/a", 0o755),
            ("/a/b", 0o700),
            ("/a/b/c", 0o644),
        ]
        assert entries[-1].read() == b"x"


class TestRecipe:
    def test_changes_with_every_ingredient(self, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_text("12345")
        entry = cpio.Entry("/tool", stat.S_IFREG | 0o755, source, mtime_s=1)
        others = [
            cpio.Entry("/other", entry.mode, source, mtime_s=1),
            cpio.Entry("/tool", stat.S_IFREG | 0o700, source, mtime_s=1),
            cpio.Entry("/tool", entry.mode, source, mtime_s=2),
            cpio.Entry("/tool", entry.mode, b"12345", mtime_s=1),
        ]
        assert recipe_hash([entry]) == recipe_hash([entry])
        assert len({recipe_hash([one]) for one in (entry, *others)}) == 5
        before = recipe_hash([entry])
        source.write_text("123456")
        assert recipe_hash([entry]) != before

    def test_libraries_of_several_files(self) -> None:
        text = (
            "/usr/sbin/one:\n\tlinux-vdso.so.1 (0x00007ffe)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7f)\n"
            "\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n/usr/bin/two:\n\tnot a dynamic executable\n"
            "\tlibz.so.1 => not found\n"
        )
        assert libraries(text) == {"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"}


def package(names: list[str], builtin: str = "") -> io.BytesIO:
    """A kernel package as a tar stream; a file's content is its name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in [*names, f"./lib/modules/{RELEASE}/modules.builtin"]:
            data = builtin.encode() if name.endswith("builtin") else name.encode()
            member = tarfile.TarInfo(name)
            packed = lzma.compress(data) if name.endswith(".xz") else data
            member.size = len(packed)
            archive.addfile(member, io.BytesIO(packed))
    stream.seek(0)
    return stream


IMAGE = f"./boot/vmlinuz-{RELEASE}"
ALL_MODULES = [f"./lib/modules/{RELEASE}/kernel/drivers/{name}.ko" for name in MODULES]


class TestKernel:
    def test_package_is_what_the_meta_package_depends_on(self) -> None:
        text = f"linux-image-cloud-amd64\n  Depends: linux-image-{RELEASE}\n"
        assert kernel_package(text) == f"linux-image-{RELEASE}"

    @pytest.mark.parametrize("text", ["", "linux-image-cloud-amd64\n  Depends: linux-base\n"])
    def test_no_package_says_what_to_do(self, text: str) -> None:
        with pytest.raises(LabError, match=r"no package linux-image-cloud-amd64 \(with a network, run: apt-get update"):
            kernel_package(text)

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            (IMAGE, "vmlinuz"),
            (f"./lib/modules/{RELEASE}/kernel/drivers/virtio/virtio.ko", "01-virtio.ko"),
            (f"./usr/lib/modules/{RELEASE}/kernel/drivers/net/virtio_net.ko.xz", "07-virtio_net.ko"),
            (f"./lib/modules/{RELEASE}/kernel/drivers/virtio/virtio_mem.ko", None),
            ("./usr/share/doc/linux/virtio", None),
        ],
    )
    def test_what_is_taken_of_the_package(self, path: str, name: str | None) -> None:
        assert wanted(path) == name

    def test_modules_come_in_loading_order(self, tmp_path: Path) -> None:
        folder = tmp_path / RELEASE
        folder.mkdir()
        unpack(package([IMAGE, *reversed(ALL_MODULES)]), folder)
        kernel = find_kernel(tmp_path)
        assert kernel is not None
        assert kernel.release == RELEASE
        assert kernel.image.read_text() == IMAGE
        assert [module.name for module in kernel.modules] == [module_file(n) for n in range(len(MODULES))]

    def test_packed_modules_are_unpacked(self, tmp_path: Path) -> None:
        unpack(package([IMAGE, *(f"{name}.xz" for name in ALL_MODULES)]), tmp_path)
        assert (tmp_path / "01-virtio.ko").read_text() == f"{ALL_MODULES[1]}.xz"

    def test_built_in_modules_need_no_file(self, tmp_path: Path) -> None:
        unpack(package([IMAGE, *ALL_MODULES[:-2]], "kernel/a/virtio-rng.ko\nkernel/b/qemu_fw_cfg.ko\n"), tmp_path)
        assert not (tmp_path / module_file(len(MODULES) - 1)).exists()

    def test_what_is_missing_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match=r"lacks what a guest needs: vmlinuz, virtio_ring$"):
            unpack(package(ALL_MODULES[1:]), tmp_path)

    def test_no_kernel_yet(self, tmp_path: Path) -> None:
        assert find_kernel(tmp_path) is None


def test_a_busybox_without_init_is_refused(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    kernel = kernels_folder(cache) / RELEASE
    kernel.mkdir(parents=True)
    (kernel / KERNEL).write_text("kernel")
    program = tmp_path / "busybox"
    program.write_text("#!/bin/sh\necho /\n")
    program.chmod(0o755)
    (tmp_path / "empty").mkdir()
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\necho {tmp_path / 'empty'}\n")
    python.chmod(0o755)
    with pytest.raises(LabError, match="has no init; the one of Debian's package busybox-static has"):
        prepare(cache, {"busybox": str(program), "python3": str(python)})


def test_image_is_made_once_and_old_ones_go(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    kernel = kernels_folder(cache) / RELEASE
    kernel.mkdir(parents=True)
    (kernel / KERNEL).write_text("kernel")
    (kernel / module_file(0)).write_text("module")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, script in (("busybox", "echo init one two"), ("python3", f"echo {tmp_path / 'lib'}")):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "lib" / "test").mkdir(parents=True)
    for name in ("json.py", "test/json.py", "notes.txt"):
        (tmp_path / "lib" / name).write_text(name)
    paths = {name: str(programs / name) for name in ("busybox", "python3")}

    image = prepare(cache, paths)
    assert image.kernel_path == f"{kernel.parent.name}/{RELEASE}/vmlinuz"
    root_fs = cache / image.root_fs_path
    members = {name: (mode, data) for name, mode, _, data in read_archive(root_fs.read_bytes())}
    assert members["usr/bin/one"] == (stat.S_IFLNK | 0o777, paths["busybox"].encode())
    assert members[f"usr/lib/modules/{module_file(0)}"][1] == b"module"
    assert members["init"][0] == stat.S_IFREG | 0o755
    library = str(tmp_path / "lib").lstrip("/")
    assert members[f"{library}/json.py"][1] == b"json.py"
    assert f"{library}/test/json.py" not in members
    assert f"{library}/notes.txt" not in members

    made = root_fs.stat().st_mtime_ns
    assert prepare(cache, paths) == image
    assert root_fs.stat().st_mtime_ns == made
    for second in (1, 2):
        os.utime(programs / "busybox", (second, second))
        latest = prepare(cache, paths)
    assert not root_fs.exists()
    assert (cache / latest.root_fs_path).exists()
    assert len(list(cache.glob("initramfs-*"))) == 2
