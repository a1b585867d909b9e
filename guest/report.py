"""How the machine fares: what its processes take of memory and processor, for the heartbeat."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


class Report:
    """One per guest: the load is what was used since the last look. In the sandbox, /proc shows its processes only."""

    def __init__(self) -> None:
        self._ticks = sum(ticks for ticks, _ in _processes())
        self._at = time.monotonic()

    def take(self, restarts: Mapping[str, int]) -> dict[str, Any]:
        """`memory_mib` counts pages that are shared not at all; `load` is processors kept busy."""
        ticks = pages = 0
        for used, held in _processes():
            ticks, pages = ticks + used, pages + held
        now = time.monotonic()
        load = max(0, ticks - self._ticks) / _TICKS_PER_S / max(now - self._at, 0.001)
        self._ticks, self._at = ticks, now
        return {
            "memory_mib": round(pages * _PAGE_BYTES / _MIB),
            "load": round(load, 2),
            "restarts": {name: count for name, count in restarts.items() if count},
        }


def _processes() -> Iterator[tuple[int, int]]:
    """Of each process: ticks of processor time, and pages of its own."""
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in brackets may hold anything, so the fields are counted from the bracket that closes it.
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            resident, shared = (entry / "statm").read_text().split()[1:3]
        except OSError:
            continue
        yield int(fields[11]) + int(fields[12]), int(resident) - int(shared)
