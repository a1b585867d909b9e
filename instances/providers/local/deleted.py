"""Files that a machine has deleted and still holds open: they take the host's disk, and no folder shows them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

MOST_OPEN = 100_000
"""Descriptors of one machine that are looked at: some hundreds of milliseconds."""


def measure(first_pid: int, home: Path) -> tuple[int, int]:
    """How many MiB they take on the disk of `home`, and how many descriptors were looked at.

    `first_pid` is the sandbox's first process: all others descend from it, since who loses a parent becomes its child.
    """
    device = home.stat().st_dev
    taken: dict[int, int] = {}
    looked = 0
    for descriptor in _descriptors(first_pid):
        looked += 1
        if looked > MOST_OPEN:
            break
        with contextlib.suppress(OSError):
            file = Path(descriptor).stat()  # of the open file itself: nothing is opened, and no name is followed
            if file.st_nlink == 0 and file.st_dev == device and stat.S_ISREG(file.st_mode):
                taken[file.st_ino] = file.st_blocks * 512
    return sum(taken.values()) // 2**20, looked


def _descriptors(first_pid: int) -> Iterator[str]:
    for pid in _family(first_pid):
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as descriptors:
            yield from (descriptor.path for descriptor in descriptors)


def _family(first_pid: int) -> Iterator[int]:
    waiting, seen = [first_pid], {0}
    while waiting:
        pid = waiting.pop()
        if pid in seen:
            continue
        seen.add(pid)
        yield pid
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                waiting += map(int, children.read_text().split())
