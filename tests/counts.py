"""What a run has to tell at its end: `tried("escape attempts")` is added up, `told("9 ms for a scrape")` is a line."""

from __future__ import annotations

from collections import Counter
from typing import Any

_TRIED: Counter[str] = Counter()
_TOLD: list[str] = []


def tried(what: str, number: int = 1) -> None:
    _TRIED[what] += number


def told(line: str) -> None:
    _TOLD.append(line)


def packed() -> dict[str, Any]:
    """All of it, for another process to `add`."""
    return {"tried": dict(_TRIED), "told": _TOLD}


def add(counted: dict[str, Any]) -> None:
    """What another process of this run has `packed`."""
    _TRIED.update(counted["tried"])
    _TOLD.extend(counted["told"])


def lines() -> list[str]:
    """What was tried in alphabetical order, then what was told, each test's lines in their own."""
    return [*(f"{number:8,} {what}" for what, number in sorted(_TRIED.items())), *_TOLD]
