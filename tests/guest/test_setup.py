"""The guest as a package: it builds, installs alone, starts, and what it puts on a machine is sound."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from guest.config import Config
from guest.setup import linux
from tests.guest.desk import ROOT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
UNIT = ROOT / "guest/setup/machine-guest.service"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but the wheel's content."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "guest", source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    uv = Path(sys.executable).with_name("uv")
    build = [uv, "build", "--quiet", "--wheel", "--out-dir"] if uv.exists() else [*PIP, "wheel", "--no-deps", "-w"]
    subprocess.run([*build, folder, source], check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("machine_guest-*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, folder / "site"], check=True, timeout=60)
    return folder / "site"


def _python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin", "GUEST_CONFIG": "/nonexistent"}
    argv = [sys.executable, "-P", *arguments]
    return subprocess.run(argv, env=environment, cwd=site, capture_output=True, text=True, timeout=60)


def test_every_module_is_in_the_wheel(installed: Path) -> None:
    def modules(root: Path) -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*.py")}

    assert modules(installed / "guest") == modules(ROOT / "guest")
    assert (installed / "guest/setup/machine-guest.service").exists()


def test_installed_alone_it_starts_and_wants_its_configuration(installed: Path) -> None:
    ended = _python(installed, "-m", "guest")
    assert ended.returncode == 2 and "no configuration" in ended.stderr, ended.stderr
    where = _python(installed, "-c", "import guest.program; print(guest.program.__file__)")
    assert where.stdout.startswith(str(installed)), where.stderr


def test_what_is_put_on_a_machine_is_what_the_unit_and_the_guest_read(tmp_path: Path) -> None:
    for _ in range(2):
        linux.put_files(tmp_path)
    unit = (tmp_path / "etc/systemd/system/machine-guest.service").read_text()
    places = json.loads((tmp_path / "var/lib/machine-guest/places.json").read_text())
    assert places.keys() <= {field.name for field in fields(Config)}
    for folder in (places["runtime_dir"], places["private_dir"]):
        assert Path(folder).name in unit.partition("RuntimeDirectory=")[2].splitlines()[0].split()
    assert f"User={linux.USER}" in unit and f"WorkingDirectory={places['home']}" in unit
    assert f"--bootstrap /{linux.STATE}" in unit


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    there = UNIT.read_text().replace("/opt/machine-guest/bin/python", sys.executable)
    (tmp_path / UNIT.name).write_text(there.replace("=desk", "=root"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / UNIT.name)], capture_output=True, text=True, timeout=60
    )
    assert (verified.returncode, verified.stderr) == (0, "")
