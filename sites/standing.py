"""What somebody who came in before may do by now: for what outlives a request and proves itself by a signed token."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from common.errors import NotSignedIn
from common.tenancy import CREW
from sites.keys import good_keys
from sites.models import Membership, User
from sites.principal import Principal
from sites.roles import Role, effective_scopes


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody in a site, by a key of theirs or without one."""

    site_id: UUID
    user_id: UUID
    key_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The role that counts for a holder, and the scopes that are left to them."""

    role: str
    scopes: frozenset[str]


def standing_of(holders: Collection[Holder]) -> Mapping[Holder, Standing]:
    """By three statements, however many they are. Whoever would not be let in today is left out.

    That is: whose key is revoked or expired, or whose membership, user, site or agent is gone. An operator of the
    platform needs no membership.
    """
    if not holders:
        return {}
    users = {holder.user_id for holder in holders}
    members = Membership.everywhere.filter(user_id__in=users, site__is_active=True, user__is_active=True)
    roles = {(site, user): role for site, user, role in members.values_list("site_id", "user_id", "role")}
    shown = good_keys().filter(pk__in={holder.key_id for holder in holders if holder.key_id})
    keys = {(pk, site): scopes for pk, site, scopes in shown.values_list("pk", "site_id", "scopes")}
    operators = User.objects.using(CREW).filter(pk__in=users, is_active=True, is_superuser=True)
    by_right = set(operators.values_list("pk", flat=True))
    found = {}
    for holder in holders:
        role = roles.get((holder.site_id, holder.user_id))
        if holder.key_id is not None:
            narrowed = keys.get((holder.key_id, holder.site_id)) if role else None
            if role is None or narrowed is None:
                continue
            found[holder] = Standing(role, effective_scopes(role, narrowed))
        elif role is not None or holder.user_id in by_right:
            found[holder] = Standing(role or Role.OWNER, effective_scopes(role or Role.OWNER, []))
    return found


def principal_again(
    site_id: UUID, user_id: UUID, *, key_id: UUID | None = None, agent_id: UUID | None = None
) -> Principal:
    """Somebody who came in before, with what they may do by now.

    Raises:
        NotSignedIn: they are left out of `standing_of`.
    """
    holder = Holder(site_id, user_id, key_id)
    standing = standing_of([holder]).get(holder)
    if standing is None:
        raise NotSignedIn()
    return Principal(site_id, user_id, standing.role, standing.scopes, via="ticket", agent_id=agent_id, key_id=key_id)
