"""Plain factories: rows as they are after somebody has made them, through crew, which sees every site."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from common.ids import new_id
from common.tenancy import CREW
from sites.keys import make_key
from sites.models import Agent, ApiKey, Membership, Site, User
from sites.principal import Principal
from sites.roles import Role, effective_scopes

PASSWORD = "correct horse battery"


def site(name: str = "Site", **fields: Any) -> Site:
    row = Site(name=name, **fields)
    row.save(using=CREW)
    return row


def user(email: str | None = None, **fields: Any) -> User:
    """A person who signs in with PASSWORD."""
    row = User(email=email or f"{new_id().hex}@example.com", password=_hash(), **fields)
    row.save(using=CREW)
    return row


@cache
def _hash() -> str:
    """Hashed once: a good hash takes its time, and tests make many people."""
    return make_password(PASSWORD)


def member(of: Site, role: str = Role.OWNER, *, who: User | None = None) -> Membership:
    row = Membership(site=of, user=who or user(), role=role)
    row.save(using=CREW)
    return row


def agent(of: Site, name: str = "Agent", **fields: Any) -> Agent:
    row = Agent(site=of, name=name, **fields)
    row.save(using=CREW)
    return row


def key(
    of: Site,
    role: str = Role.OWNER,
    *,
    membership: Membership | None = None,
    acts_for: Agent | None = None,
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A key's row and the key, of a new member with `role` unless a membership is given."""
    holder = membership or member(of, role)
    return make_key(
        site_id=of.pk,
        user_id=holder.user_id,
        name="Key",
        agent=acts_for,
        scopes=scopes,
        expires_at=expires_at,
        using=CREW,
    )


def principal(of: Site, role: str = Role.OWNER, *, user_id: UUID | None = None) -> Principal:
    """Somebody with `role`, and with a membership unless `user_id` brings one along."""
    return Principal(of.pk, user_id or member(of, role).user_id, role, effective_scopes(role, []), via="session")


def client(of: Site, role: str = Role.OWNER, **options: Any) -> APIClient:
    """A REST client that shows a key of its own for `of`."""
    _, secret = key(of, role, **options)
    return client_with(secret)


def client_with(secret: str) -> APIClient:
    browser = APIClient(raise_request_exception=False)
    # Of the two, our own API reads the first and the dialects the second.
    browser.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_X_API_KEY=secret)
    browser.default_format = "json"
    return browser
