"""How we measure: a thing and its floor in turns, medians, and a ratio that holds on a busy machine as well."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_FEWEST = 3

Measure = Callable[[], float]
"""Does it once and returns its milliseconds."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Milliseconds of one thing, each taken once in every round."""

    took_ms: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.took_ms)

    @property
    def least(self) -> float:
        return min(self.took_ms)


def alternate(measures: Sequence[Measure], *, rounds: int, within_s: float) -> list[Samples]:
    """Each of `measures` once a round, for `rounds` rounds or as many as `within_s` allows, but three at least.

    A round before the first is not counted: it fills caches. In turns, so that whatever else the machine does falls on
    all of them alike.
    """
    took: list[list[float]] = [[] for _ in measures]
    deadline = time.monotonic() + within_s
    for number in range(rounds + 1):
        if number > _FEWEST and time.monotonic() > deadline:
            break
        for measure, kept in zip(measures, took, strict=True):
            taken_ms = measure()
            if number:
                kept.append(taken_ms)
    return [Samples(tuple(kept)) for kept in took]


def timed(work: Callable[[], object]) -> Measure:
    """`work` as a measure of its whole duration."""

    def measure() -> float:
        begun = time.perf_counter()
        work()
        return (time.perf_counter() - begun) * 1000

    return measure


def verdict(value: float, goal: float | None) -> str:
    """Whether a goal was reached, in words; nothing where there is none."""
    if goal is None:
        return ""
    return f"goal {goal:g}: {'met' if value <= goal else 'MISSED'}"


def verdict_of_least(value: float, goal: float) -> str:
    """The same for a goal that is a least."""
    return f"goal {goal:g} or more: {'met' if value >= goal else 'MISSED'}"


def load() -> str:
    """How busy the machine is, for whoever reads the figures."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
