"""Who is connected: one guest an incarnation, the newest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from common import metrics
from gateway.relay import REPLACED, Guest

_MAX_GREETING = 4


class TooMany(Exception):
    """This incarnation has enough connections open that have not said hello."""


class Registry:
    """In memory only: guests redial a new gateway by themselves and say who they are."""

    def __init__(self) -> None:
        self._guests: dict[str, Guest] = {}
        self._counted = metrics.gauge("guests_connected", "Guests whose connection a gateway holds.")
        self._counted.set(0)
        self._greeting: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[Guest]:
        return iter(list(self._guests.values()))

    def find(self, incarnation: str) -> Guest | None:
        return self._guests.get(incarnation)

    @contextmanager
    def greeting(self, incarnation: str) -> Iterator[None]:
        """The time between a connection and its hello. Raises `TooMany`."""
        if self._greeting[incarnation] >= _MAX_GREETING:
            raise TooMany
        self._greeting[incarnation] += 1
        try:
            yield
        finally:
            self._greeting[incarnation] -= 1
            if not self._greeting[incarnation]:
                del self._greeting[incarnation]

    def enter(self, guest: Guest) -> None:
        """`guest` is the one to ask from now on. An older connection of its incarnation is ended."""
        older = self._guests.get(guest.incarnation)
        self._guests[guest.incarnation] = guest
        self._counted.set(len(self._guests))
        if older is not None:
            older.end(REPLACED)

    def leave(self, guest: Guest) -> bool:
        """Forget `guest`. False where a newer connection had taken its place: then nothing has changed."""
        if self._guests.get(guest.incarnation) is not guest:
            return False
        del self._guests[guest.incarnation]
        self._counted.set(len(self._guests))
        return True
