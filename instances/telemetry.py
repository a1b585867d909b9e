"""What of instances is counted and timed, beside what stands in their rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from common import metrics, tracing
from common.errors import PlatformError

STEPS = metrics.histogram(
    "step", "One step of an instance, from its lease to its outcome.", ("step", "outcome"), buckets_s=metrics.SLOW_S
)
ACTIONS = metrics.histogram(
    "action", "An action, from our asking to the machine's answer.", ("action", "outcome"), buckets_s=metrics.QUICK_S
)


class Watched:
    """What a step or an action came to; `failed` unless somebody says otherwise."""

    outcome = "failed"


@contextmanager
def step(name: str) -> Iterator[Watched]:
    """Time and trace one step; the block says what it came to."""
    watched, began = Watched(), time.perf_counter()
    try:
        with tracing.span(f"step.{name}") as span:
            yield watched
            span.note(outcome=watched.outcome)
    finally:
        STEPS.labels(name, watched.outcome).observe(time.perf_counter() - began)


@contextmanager
def action(name: str) -> Iterator[None]:
    """Time and trace one action; an error of ours that leaves the block names its outcome by its code."""
    outcome, began = "ok", time.perf_counter()
    try:
        with tracing.span(f"action.{name}", kind="client"):
            yield
    except PlatformError as error:
        outcome = error.code.lower()
        raise
    finally:
        ACTIONS.labels(name, outcome).observe(time.perf_counter() - began)
