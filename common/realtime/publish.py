"""Nudges: empty messages that say "there is something new to read". What is new stands in the rows."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from contextlib import suppress
from functools import cache, partial
from queue import Empty, SimpleQueue
from weakref import WeakKeyDictionary

import redis
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from common.lines import redis as lines
from common.silence import Silence

log = logging.getLogger(__name__)

PREFIX = "nudge:"
TOGETHER_S = 0.003

_silence = Silence(log, "nudges are lost while redis is away, streams poll slowly instead")


def nudge(*channels: str) -> None:
    """Wake whoever listens on `channels`, in any process. Call it after the commit; see `nudge_on_commit`.

    Never raises and never waits long: with Redis away the nudge is lost and the streams find the rows by their poll.
    """
    if not channels or _silence.holds():
        return
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
            for channel in dict.fromkeys(channels):
                pipeline.publish(PREFIX + channel, b"")
            pipeline.execute()
    except (redis.RedisError, OSError) as error:
        _silence.begin(error)


def nudge_soon(*channels: str) -> None:
    """`nudge` by a thread of its own, so that whoever answers a request need not wait for Redis; after the commit.

    What waits together is said once.
    """
    _talker(os.getpid()).put(channels)


def nudge_from_loop(*channels: str) -> None:
    """`nudge_soon` for the event loop: a moment later, so that the answer goes first and what comes together is said
    once."""
    loop = asyncio.get_running_loop()
    waiting = _untold.setdefault(loop, {})
    if not waiting:
        loop.call_later(TOGETHER_S, _tell, waiting)
    waiting |= dict.fromkeys(channels)


def nudge_on_commit(*channels: str, using: str = "default") -> None:
    """Nudge when the transaction open on `using` commits; at once when none is open, never when it rolls back."""
    transaction.on_commit(partial(nudge, *channels), using=using, robust=True)


def _tell(waiting: dict[str, None]) -> None:
    channels = list(waiting)
    waiting.clear()
    if not lines.of_this_loop(settings.REDIS_URL).publish(*(PREFIX + channel for channel in channels)):
        nudge_soon(*channels)


_untold: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, None]] = WeakKeyDictionary()


@cache
def _talker(_process: int) -> SimpleQueue[tuple[str, ...]]:
    """By process: a fork has no thread of its parent's."""
    waiting: SimpleQueue[tuple[str, ...]] = SimpleQueue()
    threading.Thread(target=_talk, args=(waiting,), name="nudges", daemon=True).start()
    return waiting


def _talk(waiting: SimpleQueue[tuple[str, ...]]) -> None:
    while True:
        channels = dict.fromkeys(waiting.get())
        with suppress(Empty):
            while True:
                channels |= dict.fromkeys(waiting.get_nowait())
        nudge(*channels)


@cache
def _client(url: str) -> redis.Redis:
    # One retry: after Redis restarts, a pooled connection is found dead only by using it.
    return redis.Redis.from_url(
        url, socket_connect_timeout=0.5, socket_timeout=1.0, socket_keepalive=True, retry=Retry(NoBackoff(), 1)
    )
