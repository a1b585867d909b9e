"""Who belongs to a site and in which role: nobody hands out more than they have, and an owner always remains."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from common.errors import Conflict, Forbidden, Invalid
from common.tenancy import site_scope
from sites import audit, keys, passwords, selectors
from sites.models import ApiKey, Membership, Site, User
from sites.principal import Principal
from sites.roles import SCOPES_OF_ROLE, Role


def create_member(principal: Principal, *, email: str, role: str, name: str = "", password: str | None = None) -> User:
    """A new person, member of this site; without a password they cannot sign in until one is set.

    Raises:
        Conflict: there is a person with this email, perhaps in another site: add them by `add_member`.
        Forbidden: the role is above the caller's.
    """
    principal.must("users:write")
    principal.must("memberships:write")
    may_grant(principal, role)
    user = User(email=User.objects.normalize_email(email).lower(), name=name)
    passwords.set_password(user, password, by_others=password is not None)
    with site_scope(principal.site_id):
        membership = enrol(principal.site_id, user, role)
        audit.record(principal, "member.created", membership, user_id=str(user.pk), role=role)
    return user


def add_member(
    principal: Principal, *, role: str, user_id: UUID | None = None, email: str | None = None, vouched: bool = False
) -> Membership:
    """Make a person of the platform a member of this site, too. `vouched`: an operator says that it is they.

    Raises:
        Invalid: there is no such person.
        Conflict: they are a member already, or another site's people made them and know their password
            (PASSWORD_BY_OTHERS): whoever is invited chooses their own.
        Forbidden: the role is above the caller's.
    """
    principal.must("memberships:write")
    may_grant(principal, role)
    user = _person(user_id, email)
    if user.password_by_others and not vouched:
        message = "Their password was chosen by others, who may know it. Invite them: then they choose their own."
        raise Conflict(message, code="PASSWORD_BY_OTHERS")
    with site_scope(principal.site_id):
        membership = join(principal.site_id, user, role)
        audit.record(principal, "member.added", membership, user_id=str(user.pk), role=role)
    return membership


def change_role(principal: Principal, membership: Membership, *, role: str) -> Membership:
    """Raises Forbidden where the old or the new role is above the caller's, Conflict for the last owner."""
    principal.must("memberships:write")
    with site_scope(principal.site_id):
        membership = _locked(membership)
        may_grant(principal, membership.role)
        may_grant(principal, role)
        if role != Role.OWNER:
            _leave_an_owner(membership)
        what = {"user_id": str(membership.user_id), "role_from": membership.role, "role": role}
        audit.record(principal, "member.role_changed", membership, **what)
        membership.role = role
        membership.save(using="default", update_fields=["role"])
        transaction.on_commit(keys.forget)
    return membership


def remove_member(principal: Principal, membership: Membership) -> None:
    """End a membership and revoke the keys that acted by it. The person remains, and so does what they made.

    Raises:
        Forbidden: their role is above the caller's.
        Conflict: they are the last owner.
    """
    principal.must("memberships:write")
    with site_scope(principal.site_id):
        membership = _locked(membership)
        may_grant(principal, membership.role)
        _leave_an_owner(membership)
        theirs = ApiKey.of(principal.site_id).filter(user_id=membership.user_id, revoked_at=None)
        theirs.update(revoked_at=timezone.now())
        audit.record(principal, "member.removed", membership, user_id=str(membership.user_id), role=membership.role)
        membership.delete(using="default")
        transaction.on_commit(keys.forget)


def rename_own_user(principal: Principal, *, name: str) -> None:
    """A person's own name, for them to change.

    Raises:
        Forbidden: it is not they who ask but a key of theirs.
    """
    if principal.via != "session":
        raise Forbidden("Sign in to change your own name; a key may not.")
    with site_scope(principal.site_id):
        selectors.own_user(principal).update(name=name)


def enrol(site_id: UUID, user: User, role: str) -> Membership:
    """Write a new person, as a member of the site. Whether that may be, the caller has asked.

    Raises:
        Conflict: there is a person with this email.
    """
    membership = Membership(site_id=site_id, user=user, role=role)
    with site_scope(site_id):
        try:
            with transaction.atomic(using="default"):
                # The membership first: row-level security shows and takes a user only where it exists.
                membership.save(using="default", force_insert=True)
                user.save(using="default", force_insert=True)
        except IntegrityError as error:
            raise Conflict("There is a person with this email already.", code="EMAIL_TAKEN") from error
    return membership


def join(site_id: UUID, user: User, role: str) -> Membership:
    """Write a membership of somebody who is there already. Whether that may be, the caller has asked.

    Raises:
        Conflict: they are a member.
    """
    membership = Membership(site_id=site_id, user=user, role=role)
    with site_scope(site_id):
        try:
            with transaction.atomic(using="default"):
                membership.save(using="default", force_insert=True)
        except IntegrityError as error:
            raise Conflict("They are a member of this site already.", code="ALREADY_MEMBER") from error
    return membership


def may_grant(principal: Principal, role: str) -> None:
    """Return when the principal may do all that `role` may; Forbidden otherwise."""
    if not SCOPES_OF_ROLE[role] <= principal.scopes:
        raise Forbidden(f"Only who may do all that an {role} may can decide on that role.", role=role)


def _locked(membership: Membership) -> Membership:
    """The row as it is now; the site's lock keeps two owners from removing each other at once."""
    Site.objects.using("default").select_for_update().get(pk=membership.site_id)
    return Membership.of(membership.site_id).get(pk=membership.pk)


def _leave_an_owner(membership: Membership) -> None:
    able = Membership.of(membership.site_id).filter(role=Role.OWNER, user__is_active=True)
    others = able.exclude(pk=membership.pk)
    if membership.role == Role.OWNER and not others.exists():
        raise Conflict("A site keeps at least one owner.", code="LAST_OWNER")


def _person(user_id: UUID | None, email: str | None) -> User:
    found = User.objects.filter(pk=user_id) if user_id is not None else User.objects.with_email(email or "")
    user = found.filter(is_active=True).first()
    if user is None:
        field = "user_id" if user_id is not None else "email"
        raise Invalid(f"{field}: No such person.", fields={field: ["No such person."]})
    return user
