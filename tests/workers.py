"""How several pytest processes share a run (`-n 2`): each has servers of its own, one has the whole platform."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from tests import counts

PLATFORM = "platform"


class ByFile(LoadGroupScheduling):
    """A file's tests stay together, for its fixtures' sake, and all that ask for the platform go to one process."""

    def _split_scope(self, nodeid: str) -> str:
        """The group of a test that has one, else its file."""
        return str(super()._split_scope(nodeid)).split("::", 1)[0]


def group(items: list[pytest.Item]) -> None:
    for item in items:
        if needs_platform(item):
            item.add_marker(pytest.mark.xdist_group(PLATFORM))


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
