"""docs/howto/add-a-provider.md, word for word: its file, its settings entry and its subclass make a driver."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import instances.providers
from infra.embedded.paths import CHECKOUT
from instances.providers import registry
from instances.providers.base import CanRest, Power, Spec
from orchestrator import providers

PAGE = (CHECKOUT / "docs/howto/add-a-provider.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The two files of the page; the driver's is found as if it lay in `instances/providers`."""
    driver, subclass = _blocks("python")
    (tmp_path / "example.py").write_text(driver)
    (tmp_path / "test_example.py").write_text(subclass)
    monkeypatch.setattr(instances.providers, "__path__", [*instances.providers.__path__, str(tmp_path)])
    yield tmp_path
    sys.modules.pop("instances.providers.example", None)


def test_the_settings_entry_builds_the_driver(saved: Path) -> None:
    (entry,) = _blocks("toml")
    (saved / "providers.toml").write_text(entry.replace("/tmp/example-cloud", str(saved / "cloud")))
    ((name, config),) = providers.read(saved / "providers.toml", defaults={}).items()
    driver = registry._build(name, config)
    assert isinstance(driver, CanRest) and config["boot_within_s"] == 120
    assert driver.inspect(driver.create(Spec("ubuntu"), token="one-1")).power is Power.UP


def test_the_subclass_passes_the_contract(saved: Path) -> None:
    (saved / "conftest.py").write_text(
        f"import instances.providers\ninstances.providers.__path__.append({str(saved)!r})\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:django", "-c", os.devnull]
    done = subprocess.run(
        [*command, f"--rootdir={saved}", str(saved / "test_example.py")],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        cwd=saved,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and re.search(r"\d\d passed", done.stdout), done.stdout + done.stderr
    assert "failed" not in done.stdout
