"""The wheel: what it installs, and that it works in another folder, without the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from bed_access import PROJECT

from probecost.lab import control


@dataclass(frozen=True)
class Installed:
    """A fresh virtual environment with the wheel, and an empty folder to work in."""

    wheel: Path
    programs: Path
    folder: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of the environment's programs, in the empty folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(self.programs / program), *arguments]
        return subprocess.run(command, cwd=self.folder, env=kept, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Dependencies are this environment's; nothing is downloaded."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    options = ["--no-index", "--no-deps"]
    source = place / "source"
    subprocess.run(["git", "clone", "-q", str(PROJECT), str(source)], check=True)
    building = [*pip, "wheel", *options, "--no-build-isolation", "-w", str(place), str(source)]
    subprocess.run(building, check=True, capture_output=True)
    (wheel,) = place.glob("probecost-*.whl")
    environment = place / "venv"
    venv.create(environment, symlinks=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)})
    subprocess.run([*pip, "--python", str(environment), "install", *options, str(wheel)], check=True)
    Path(packages, "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (programs := environment / "bin").joinpath("pytest").write_text(
        f"#!{programs / 'python'}\nimport sys, pytest\nsys.exit(pytest.main())\n"
    )
    programs.joinpath("pytest").chmod(0o755)
    folder = place / "elsewhere"
    folder.mkdir()
    return Installed(wheel, programs, folder)


def test_it_installs_one_package(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as content:
        names = content.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"probecost"}
    for needed in (
        "analysis/config.yaml",
        "analysis/report/page/assets/page.css",
        "config/templates/tools.yaml",
        "lab/tools/control/null.sh",
        "lab/tools/packet-drop/eth_drop.bt",
        "perftests/test_ebpf_tools.py",
    ):
        assert f"probecost/{needed}" in names


def test_the_command_works_elsewhere(installed: Installed) -> None:
    where = installed.run("python", "-c", "import probecost; print(probecost.PACKAGE)").stdout
    assert Path(where.strip()).is_relative_to(installed.programs.parent)
    assert "bootstrap" in installed.run("probecost", "--help").stdout


def test_a_pytest_without_environment_is_left_alone(installed: Installed) -> None:
    (installed.folder / "fixtures").mkdir(exist_ok=True)
    (installed.folder / "fixtures" / "__init__.py").write_text("OWN = 1\n")
    (installed.folder / "test_own.py").write_text("from fixtures import OWN\n\ndef test_own(): assert OWN\n")
    done = installed.run("pytest", "-q", "test_own.py")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_bed_is_made_and_its_cases_are_collected(installed: Installed) -> None:
    """``bootstrap --dry-run`` and ``pytest --env lab --collect-only``, with nothing in the folder beforehand."""
    config = installed.folder / "config"
    try:
        done = installed.run("pytest", "--env", "lab", "--collect-only", "-q")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "test_case[host-eth_drop-rx_protocol_tcp]" in done.stdout
        control.up("lab", config)
        asked = installed.run("probecost", "bootstrap", "--dry-run", "--env", "lab")
        assert asked.returncode == 0, asked.stderr
        assert "host-server" in asked.stdout
        assert not (installed.folder / "probecost").exists()
    finally:
        control.down("lab", config)
