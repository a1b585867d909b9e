"""What a WebSocket shows at the door, and the seam behind which the door decides. Who is who is not known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings

from common.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Credentials:
    """At most one of `ticket`, `key` and `user` is set; `site` is what a member of several sites has named."""

    ticket: str | None = None
    key: str | None = None
    user: Any = None
    site: str | None = None


class Doorkeeper(Protocol):
    """Decides who comes in. Both are synchronous and run in a thread with database connections of its own."""

    def admit(self, credentials: Credentials) -> Any:
        """The principal of these credentials. Raises `NotSignedIn` or `Forbidden`."""
        ...

    def recheck(self, principal: Any) -> None:
        """Return while `principal` may go on; called again and again. Raises `NotSignedIn` once it is revoked."""
        ...


def credentials_of(scope: Mapping[str, Any], query: Mapping[str, Sequence[str]]) -> Credentials:
    """Read a socket's credentials: `?ticket=`, a key's header, or a signed-in session, in this order.

    Raises:
        Forbidden: a session cookie came with another site's Origin. (A key or a ticket is nothing a browser adds by
            itself, so their origin does not matter.)
    """
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    site = headers.get("x-site") or _first(query, "site_id")
    if ticket := _first(query, "ticket"):
        return Credentials(ticket=ticket, site=site)
    if key := _key(headers):
        return Credentials(key=key, site=site)
    user = scope.get("user")
    if user is not None and user.is_authenticated:
        if not _is_own_origin(headers):
            raise Forbidden("This page's origin may not use your session.")
        return Credentials(user=user, site=site)
    return Credentials(site=site)


def _first(query: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = query.get(name)
    return (values[0] or None) if values else None


def _key(headers: Mapping[str, str]) -> str | None:
    if key := headers.get("x-api-key"):
        return key.strip()
    authorization = headers.get("authorization", "").strip()
    scheme, _, rest = authorization.partition(" ")
    return (rest.strip() if scheme.lower() == "bearer" else authorization) or None


def _is_own_origin(headers: Mapping[str, str]) -> bool:
    origin = headers.get("origin", "")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:  # such as a half of an IPv6 address
        return False
    return bool(host) and host == headers.get("host") and not settings.SESSION_COOKIE_SECURE
