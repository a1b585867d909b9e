"""What a principal may change of their site: its name, its agents and keys. People are in `members.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from common.errors import Forbidden, Invalid
from common.tenancy import site_scope
from sites import audit, keys, selectors
from sites.models import Agent, ApiKey, Site
from sites.principal import Principal
from sites.roles import ALL_SCOPES, SCOPES_OF_ROLE

Row = TypeVar("Row", Site, Agent)


def update_site(principal: Principal, site: Site, **changes: Any) -> Site:
    """`changes` of `name`, `time_zone` and `log_retention_days`."""
    principal.must("sites:write")
    with site_scope(principal.site_id):
        audit.record(principal, "site.changed", site, fields=sorted(changes))
        return _changed(site, changes, allowed={"name", "time_zone", "log_retention_days"})


def create_agent(principal: Principal, *, name: str, description: str = "", is_active: bool = True) -> Agent:
    principal.must("agents:write")
    agent = Agent(site_id=principal.site_id, name=name, description=description, is_active=is_active)
    with site_scope(principal.site_id):
        agent.save(using="default", force_insert=True)
        audit.record(principal, "agent.created", agent)
    return agent


def update_agent(principal: Principal, agent: Agent, **changes: Any) -> Agent:
    """`changes` of `name`, `description` and `is_active`; an agent that is not active is refused with its keys."""
    principal.must("agents:write")
    with site_scope(principal.site_id):
        changed = _changed(agent, changes, allowed={"name", "description", "is_active"})
        audit.record(principal, "agent.changed", agent, fields=sorted(changes))
        transaction.on_commit(keys.forget)
    return changed


def delete_agent(principal: Principal, agent: Agent) -> None:
    """Its keys go with it; the instances it worked on stay."""
    principal.must("agents:write")
    with site_scope(principal.site_id):
        audit.record(principal, "agent.deleted", agent)
        agent.delete(using="default")
        transaction.on_commit(keys.forget)


def create_key(
    principal: Principal,
    *,
    name: str,
    scopes: list[str] | None = None,
    user_id: UUID | None = None,
    agent_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A key that acts for a member (by default the caller), and the secret, which is not kept.

    Without `scopes` it may do what its user may today, as far as the caller may, too; the caller's own key follows
    their role.

    Raises:
        Forbidden: it could do more than the caller.
        Invalid: an unknown scope, no such member or agent, an expiry in the past.
    """
    principal.must("keys:write")
    with site_scope(principal.site_id):
        owner_id = user_id or principal.user_id
        role = selectors.member_role(principal.site_id, owner_id)
        granted = _granted(principal, role, scopes or [], is_own=owner_id == principal.user_id)
        agent = selectors.agent_of(principal.site_id, agent_id) if agent_id else None
        if expires_at is not None and expires_at <= timezone.now():
            raise Invalid("expires_at: Lies in the past.", fields={"expires_at": ["Lies in the past."]})
        key, secret = keys.make_key(
            site_id=principal.site_id, user_id=owner_id, name=name, agent=agent, scopes=granted, expires_at=expires_at
        )
        audit.record(principal, "key.created", key, user_id=str(owner_id), scopes=granted)
        return key, secret


def revoke_key(principal: Principal, key: ApiKey) -> ApiKey:
    """It is refused from now on. Revoking it twice changes nothing."""
    principal.must("keys:write")
    with site_scope(principal.site_id):
        good = ApiKey.of(principal.site_id).filter(pk=key.pk, revoked_at=None)
        if good.update(revoked_at=timezone.now()):
            audit.record(principal, "key.revoked", key)
        transaction.on_commit(keys.forget)
        key.refresh_from_db(using="default", fields=["revoked_at"])
    return key


def _granted(principal: Principal, role: str, scopes: list[str], *, is_own: bool) -> list[str]:
    """The scopes to write into the key; none stand for all of the role's, whatever that becomes.

    So none are written only into the caller's own key: nobody keeps one to a role that somebody else gets later.
    """
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown:
        raise Invalid(f"scopes: There is no {unknown[0]}.", fields={"scopes": [f"There is no {unknown[0]}."]})
    may = SCOPES_OF_ROLE[role]
    if set(scopes) - may:
        raise Forbidden("The key's user may not do all of that.", scopes=sorted(set(scopes) - may))
    if not may <= SCOPES_OF_ROLE[principal.role]:
        raise Forbidden("A key for somebody of a higher role is theirs to make.")
    if is_own and not scopes and may <= principal.scopes:
        return []
    granted = frozenset(scopes) or may & principal.scopes
    if not granted or not granted <= principal.scopes:
        raise Forbidden("A key may not do more than who makes it.", scopes=sorted((granted or may) - principal.scopes))
    return sorted(granted)


def _changed(row: Row, changes: dict[str, Any], *, allowed: set[str]) -> Row:
    assert set(changes) <= allowed, f"not for a caller to change: {sorted(set(changes) - allowed)}"
    for name, value in changes.items():
        setattr(row, name, value)
    if not changes:
        return row
    row.save(using="default", update_fields=[*changes, "updated_at"])
    return row
