"""Celery's part in `sites`: letters are sent by workers, and what is old is forgotten."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from sites import idempotency, mailing, retention

logger = logging.getLogger(__name__)


@shared_task(name="sites.mail_invitation")
def mail_invitation(invitation_id: str) -> None:
    """Mail one invitation, if it is due."""
    mailing.mail_invitation(UUID(invitation_id))


@shared_task(name="sites.mail_due")
def mail_due() -> int:
    """Queue every invitation whose letter is due: those whose message was lost, or whose mail server was away."""
    due = mailing.due_invitations()
    for invitation_id in due:
        mail_invitation.delay(str(invitation_id))
    return len(due)


@shared_task(name="sites.mail_reset", bind=True, max_retries=4)
def mail_reset(self: Any, email: str) -> None:
    """Mail a password reset; again in 10, 20, 40 and 80 seconds when the mail server is away."""
    try:
        mailing.mail_reset(email)
    except mailing.MAIL_FAULTS as error:
        raise self.retry(exc=error, countdown=10 * 2**self.request.retries) from error


@shared_task(name="sites.forget_answers")
def forget_answers() -> int:
    """Delete the answers that were kept for idempotency keys of more than a day ago."""
    return idempotency.forget_old()


@shared_task(name="sites.keep_audit")
def keep_audit() -> None:
    """Make the audit log's coming months and drop those that are too old."""
    retention.keep_audit()


def mail_soon(invitation_id: UUID) -> None:
    """Ask a worker to mail it now. A lost broker is no error: beat finds what is due."""
    try:
        mail_invitation.delay(str(invitation_id))
    except OperationalError as error:
        logger.warning("broker is away, invitation %s waits for beat: %s", invitation_id, error)
