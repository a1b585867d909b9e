"""How much is tried, and from which seed: the same cases in every run, more of them where the environment says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))
"""Cases an operation of the document; the other tests take shares of it."""
SEED = int(os.environ.get("FUZZ_SEED", "0"))

_T = TypeVar("_T")


def bounded(examples: int, **also: Any) -> hypothesis.settings:
    """So many examples, each once and however long it takes; nothing is kept for the next run."""
    return hypothesis.settings(
        max_examples=max(1, examples),
        phases=[Phase.explicit, Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **also,
    )


def drawn(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For a test under `@given`: so many examples from the run's seed."""
    return lambda test: hypothesis.seed(SEED)(bounded(examples)(test))


def spread(found: Sequence[_T], number: int) -> list[_T]:
    """At most `number` of them, evenly from all over; another seed picks others."""
    if len(found) <= number:
        return list(found)
    return [found[(index * len(found) // number + SEED) % len(found)] for index in range(number)]
