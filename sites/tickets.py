"""Tickets: one entry each, for sockets and EventSource, which cannot send a key in a header."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

import orjson
import redis
from django.conf import settings
from django.utils import timezone

from common.errors import NotSignedIn
from sites.principal import Principal

LIFETIME = timedelta(seconds=30)


def issue(principal: Principal) -> tuple[str, datetime]:
    """A ticket that lets `principal` in once, and when it stops doing so."""
    ticket = f"ticket_{secrets.token_urlsafe(32)}"
    _redis().set(_name(ticket), _packed(principal), ex=LIFETIME)
    return ticket, timezone.now() + LIFETIME


def redeem(ticket: str) -> Principal:
    """Who `ticket` was issued to. It is spent by this, whatever comes after.

    A key revoked since it was issued still gets in; `keys.check_standing` is what ends a connection.

    Raises:
        NotSignedIn: it is unknown, spent, or more than 30 seconds old.
    """
    packed = _redis().getdel(_name(ticket))
    if packed is None:
        raise NotSignedIn()
    return _unpacked(packed)


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)


def _name(ticket: str) -> str:
    # Only a hash: a look into Redis gives nobody a ticket.
    return "ticket:" + hashlib.sha256(ticket.encode(errors="surrogatepass")).hexdigest()


def _packed(principal: Principal) -> bytes:
    fields = {
        "site_id": principal.site_id,
        "user_id": principal.user_id,
        "role": principal.role,
        "scopes": sorted(principal.scopes),
        "agent_id": principal.agent_id,
        "key_id": principal.key_id,
    }
    return orjson.dumps(fields)


def _unpacked(packed: bytes | str) -> Principal:
    fields = orjson.loads(packed)
    bare = Principal(
        UUID(fields["site_id"]), UUID(fields["user_id"]), fields["role"], frozenset(fields["scopes"]), "ticket"
    )
    agent_id, key_id = fields["agent_id"], fields["key_id"]
    return replace(bare, agent_id=agent_id and UUID(agent_id), key_id=key_id and UUID(key_id))
