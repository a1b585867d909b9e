"""Nudges: empty messages that say "there is something new to read". What is new stands in the rows."""

from __future__ import annotations

import logging
import time
from functools import cache, partial

import redis
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

PREFIX = "nudge:"
REST_AFTER_FAILURE_S = 1.0
LOG_EVERY_S = 60.0


class _Silence:
    """How long a broken Redis is left alone, so that a request never pays for it twice, and when to speak of it."""

    def __init__(self) -> None:
        self._until = 0.0
        self._logged_at = -LOG_EVERY_S

    def holds(self) -> bool:
        return time.monotonic() < self._until

    def begin(self, error: Exception) -> None:
        now = time.monotonic()
        self._until = now + REST_AFTER_FAILURE_S
        if now - self._logged_at >= LOG_EVERY_S:
            self._logged_at = now
            log.warning("nudges are lost while redis is away, streams poll slowly instead: %s", error)


_silence = _Silence()


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


def nudge_on_commit(*channels: str, using: str = "default") -> None:
    """Nudge when the transaction open on `using` commits; at once when none is open, never when it rolls back."""
    transaction.on_commit(partial(nudge, *channels), using=using, robust=True)


@cache
def _client(url: str) -> redis.Redis:
    # One retry: after Redis restarts, a pooled connection is found dead only by using it.
    return redis.Redis.from_url(
        url, socket_connect_timeout=0.5, socket_timeout=1.0, socket_keepalive=True, retry=Retry(NoBackoff(), 1)
    )
