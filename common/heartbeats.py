"""Signs of life between processes: "the sweep ran", "beat sent", each with the moment, in Redis."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import lru_cache

import redis
from django.conf import settings

from common import clock

logger = logging.getLogger(__name__)
_KEPT_S = 3600


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """The process's pooled Redis client; quick to give up, so that no request hangs on a lost Redis."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=1)


def mark(name: str) -> None:
    """Say that `name` was alive just now. A lost Redis is no error here: health will show it."""
    try:
        client().set(f"alive:{name}", clock.now().isoformat(), ex=_KEPT_S)
    except redis.RedisError as error:
        logger.warning("could not mark %s alive: %s", name, error)


def last(name: str) -> datetime | None:
    """When `name` was last alive, or None when not within the hour.

    Raises:
        redis.RedisError: Redis does not answer.
    """
    found = client().get(f"alive:{name}")
    return datetime.fromisoformat(found.decode()) if isinstance(found, bytes) else None
