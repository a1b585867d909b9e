"""Where a request comes from: its client's address, for limits and for whoever asks later who it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

address: ContextVar[str | None] = ContextVar("address", default=None)
"""The client's address during a request; None in workers and commands, which nobody asks from outside."""


@contextmanager
def coming_from(client: str | None) -> Iterator[None]:
    """For one request, or for letting in one socket."""
    token = address.set(client)
    try:
        yield
    finally:
        address.reset(token)


def address_of(peer: str | None, forwarded_for: str | None) -> str | None:
    """The client's address: the peer's, or what as many proxies as we trust have passed on; None when it is none.

    `::ffff:192.0.2.1`, as a proxy that listens to both families may write it, is 192.0.2.1.
    """
    trusted: Any = settings.REST_FRAMEWORK["NUM_PROXIES"]
    named = peer
    if trusted and forwarded_for:
        hops = forwarded_for.split(",")
        named = hops[-min(trusted, len(hops))]
    try:
        known = ip_address((named or "").strip())
    except ValueError:
        return None
    return str((known.ipv4_mapped if isinstance(known, IPv6Address) else None) or known)


@lru_cache(maxsize=4096)
def neighbourhood(client: str) -> str:
    """What limits by address count together, hashed, for people's addresses have no business in Redis: one IPv4
    address, or the /64 that one IPv6 customer has."""
    known = ip_address(client)
    whole = str(ip_network((known, 64), strict=False)) if isinstance(known, IPv6Address) else client
    return hashlib.sha256(whole.encode()).hexdigest()[:32]
