"""What a run has tried, told at its end: a test says `tried("escape attempts")`, and the summary has the number."""

from __future__ import annotations

from collections import Counter

_TRIED: Counter[str] = Counter()


def tried(what: str, number: int = 1) -> None:
    _TRIED[what] += number


def lines() -> list[str]:
    """One for each kind of thing, in alphabetical order."""
    return [f"{number:8,} {what}" for what, number in sorted(_TRIED.items())]
