"""Fifty actions under way at any time, on ten desktops: whether each one is answered."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any

import urllib3

from bench.platform import Platform, Refused

DESKTOPS, AT_ONCE, EACH = 10, 50, 10
_ACTIONS: tuple[dict[str, Any], ...] = (
    {"type": "click", "x": 1200, "y": 700},
    {"type": "type", "text": "many at once"},
    {"type": "bash", "command": "true"},
    {"type": "screenshot", "format": "jpeg"},
    {"type": "cursor_position"},
)


def run(platform: Platform) -> bool:
    """Print how many were answered, how soon, and what went wrong. False where something did."""
    desktops = [platform.request("ubuntu") for _ in range(DESKTOPS)]
    try:
        for desktop in desktops:
            platform.await_status(desktop, "running")
        begun = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as crowd:
            told = list(crowd.map(_act, [platform] * AT_ONCE, islice(cycle(desktops), AT_ONCE), range(AT_ONCE)))
        took_s = time.perf_counter() - begun
    finally:
        for desktop in desktops:
            platform.delete(desktop)
    return _report(
        [ms for took, _ in told for ms in took], Counter(fault for _, found in told for fault in found), took_s
    )


def _act(platform: Platform, desktop: str, number: int) -> tuple[list[float], list[str]]:
    """One after the other on a connection of its own: milliseconds, and the faults."""
    took, faults = [], []
    own = Platform(platform.url, platform.key)
    for action in islice(cycle(_ACTIONS), number, number + EACH):
        begun = time.perf_counter()
        try:
            own.act(desktop, action)
        except (Refused, urllib3.exceptions.HTTPError) as fault:
            faults.append(str(fault)[:120])
        took.append((time.perf_counter() - begun) * 1000)
    own.close()
    return took, faults


def _report(took: list[float], faults: Counter[str], took_s: float) -> bool:
    wrong = sum(faults.values())
    print(f"actions.together   ({AT_ONCE} at once on {DESKTOPS} desktops, {len(took)} in all)")
    print(f"  median {statistics.median(took):.0f} ms   longest {max(took):.0f} ms   {len(took) / took_s:.0f} a second")
    print(f"  errors {wrong}   goal 0: {'met' if not wrong else 'MISSED'}")
    for fault, times in faults.most_common(5):
        print(f"  {times} times: {fault}")
    print(flush=True)
    return not wrong
