"""The audit log's one pen: services write here what was done, in the transaction that did it.

Actions on machines are no part of it: each has its entry in the instance's log.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Model

from common import clock, origin
from common.ids import new_id
from common.logs import request_id
from common.tenancy import CREW, current_site_id, everywhere_alias, site_scope
from sites.models import AuditEntry, User
from sites.principal import Principal

_ROLES = "SELECT site_id FROM sites_membership WHERE user_id = %s"
_FROM_NEW_ADDRESS = """
INSERT INTO sites_auditentry
    (id, created_at, site_id, user_id, agent_id, key_id, via, action, target_type, target_id, target_name, details,
     address, request_id)
SELECT %s, %s, %s, %s, %s, %s, %s, 'key.used_from_new_address', 'apikey', %s, '', '{}', %s, %s
WHERE NOT EXISTS (
    SELECT FROM sites_auditentry
    WHERE site_id = %s AND target_id = %s AND action = 'key.used_from_new_address' AND address = %s
)
"""
_SEEN_MAX = 50_000


def record(principal: Principal, action: str, target: Model | None = None, **details: Any) -> None:
    """Write that `principal` did `action` to `target`, with what belongs to it; never a secret.

    Within a scope of the site it is written, or undone, with the change itself.
    """
    entry = _entry(action, target, details)
    entry.site_id, entry.via = principal.site_id, principal.via
    entry.user_id, entry.agent_id, entry.key_id = principal.user_id, principal.agent_id, principal.key_id
    with site_scope(principal.site_id):
        entry.save(using="default", force_insert=True)


def record_by_staff(user_id: UUID, site_id: UUID | None, action: str, target: Model, **details: Any) -> None:
    """The same for a page of the admin, in the transaction of that page: of a site, or (None) of the platform."""
    entry = _entry(action, target, details)
    entry.site_id, entry.via, entry.user_id = site_id, "console", user_id
    entry.save(using=everywhere_alias(), force_insert=True)


def record_of_person(user: User | None, action: str, **details: Any) -> None:
    """Of somebody at the door, before a site is known: in each of their sites, or in the platform's own log."""
    sites: list[UUID | None] = []
    if user is not None:
        with connections[CREW].cursor() as cursor:
            cursor.execute(_ROLES, [user.pk])
            sites = [site_id for (site_id,) in cursor.fetchall()]
    for site_id in sites or [None]:
        entry = _entry(action, user, details)
        entry.site_id, entry.via, entry.user_id = site_id, "door", user.pk if user else None
        entry.save(using=CREW, force_insert=True)


_seen: set[tuple[UUID, str]] = set()


def has_noted(principal: Principal) -> bool:
    """Whether `note_address` has nothing to write."""
    here, key_id = origin.address.get(), principal.key_id
    return here is None or key_id is None or (key_id, here) in _seen


def note_address(principal: Principal) -> None:
    """Write it when a key is used from an address for the first time; asked once a process, key and address."""
    here, key_id = origin.address.get(), principal.key_id
    if here is None or key_id is None or has_noted(principal) or current_site_id() is not None:
        return
    who = [principal.user_id, principal.agent_id, key_id, principal.via]
    key = str(key_id)
    values = [new_id(), clock.now(), principal.site_id, *who, key, here, _request(), principal.site_id, key, here]
    with connections[CREW].cursor() as cursor:
        cursor.execute(_FROM_NEW_ADDRESS, values)
    if len(_seen) >= _SEEN_MAX:
        _seen.clear()
    _seen.add((key_id, here))


def _entry(action: str, target: Model | None, details: dict[str, Any]) -> AuditEntry:
    entry = AuditEntry(action=action, details=details, address=origin.address.get() or "", request_id=_request())
    if target is not None:
        entry.target_type = str(target._meta.model_name)[:32]
        entry.target_id, entry.target_name = str(target.pk)[:64], str(target)[:200]
    return entry


def _request() -> str:
    known = request_id.get()
    return "" if known == "-" else known[:64]
