"""Counters, histograms and gauges for Prometheus, shown together for all processes of a host by any one of them.

Where PROMETHEUS_MULTIPROC_DIR names a folder, each process writes its figures into files there, mapped into its memory.
A file belongs to a slot such as `worker-0`, not to a process: the next worker takes it over and counts on, so a restart
is no reset and leaves no file behind. Who has a slot is told by a lock that the kernel lets go of.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import count
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

PREFIX = "orchestrator"
QUICK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SLOW_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
_own = CollectorRegistry()


class _Slots:
    """Which slot this process writes to. A fork gets another: two writers would spoil a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._role = "other"
        self._slot = ""
        self._pid = 0
        self._is_set_up = False
        self._held: list[int] = []

    def name(self, role: str) -> None:
        self._role = role

    def __call__(self) -> str:
        if self._pid == os.getpid():
            return self._slot
        if not self._is_set_up:  # the library's first question, before anybody could say what this process is
            self._is_set_up = True
            return "none"
        self._slot, self._pid = self._claimed(), os.getpid()
        return self._slot

    def _claimed(self) -> str:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in count():
            slot = f"{self._role}-{number}"
            descriptor = os.open(self._folder / f"{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(descriptor, fcntl.LOCK_EX):
                self._held.append(descriptor)
                return slot
            os.close(descriptor)
        raise AssertionError("numbers do not end")


class _Files(MultiProcessCollector):
    """All processes' figures; but a gauge of a process that is gone says nothing any more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in self._folder.glob("*.db") if not _is_stale(file)]
        found: Iterable[Metric] = self.merge(files)  # type: ignore[no-untyped-call]
        return found


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_stale(file: Path) -> bool:
    kind, _, rest = file.stem.partition("_")
    if kind != "gauge":
        return False
    descriptor = os.open(file.with_name(f"{rest.rpartition('_')[2]}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        return _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


_slots = _Slots(Path(_FOLDER))
if _FOLDER:
    values.ValueClass = values.MultiProcessValue(_slots)  # type: ignore[no-untyped-call]


def name_process(role: str) -> None:
    """Say what this process is (`web`, `worker`, …), before it counts anything."""
    _slots.name(role)


def counter(name: str, what: str, labels: Sequence[str]) -> Counter:
    return Counter(f"{PREFIX}_{name}", what, labels, registry=_own)


def histogram(name: str, what: str, labels: Sequence[str], *, buckets_s: Sequence[float]) -> Histogram:
    return Histogram(f"{PREFIX}_{name}_seconds", what, labels, buckets=buckets_s, registry=_own)


@cache
def gauge(name: str, what: str, labels: tuple[str, ...] = ()) -> Gauge:
    """Summed over the processes that live; the same one each time it is asked for.

    Without labels it has a file from its making on: make it where it is set.
    """
    return Gauge(f"{PREFIX}_{name}", what, labels, registry=_own, multiprocess_mode="livesum")


def text(*collectors: Collector) -> bytes:
    """Prometheus' text format: what all processes wrote, or this one where there is no folder, and `collectors`."""
    return generate_latest(_gathered(*collectors))


def serve_where_asked() -> None:
    """On METRICS_PORT of METRICS_HOST (loopback), the same: for a host on which no `web` runs to answer for it."""
    if port := os.environ.get("METRICS_PORT"):
        start_http_server(int(port), os.environ.get("METRICS_HOST", "127.0.0.1"), registry=_gathered())


def _gathered(*collectors: Collector) -> CollectorRegistry:
    if _FOLDER:
        Path(_FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    registry = CollectorRegistry(auto_describe=False)
    for collector in (_Files(Path(_FOLDER)) if _FOLDER else _Own(), *collectors):
        registry.register(collector)
    return registry


class _Own(Collector):
    def collect(self) -> Iterator[Metric]:
        return iter(_own.collect())
