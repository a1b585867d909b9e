"""From POST to `running`, against the bare desktop in the same sandbox; and where the time of a start goes."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from bench.bare import FLOORS, start_bare
from bench.measure import alternate, verdict
from bench.platform import Platform

GOALS: dict[str, float | None] = {"ubuntu": 2.0, "browser": 1.5, "windows": None}
"""How many times the floor a start may take; for windows the ratio is only shown."""

_WITHIN_S = 180.0


def run(platform: Platform, flavour: str, *, rounds: int) -> None:
    """Print the medians, their ratio, and what the platform's own history says of the way there."""
    starts = _Starts(platform, flavour)
    started, bare = alternate((starts.start, lambda: start_bare(flavour)), rounds=rounds, within_s=_WITHIN_S)
    ratio = started.median / bare.median
    print(f"start.{flavour}   ({len(started.took_ms)} rounds)")
    print(f"  POST to running {started.median:7.0f} ms   least {started.least:.0f}")
    print(f"  floor           {bare.median:7.0f} ms   least {bare.least:.0f}   {FLOORS[flavour]}")
    print(f"  ratio           {ratio:7.2f}      {verdict(ratio, GOALS[flavour])}")
    print(f"  on the way      {starts.way()}\n", flush=True)


@dataclass(slots=True)
class _Starts:
    platform: Platform
    flavour: str
    stages: dict[str, list[float]] = field(default_factory=dict)

    def start(self) -> float:
        """Milliseconds from the request to the answer that it runs."""
        begun, begun_at = time.perf_counter(), time.time()
        instance_id = self.platform.request(self.flavour)
        try:
            self.platform.await_status(instance_id, "running")
            took_ms = (time.perf_counter() - begun) * 1000
            self._note(instance_id, begun_at, took_ms)
        finally:
            self.platform.delete(instance_id)
        return took_ms

    def way(self) -> str:
        """The median of each stage, in the order they come."""
        return "   ".join(f"{name} {statistics.median(took):.0f}" for name, took in self.stages.items())

    def _note(self, instance_id: str, begun_at: float, took_ms: float) -> None:
        """The clock of the events is this machine's own, so they can be laid beside ours."""
        marks = [("POST", begun_at)]
        for event in self.platform.history(instance_id):
            marks.append((event["kind"], datetime.fromisoformat(event["created_at"]).timestamp()))
        marks.append(("answered", begun_at + took_ms / 1000))
        for (_, before), (name, at) in pairwise(marks):
            self.stages.setdefault(name, []).append((at - before) * 1000)
