"""What a principal may read of their site: people, places, agents, keys. Writes nothing."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from common.errors import Invalid
from sites.models import Agent, ApiKey, AuditEntry, Invitation, Membership, Site, User
from sites.principal import Principal


def site_of(principal: Principal) -> QuerySet[Site]:
    """The principal's own site, as the only row."""
    principal.must("sites:read")
    return Site.objects.using("default").filter(pk=principal.site_id)


def members(principal: Principal) -> QuerySet[User]:
    """The people of the site, newest first."""
    principal.must("users:read")
    ids = Membership.of(principal.site_id).values("user_id")
    return QuerySet(User, using="default").filter(pk__in=ids).order_by("-id")


def own_user(principal: Principal) -> QuerySet[User]:
    """The person behind the principal, as the only row."""
    return QuerySet(User, using="default").filter(pk=principal.user_id)


def memberships(principal: Principal) -> QuerySet[Membership]:
    principal.must("memberships:read")
    return Membership.of(principal.site_id).order_by("-id")


def invitations(principal: Principal) -> QuerySet[Invitation]:
    """Who was asked into the site, without the hashes of the tokens."""
    principal.must("invitations:read")
    return Invitation.of(principal.site_id).defer("token_hash").order_by("-id")


def audit_entries(principal: Principal) -> QuerySet[AuditEntry]:
    """Who did what in the site, the newest first."""
    principal.must("audit:read")
    return AuditEntry.of(principal.site_id).order_by("-id")


def agents(principal: Principal) -> QuerySet[Agent]:
    principal.must("agents:read")
    return Agent.of(principal.site_id).order_by("-id")


def keys(principal: Principal) -> QuerySet[ApiKey]:
    """The site's keys, without their hashes."""
    principal.must("keys:read")
    return ApiKey.of(principal.site_id).defer("key_hash").order_by("-id")


def member_role(site_id: UUID, user_id: UUID, *, field: str = "user_id") -> str:
    """The role of a member, inside the site's scope.

    Raises:
        Invalid: the user is no member of this site, or there is no such user; `field` is what named them.
    """
    role = Membership.of(site_id).filter(user_id=user_id).values_list("role", flat=True).first()
    if role is None:
        raise Invalid(f"{field}: Not a member of this site.", fields={field: ["Not a member of this site."]})
    return role


def agent_of(site_id: UUID, agent_id: UUID, *, field: str = "agent_id") -> Agent:
    """An active agent of the site, inside its scope.

    Raises:
        Invalid: there is none with this id; `field` is what named it.
    """
    agent = Agent.of(site_id).filter(pk=agent_id, is_active=True).first()
    if agent is None:
        raise Invalid(f"{field}: No active agent of this site.", fields={field: ["No active agent of this site."]})
    return agent
