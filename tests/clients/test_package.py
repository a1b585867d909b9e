"""The package by itself: what is generated is current, it needs nothing of the server, and it builds."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import yaml

from tests.services import OUTSIDE

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "clients" / "python"
SOURCE = PACKAGE / "src" / "orchestrator_client"
OURS = {"orchestrator", "instances", "sites", "plans", "common", "guest", "gateway", "infra", "facades", "django"}
# Which operations stand in the client by hand, or are for pages and not for programs.
BY_HAND = {
    "create_instance_action",
    "get_health",
    "get_instance_log_tail",
    "get_instance_screenshot",
    "get_instance_wait",
    "get_log_tail",
}
UNTOLD = {"get_root"}


def test_what_is_generated_is_current() -> None:
    ran = subprocess.run(
        [sys.executable, PACKAGE / "generator", "--check"], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_operation_of_the_api_has_a_method() -> None:
    document = yaml.load((CHECKOUT / "docs" / "openapi.yaml").read_text(), Loader=yaml.CSafeLoader)
    by_hand = "".join(path.read_text() for path in (SOURCE / "_async").glob("*.py"))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            told = method in ("parameters", "put") or operation["operationId"] in UNTOLD | BY_HAND
            assert told or not path.startswith("/api/") or f"`{method.upper()} {path}`" in by_hand, (method, path)


def test_both_halves_have_the_same_methods() -> None:
    def named(folder: str) -> dict[str, list[str]]:
        found = {}
        for path in sorted((SOURCE / folder).glob("*.py")):
            functions = [node for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "args")]
            names = [node.name for node in functions if hasattr(node, "name")]
            found[path.name] = [
                name.removeprefix("__a").removeprefix("__").replace("aclose", "close") for name in names
            ]
        return found

    assert named("_async") == named("_sync")


def test_it_imports_nothing_of_the_server() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & OURS, path


def test_the_wheel_holds_the_types_and_the_command_and_works_elsewhere(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    build = [uv, "build", "--wheel", "--offline", "--no-build-isolation", "--python", sys.executable]
    # A copy, since setuptools leaves a folder of its own beside what it builds.
    copied = shutil.copytree(PACKAGE, tmp_path / "package", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    subprocess.run([*build, "--out-dir", tmp_path, copied], check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
        (entries,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "orchestrator = orchestrator_client.cli:main" in archive.read(entries).decode()
    assert (tmp_path / "installed" / "orchestrator_client" / "py.typed").exists()
    program = "import sys; sys.path.insert(0, sys.argv.pop()); from orchestrator_client.cli import main; main()"
    asked = [sys.executable, "-c", program, "--version", str(tmp_path / "installed")]
    said = subprocess.run(asked, cwd=tmp_path, env=OUTSIDE, check=True, capture_output=True, text=True, timeout=60)
    assert said.stdout == "0.1.0\n"
