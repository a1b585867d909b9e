"""Sliding windows in Redis: how often something may happen within any so many seconds, in all processes together.

A window is ten slots. An event counts until the whole of its slot is older than the window, so no stretch of that
length ever holds more than the limit; its room comes back up to a tenth of the window late. One script looks at all
windows of a request and counts in all or in none, on Redis's own clock.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import NoScriptError
from redis.retry import Retry

from common.lines import redis as lines
from common.silence import Silence

logger = logging.getLogger(__name__)

PREFIX = "window:"
_SCRIPT = """
local SLOTS = 10
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cost = tonumber(ARGV[1])
local reply, allowed = {1}, true
for i, key in ipairs(KEYS) do
    local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local width = window / SLOTS
    local oldest = math.floor(now / width) - SLOTS
    local found, live, used = redis.call('HGETALL', key), {}, 0
    for j = 1, #found, 2 do
        local slot, count = tonumber(found[j]), tonumber(found[j + 1])
        if slot < oldest then
            redis.call('HDEL', key, found[j])
        else
            used = used + count
            live[#live + 1] = {slot, count}
        end
    end
    table.sort(live, function(a, b) return a[1] < b[1] end)
    local left, room_in = used, 0
    for _, entry in ipairs(live) do
        if room_in > 0 and left + cost <= limit then break end
        left = left - entry[2]
        room_in = (entry[1] + 1) * width + window - now
    end
    if used + cost > limit then
        allowed = false
        if #live == 0 then room_in = window end
    end
    reply[#reply + 1] = used
    reply[#reply + 1] = math.ceil(room_in)
end
if not allowed then
    reply[1] = 0
elseif cost > 0 then
    for i, key in ipairs(KEYS) do
        local window = tonumber(ARGV[2 * i + 1])
        local width = window / SLOTS
        redis.call('HINCRBY', key, string.format('%.0f', math.floor(now / width)), cost)
        redis.call('PEXPIRE', key, window + width)
    end
end
return reply
"""
_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` events of `name` within any `window_s` seconds."""

    name: str
    limit: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a window stands after the request: `used` of its limit, and when there is more room (or any at all)."""

    window: Window
    used: int
    room_in_s: float

    @property
    def remaining(self) -> int:
        return max(0, self.window.limit - self.used)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether there was room in every window; only then it was counted, in each of them."""

    allowed: bool
    standings: tuple[Standing, ...]

    @property
    def tightest(self) -> Standing:
        """The one that refuses for longest, or else the one with the least room."""
        full = [one for one in self.standings if not self.allowed and one.remaining == 0]
        return max(full, key=lambda one: one.room_in_s) if full else min(self.standings, key=lambda one: one.remaining)


_silence = Silence(logger, "nothing is limited while redis is away")


def spend(windows: Sequence[Window], *, cost: int = 1) -> Verdict | None:
    """Count one event in all of `windows`, if each has room for it; one round trip. With `cost=0` it only looks.

    None: Redis does not answer. Then there is no limit, which is better than no service; a log line a minute says so.
    """
    if _silence.holds():
        return None
    keys, arguments = _asked(windows, cost)
    try:
        return _told(windows, cost, _script(settings.REDIS_URL)(keys=keys, args=arguments))
    except (redis.RedisError, OSError) as error:
        _silence.begin(error)
        return None


async def spend_soon(windows: Sequence[Window]) -> Verdict | None:
    """`spend` for the event loop."""
    if not lines.can(settings.REDIS_URL):
        return await asyncio.to_thread(spend, windows)
    if _silence.holds():
        return None
    try:
        found = await lines.of_this_loop(settings.REDIS_URL).run_script(_SCRIPT, _SHA, *_asked(windows, 1))
    except (redis.RedisError, OSError) as error:
        _give_up(error)
        return None
    return _told(windows, 1, found)


def spend_now(windows: Sequence[Window]) -> Awaitable[Verdict | None] | None:
    """`spend_soon`, whose question is on its way when this returns: before all that are asked here later. None: there
    is no line to ask over."""
    if _silence.holds() or not lines.can(settings.REDIS_URL):
        return None
    keys, arguments = _asked(windows, 1)
    reply = lines.of_this_loop(settings.REDIS_URL).send("EVALSHA", _SHA, len(keys), *keys, *arguments)
    return None if reply is None else _heard(windows, reply)


async def _heard(windows: Sequence[Window], reply: Awaitable[list[int]]) -> Verdict | None:
    try:
        async with asyncio.timeout(lines.WITHIN_S):
            return _told(windows, 1, await reply)
    except NoScriptError:  # it has been restarted, and nothing was counted
        return await spend_soon(windows)
    except (redis.RedisError, OSError) as error:
        _give_up(error)
        return None


def _give_up(error: Exception) -> None:
    """The loop's line may be one that nothing comes over any more: the next question makes another."""
    lines.of_this_loop(settings.REDIS_URL).close()
    _silence.begin(error)


def _asked(windows: Sequence[Window], cost: int) -> tuple[list[str], list[int]]:
    arguments = [cost]
    for window in windows:
        arguments += [window.limit, window.window_s * 1000]
    return [PREFIX + one.name for one in windows], arguments


def _told(windows: Sequence[Window], cost: int, found: list[int]) -> Verdict:
    counted = cost if found[0] else 0
    pairs = zip(windows, found[1::2], found[2::2], strict=True)
    return Verdict(bool(found[0]), tuple(Standing(one, used + counted, room / 1000) for one, used, room in pairs))


@lru_cache(maxsize=1)
def _script(url: str) -> Script:
    # One retry: after Redis restarts, a pooled connection is found dead only by using it.
    client = redis.Redis.from_url(url, socket_connect_timeout=0.25, socket_timeout=0.5, retry=Retry(NoBackoff(), 1))
    return client.register_script(_SCRIPT)
