"""Who holds each open stream, as the token says that opened it; the hub asks, and has those ended who may no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common.tokens import Bearer, Claims

REMEMBERED_S = 3_700.0
"""Longer than any token opens a stream: until then whoever was ended is not let in by one they still have."""
LATELY_S = 60.0
"""For so long the hub is told of who asked for an answer and holds nothing: a few of its rounds."""


class Ended(Exception):
    """The bearer of this token may no more."""


@dataclass(eq=False, slots=True)
class Hold:
    """One open stream; its `bearer` is another once a page has shown a newer token."""

    bearer: Bearer
    life: asyncio.Timeout


class Bearers:
    """In memory: a new gateway has no streams, and learns whom it need not let in within one round of the hub's."""

    def __init__(self) -> None:
        self._holds: set[Hold] = set()
        self._ended: dict[Bearer, float] = {}
        self._lately: dict[Bearer, float] = {}

    @asynccontextmanager
    async def holding(self, claims: Claims, *, at_most_s: float | None = None) -> AsyncIterator[Hold]:
        """The time of a stream.

        Raises:
            Ended: its bearer was ended before.
            TimeoutError: its bearer is ended in its midst, or `at_most_s` are over.
        """
        self.must_stand(claims)
        async with asyncio.timeout(at_most_s) as life:
            hold = Hold(claims.bearer, life)
            self._holds.add(hold)
            try:
                yield hold
            finally:
                self._holds.discard(hold)

    def must_stand(self, claims: Claims) -> None:
        """Raises `Ended`."""
        if claims.bearer in self._ended:
            raise Ended("whoever asked for this address may not have it any more")

    def came(self, claims: Claims) -> None:
        """Its bearer asks for a single answer, which is over before the hub could see it. Raises `Ended`."""
        self.must_stand(claims)
        self._lately[claims.bearer] = time.monotonic()

    def known(self) -> list[Bearer]:
        """Each of those with open streams, of those who came lately, and of those who were ended and might come back
        with an old token."""
        now = time.monotonic()
        self._ended = {bearer: since for bearer, since in self._ended.items() if since > now - REMEMBERED_S}
        self._lately = {bearer: since for bearer, since in self._lately.items() if since > now - LATELY_S}
        return list({hold.bearer for hold in self._holds} | self._ended.keys() | self._lately.keys())

    def end(self, gone: Collection[Bearer]) -> int:
        """End the streams of `gone`, the number of them. Whoever was ended before and is not in it may come again."""
        now = time.monotonic()
        self._ended = {bearer: self._ended.get(bearer, now) for bearer in gone}
        self._lately = {bearer: since for bearer, since in self._lately.items() if bearer not in self._ended}
        ended = [hold for hold in self._holds if hold.bearer in self._ended and not hold.life.expired()]
        for hold in ended:
            hold.life.reschedule(asyncio.get_running_loop().time())
        return len(ended)
