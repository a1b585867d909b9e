"""Counting an action while it is under way, where there is so much room that the count cannot refuse it.

An action goes ahead of its count's reply when each of its windows had half of its limit left a moment ago, and less
than an eighth of it is ahead already. The question is on its way then, before those of all later actions here. So one
too many gets through only where other processes use up half of a limit within the moment that a reply takes.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Mapping

from common import bars, windows
from common.windows import Verdict, Window
from sites import limits, quotas
from sites.principal import Principal
from sites.quotas import Limits

KNOWN_S = 1.0
_MOST = 10_000

_roomy: dict[tuple[str, ...], float] = {}
_ahead: Counter[str] = Counter()


class Counting:
    """One request and one action of a principal."""

    def __init__(self, principal: Principal, site_limits: Limits, secret: str) -> None:
        self._secret = secret
        self._own = limits.windows_of(principal)
        action = quotas.action_window(principal.site_id, site_limits)
        self._windows = self._own if action is None else [*self._own, action]
        self._names = tuple(window.name for window in self._windows)
        self._under_way: asyncio.Task[Mapping[str, str]] | None = None
        self.headers: Mapping[str, str] = {}

    async def begin(self) -> None:
        """Return when the action may begin.

        Raises:
            RateLimited, TooMany: it is one too many.
        """
        if not self._windows:
            return
        asked = windows.spend_now(self._windows) if _has_room(self._names, self._windows) else None
        if asked is not None:
            _ahead.update(self._names)
            self._under_way = asyncio.create_task(self._count_beside(asked))
        else:
            self._judge(self._noted(await windows.spend_soon(self._windows)))

    async def end(self) -> None:
        """Return when it is counted, and `headers` are those of the answer."""
        if self._under_way is not None:
            self.headers = await self._under_way

    async def _count_beside(self, asked: Awaitable[Verdict | None]) -> Mapping[str, str]:
        try:
            return limits.judged(self._own, self._noted(await asked)).headers
        except limits.RateLimited as refusal:  # others were quicker; this one is done
            return refusal.headers
        finally:
            _back(self._names)

    def _noted(self, verdict: Verdict | None) -> Verdict | None:
        if verdict is not None and all(one.remaining * 2 >= one.window.limit for one in verdict.standings):
            if len(_roomy) >= _MOST:
                _roomy.clear()
            _roomy[self._names] = time.monotonic() + KNOWN_S
        else:
            _roomy.pop(self._names, None)
        return verdict

    def _judge(self, verdict: Verdict | None) -> None:
        try:
            admitted = limits.judged(self._own, verdict)
        except limits.RateLimited as refusal:
            bars.bar(self._secret, refusal, refusal.headers)
            self.headers = refusal.headers
            raise
        self.headers = admitted.headers
        if len(self._windows) > len(self._own):
            quotas.must_have_room(admitted.beside)


def _back(names: tuple[str, ...]) -> None:
    for name in names:
        _ahead[name] -= 1
        if not _ahead[name]:
            del _ahead[name]


def _has_room(names: tuple[str, ...], wanted: list[Window]) -> bool:
    return _roomy.get(names, 0.0) > time.monotonic() and all(_ahead[one.name] * 8 < one.limit for one in wanted)
