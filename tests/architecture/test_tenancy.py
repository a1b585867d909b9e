"""Who may reach past the walls between sites, by the text of our own code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["orchestrator", "facades", "instances", "plans", "sites", "common"]
MAY = {
    "bootstrap.py",
    "reconcile.py",
    "perform.py",
    "startup.py",
    "pools.py",
    "schedules.py",
    "runner.py",
    "fleet.py",
    "lifecycle.py",
    "mailing.py",
    "outbox.py",
    "orphans.py",
    "figures.py",
    "patrol.py",
    "keys.py",
    "standing.py",
    "keeping.py",
    "leases.py",
    "admin.py",
    "admin_base.py",
}
MAY_BENEATH = {"management", "admin", "reconcile"}


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def _reaches(path: Path) -> list[int]:
    """The lines that ask a row of any site; `.everywhere.none()` asks nothing."""
    tree = ast.parse(path.read_text())
    nothing = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "none" and isinstance(node.value, ast.Attribute)
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "everywhere" and id(node) not in nothing
    ]


@pytest.mark.parametrize("path", sorted(_sources()), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_platforms_own_work_reaches_every_site(path: Path) -> None:
    assert path.name in MAY or MAY_BENEATH & set(path.parts) or not _reaches(path)


def test_the_search_would_find_one(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text("Agent.everywhere.none()\nAgent.everywhere.all()\n")
    assert _reaches(sample) == [2]
