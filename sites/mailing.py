"""The letters to people: invitations and password resets. Runs in workers, across all sites; tokens are born here."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta
from smtplib import SMTPException
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string

from common import clock
from common.tenancy import CREW
from sites.models import Invitation, User
from sites.models.invitation import OPEN

logger = logging.getLogger(__name__)

MAIL_FAULTS = (OSError, SMTPException)
ATTEMPTS = 6
_FIRST_PAUSE = timedelta(minutes=1)


def digest(token: str) -> bytes:
    """What a row keeps of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def due_invitations(at_most: int = 100) -> list[UUID]:
    """Invitations whose letter should be tried now."""
    due = Invitation.everywhere.filter(OPEN, mail_due_at__lte=clock.now())
    return list(due.order_by("mail_due_at").values_list("id", flat=True)[:at_most])


def mail_invitation(invitation_id: UUID) -> None:
    """Mail it, if that is due, with a new token; what was mailed before is worth nothing then. Called twice: once.

    A letter that could not be sent is tried again, five times, over about half an hour.
    """
    token = secrets.token_urlsafe(32)
    invitation = _claimed(invitation_id, token)
    if invitation is None:
        return
    row = Invitation.everywhere.filter(pk=invitation.pk, token_hash=digest(token))
    try:
        site = " ".join(invitation.site.name.split())
        _send(invitation.email, "invitation", {"invitation": invitation, "site": site, "token": token})
    except MAIL_FAULTS as error:
        logger.warning("invitation %s: not mailed: %s", invitation.pk, error)
        if invitation.mail_attempts >= ATTEMPTS:
            row.update(mail_due_at=None)
        return
    row.update(mailed_at=clock.now(), mail_due_at=None)


def mail_reset(email: str) -> None:
    """Mail a token for a new password, if there is somebody with this email who may sign in.

    Raises:
        OSError, SMTPException: it could not be sent.
    """
    user = User.objects.with_email(email).filter(is_active=True).first()
    if user is None:
        return
    token = f"{user.pk}.{default_token_generator.make_token(user)}"
    _send(user.email, "reset", {"token": token, "minutes": settings.PASSWORD_RESET_TIMEOUT // 60})


def _claimed(invitation_id: UUID, token: str) -> Invitation | None:
    """The row with its token's hash, due again should this worker die before it has mailed it."""
    now = clock.now()
    with transaction.atomic(using=CREW):
        rows = Invitation.everywhere.select_for_update(skip_locked=True, of=("self",)).select_related(
            "site", "invited_by"
        )
        invitation = rows.filter(OPEN, pk=invitation_id, mail_due_at__lte=now, expires_at__gt=now).first()
        if invitation is None:
            return None
        invitation.token_hash = digest(token)
        invitation.mail_due_at = now + _FIRST_PAUSE * 2**invitation.mail_attempts
        invitation.mail_attempts += 1
        invitation.save(using=CREW, update_fields=["token_hash", "mail_due_at", "mail_attempts"])
    return invitation


def _send(to: str, letter: str, words: dict[str, Any]) -> None:
    """The first line of a letter's template is its subject."""
    text = render_to_string(f"sites/letters/{letter}.txt", {**words, "url": settings.PUBLIC_URL})
    subject, _, body = text.partition("\n")
    send_mail(subject, body.lstrip("\n"), None, [to])
