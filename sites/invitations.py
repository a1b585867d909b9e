"""Inviting people to a site by mail, and taking such an invitation: by its token, before anybody has signed in."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from common import clock
from common.errors import Conflict, Invalid
from common.tenancy import site_scope
from sites import audit, members, passwords, tasks
from sites.mailing import digest
from sites.models import Invitation, Membership, User
from sites.models.invitation import OPEN
from sites.principal import Principal
from sites.roles import SCOPES_OF_ROLE

LIFETIME = timedelta(days=7)
_FIND = "SELECT id, site_id FROM sites_find_invitation(%s)"


def invite(principal: Principal, *, email: str, role: str) -> Invitation:
    """Ask somebody into the site; they are mailed a token that works once. An earlier open invitation of theirs ends.

    Raises:
        Forbidden: the role is above the caller's.
        Conflict: they are a member already, or are being invited at this moment.
    """
    principal.must("invitations:write")
    members.may_grant(principal, role)
    email = User.objects.normalize_email(email).lower()
    now = clock.now()
    invitation = Invitation(
        site_id=principal.site_id,
        email=email,
        role=role,
        invited_by_id=principal.user_id,
        expires_at=now + LIFETIME,
        mail_due_at=now,
    )
    with site_scope(principal.site_id):
        if Membership.of(principal.site_id).filter(user__email=email).exists():
            raise Conflict("They are a member of this site already.", code="ALREADY_MEMBER")
        _withdraw(principal.site_id, email=email)
        try:
            with transaction.atomic(using="default"):
                invitation.save(using="default", force_insert=True)
        except IntegrityError as error:
            raise Conflict("They are being invited at this moment.") from error
        audit.record(principal, "invitation.created", invitation, role=role)
        transaction.on_commit(partial(tasks.mail_soon, invitation.pk))
    return invitation


def revoke_invitation(principal: Principal, invitation: Invitation) -> None:
    """Its token works no more. Revoking it twice changes nothing.

    Raises:
        Conflict: it was accepted; remove the membership instead.
    """
    principal.must("invitations:write")
    with site_scope(principal.site_id):
        if not _withdraw(principal.site_id, pk=invitation.pk):
            invitation.refresh_from_db(using="default")
            if invitation.accepted_at is not None:
                raise Conflict("It was accepted already; remove the membership instead.", status=invitation.status)
        else:
            audit.record(principal, "invitation.revoked", invitation)


def accept(token: str, *, password: str | None = None, name: str = "") -> Membership:
    """Take the token's place: as a new person, with a password, or as the one who has this email already. Where others
    chose that one's password, the token's bearer chooses another, and whoever has signed in by the old one is out.

    Raises:
        Invalid: the token is unknown, spent, withdrawn or too old (always the same); or a password is missing, not good
            enough, or sent for somebody who has one.
        Conflict: they are a member of the site by now.
    """
    hashed = digest(token)
    invitation_id, site_id = _found(hashed)
    with site_scope(site_id):
        rows = Invitation.of(site_id).select_for_update().filter(OPEN, pk=invitation_id, token_hash=hashed)
        invitation = rows.filter(expires_at__gt=clock.now()).first()
        if invitation is None or not _still_meant(invitation):
            raise _not_good()
        membership = _placed(invitation, password, name)
        invitation.accepted_at = clock.now()
        invitation.mail_due_at = None
        invitation.save(using="default", update_fields=["accepted_at", "mail_due_at"])
        whoever = Principal(site_id, membership.user_id, invitation.role, frozenset(), via="door")
        audit.record(whoever, "invitation.accepted", invitation, role=invitation.role)
    return membership


def _found(hashed: bytes) -> tuple[UUID, UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [hashed])
        row = cursor.fetchone()
    if row is None:
        raise _not_good()
    return row[0], row[1]


def _not_good() -> Invalid:
    return Invalid("This invitation does not work, or no more. Ask for another one.", code="TOKEN_INVALID")


def _still_meant(invitation: Invitation) -> bool:
    """Whether the inviter could invite in this role today: nobody's word outlives their own place in the site."""
    if invitation.invited_by_id is None:
        return False
    inviter = Membership.of(invitation.site_id).filter(user_id=invitation.invited_by_id, user__is_active=True)
    role = inviter.values_list("role", flat=True).first()
    return role is not None and SCOPES_OF_ROLE[invitation.role] | {"invitations:write"} <= SCOPES_OF_ROLE[role]


def _placed(invitation: Invitation, password: str | None, name: str) -> Membership:
    user = User.objects.with_email(invitation.email).first()
    if user is not None and not user.is_active:
        raise _not_good()
    if password is None and (user is None or user.password_by_others):
        raise Invalid("password: Choose a password.", fields={"password": ["Choose a password."]})
    if user is None:
        user = User(email=invitation.email, name=name)
        passwords.set_password(user, password)
        return members.enrol(invitation.site_id, user, invitation.role)
    if user.password_by_others:
        membership = members.join(invitation.site_id, user, invitation.role)
        passwords.set_password(user, password)
        user.save(using="default", update_fields=["password", "password_by_others"])
        return membership
    if password is not None:
        rule = "You have an account; leave this out and sign in with its password."
        raise Invalid(f"password: {rule}", fields={"password": [rule]})
    return members.join(invitation.site_id, user, invitation.role)


def _withdraw(site_id: UUID, **which: object) -> int:
    return Invitation.of(site_id).filter(OPEN, **which).update(revoked_at=clock.now(), mail_due_at=None)
