"""How several pytest processes share a run (`-n 2`): each has servers of its own, and a platform for its files."""

from __future__ import annotations

from typing import Any

import pytest

from tests import counts


def arrange(items: list[pytest.Item]) -> None:
    """Whoever needs the platform goes first: nothing takes longer, and it is mostly waiting."""
    items.sort(key=lambda item: not needs_platform(item))


def needs_platform(item: pytest.Item) -> bool:
    return "stack" in getattr(item, "fixturenames", ())


def hand_in(config: pytest.Config) -> None:
    """In a worker, at its end: leave what it has to tell for the process that prints the summary."""
    config.workeroutput["counts"] = counts.packed()  # type: ignore[attr-defined]


def collect(node: Any) -> None:
    """In that process, when a worker has ended. One that died has left nothing."""
    counts.add(getattr(node, "workeroutput", {}).get("counts", {"tried": {}, "told": []}))
