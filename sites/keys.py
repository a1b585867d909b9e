"""Who is at the door: keys and sessions in, a Principal out. Works before any site is known."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from common import logs
from common.errors import Forbidden, Invalid, NotFound, NotSignedIn
from common.tenancy import CREW, with_free_hands
from sites import audit, limits
from sites.models import Agent, ApiKey, Membership, Site, User
from sites.principal import Principal
from sites.roles import effective_scopes

REMEMBERED_S = 3.0
USE_NOTED_EVERY = timedelta(minutes=1)
_PREFIX_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_SHAPE = re.compile(r"(key[a-z2-7]{12})_[A-Za-z0-9_-]{43}")
_REMEMBERED_MAX = 10_000
_FIND = (
    "SELECT id, site_id, user_id, agent_id, key_hash, scopes, role, expires_at, last_used_at FROM sites_find_key(%s)"
)


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    expires_at: datetime | None
    until: float


_known: dict[bytes, _Known] = {}
_generation = 0


def make_key(
    *,
    site_id: UUID,
    user_id: UUID,
    name: str,
    agent: Agent | None = None,
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
    using: str = "default",
) -> tuple[ApiKey, str]:
    """A new key's row and the key itself, which nobody can show again.

    `key` and 12 letters name it in public; 32 random bytes follow, and the row keeps a SHA-256 of the whole. A slow
    hash would protect a guessable secret; this one has 256 bits.
    """
    prefix = "key" + "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(12))
    secret = f"{prefix}_{base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b'=').decode()}"
    key = ApiKey(
        site_id=site_id,
        user_id=user_id,
        agent=agent,
        name=name,
        prefix=prefix,
        key_hash=_digest(secret),
        scopes=scopes or [],
        expires_at=expires_at,
    )
    key.save(using=using, force_insert=True)
    return key, secret


def find_principal(secret: str, *, notes_failure: bool = True) -> Principal:
    """Who shows this key. An answer is remembered for three seconds at most in this process.

    `forget` ends that at once here; a revocation in another process takes effect here within those three seconds.
    A key that is not good counts against the address being served, unless another door will ask the same.

    Raises:
        NotSignedIn: no such key, or it is revoked or expired, or its user, site or agent is gone: always the same.
        RateLimited: too many of them from there; a key that was good here lately is let in all the same.
    """
    digest = _digest(secret)
    known = _known.get(digest)
    if known is None or known.until < time.monotonic():
        if known is None:
            limits.must_not_be_barred()
        known = _looked_up(secret, digest, notes_failure=notes_failure)
    if known.expires_at is not None and known.expires_at <= timezone.now():
        raise NotSignedIn()
    logs.about(site_id=known.principal.site_id)
    audit.note_address(known.principal)
    return known.principal


def remembered(secret: str) -> Principal | None:
    """Who shows this key, where this process knows it already and nothing is to be asked or noted; else None."""
    known = _known.get(_digest(secret))
    if known is None or known.until < time.monotonic():
        return None
    if known.expires_at is not None and known.expires_at <= timezone.now():
        return None
    if not audit.has_noted(known.principal):
        return None
    logs.about(site_id=known.principal.site_id)
    return known.principal


def forget() -> None:
    """Ask the database anew about every key; what a change to keys, roles or members calls once it is committed."""
    global _generation
    _generation += 1
    _known.clear()


def principal_of_session(user: Any, wanted_site_id: UUID | None) -> Principal:
    """The signed-in `user` in the site they name, or in their only one.

    Raises:
        NotFound: they are no member of the site they named, or it does not exist.
        Invalid: they are members of several and named none; `details.sites` is the choice.
        Forbidden: they are members of none.
    """
    rows = Membership.everywhere.filter(user_id=user.pk, user__is_active=True, site__is_active=True)
    if wanted_site_id is not None:
        rows = rows.filter(site_id=wanted_site_id)
    places = list(rows.order_by("id").values_list("site_id", "role", "site__name"))
    if not places:
        raise NotFound() if wanted_site_id is not None else Forbidden("You are not a member of any site.")
    if len(places) > 1:
        choice = [{"id": str(site_id), "name": name} for site_id, _, name in places]
        raise Invalid("Name a site, in the X-Site header or as site_id.", code="SITE_REQUIRED", sites=choice)
    site_id, role, _ = places[0]
    logs.about(site_id=site_id)
    return Principal(site_id, user.pk, role, effective_scopes(role, []), via="session")


def sites_of(user_id: UUID) -> models.QuerySet[Site]:
    """The active sites that a person is a member of, newest first: before they have named one."""
    places = Membership.everywhere.filter(user_id=user_id, user__is_active=True).values("site_id")
    return Site.objects.using(CREW).filter(pk__in=places, is_active=True).order_by("-id")


def check_standing(principal: Principal) -> None:
    """Return while the principal would still be let in; for what outlives one request, such as a socket.

    Raises:
        NotSignedIn: the key is revoked or expired, or the membership, user, site or agent is gone.
    """
    member = Membership.everywhere.filter(
        site_id=principal.site_id, user_id=principal.user_id, site__is_active=True, user__is_active=True
    )
    if not member.exists():
        raise NotSignedIn()
    if principal.key_id is not None and not good_keys().filter(pk=principal.key_id).exists():
        raise NotSignedIn()


def good_keys() -> models.QuerySet[ApiKey]:
    """Of every site: not revoked, not expired, and of no agent that is switched off."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    acting = Q(agent=None) | Q(agent__is_active=True)
    return ApiKey.everywhere.filter(unexpired, acting, revoked_at=None)


def display_name(user_id: UUID, agent_id: UUID | None) -> str:
    """What others are told of somebody who acts: an agent's name, else a person's, else their email."""
    if agent_id is not None:
        agent = Agent.everywhere.filter(pk=agent_id).first()
        if agent is not None:
            return agent.name
    user = User.objects.using(CREW).filter(pk=user_id).first()
    return (user.name or user.email) if user else ""


def _looked_up(secret: str, digest: bytes, *, notes_failure: bool) -> _Known:
    try:
        return _look_up(secret, digest)
    except NotSignedIn:
        if notes_failure:
            limits.note_failure()
        raise


def _look_up(secret: str, digest: bytes) -> _Known:
    generation = _generation
    row = _row(secret)
    # An unknown prefix is compared as well, so that the time taken does not tell the two refusals apart.
    if not hmac.compare_digest(bytes(row[4]) if row else bytes(32), digest) or row is None:
        raise NotSignedIn()
    key_id, site_id, user_id, agent_id, _, key_scopes, role, expires_at, last_used_at = row
    scopes = effective_scopes(role, key_scopes)
    principal = Principal(site_id, user_id, role, scopes, via="key", agent_id=agent_id, key_id=key_id)
    known = _Known(principal, expires_at, time.monotonic() + REMEMBERED_S)
    if expires_at is None or expires_at > timezone.now():
        _note_use(key_id, last_used_at)
        _remember(digest, known, generation)
    return known


def _row(secret: str) -> tuple[Any, ...] | None:
    shape = _SHAPE.fullmatch(secret)
    if shape is None:
        return None
    with_free_hands()
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [shape.group(1)])
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _note_use(key_id: UUID, last_used_at: datetime | None) -> None:
    now = timezone.now()
    if last_used_at is not None and now - last_used_at < USE_NOTED_EVERY:
        return
    unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
    ApiKey.everywhere.filter(unnoted, pk=key_id).update(last_used_at=now)


def _remember(digest: bytes, known: _Known, generation: int) -> None:
    # A key that was revoked while we looked must not be remembered as good.
    if generation != _generation:
        return
    if len(_known) >= _REMEMBERED_MAX:
        _known.clear()
    _known[digest] = known


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
