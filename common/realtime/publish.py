"""Nudges: empty messages that say "there is something new to read". What is new stands in the rows."""

from __future__ import annotations

import logging
from functools import cache, partial

import redis
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from common.silence import Silence

log = logging.getLogger(__name__)

PREFIX = "nudge:"

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


def nudge_on_commit(*channels: str, using: str = "default") -> None:
    """Nudge when the transaction open on `using` commits; at once when none is open, never when it rolls back."""
    transaction.on_commit(partial(nudge, *channels), using=using, robust=True)


@cache
def _client(url: str) -> redis.Redis:
    # One retry: after Redis restarts, a pooled connection is found dead only by using it.
    return redis.Redis.from_url(
        url, socket_connect_timeout=0.5, socket_timeout=1.0, socket_keepalive=True, retry=Retry(NoBackoff(), 1)
    )
