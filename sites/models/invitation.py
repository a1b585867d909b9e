"""An invitation: somebody's place in a site that waits for them to take it. The row keeps a hash of its token."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from common import clock
from sites.models.owned import EverySite, SiteOwned
from sites.roles import Role

OPEN = Q(accepted_at=None, revoked_at=None)
"""Neither taken nor withdrawn; it may have expired."""


class InvitationStatus(models.TextChoices):
    """Told from the times in the row; no column of its own that could contradict them."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Invitation(SiteOwned):
    """The token is made by the worker that mails it, so that no request, task or row ever holds it in clear."""

    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    token_hash = models.BinaryField(max_length=32, null=True, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    mailed_at = models.DateTimeField(null=True, editable=False)
    mail_due_at = models.DateTimeField(null=True, editable=False, help_text="When to try to mail it; empty: no more.")
    mail_attempts = models.PositiveSmallIntegerField(default=0, editable=False)

    everywhere: ClassVar[EverySite[Invitation]] = EverySite["Invitation"]()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["token_hash"], name="invitation_token_once"),
            models.UniqueConstraint(fields=["site", "email"], name="invitation_open_once", condition=OPEN),
        ]
        indexes = [
            models.Index(fields=["site", "-id"], name="invitation_newest"),
            models.Index(fields=["mail_due_at"], name="invitation_mail_due", condition=Q(mail_due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role}"

    @property
    def status(self) -> InvitationStatus:
        if self.accepted_at is not None:
            return InvitationStatus.ACCEPTED
        if self.revoked_at is not None:
            return InvitationStatus.REVOKED
        return InvitationStatus.PENDING if self.expires_at > clock.now() else InvitationStatus.EXPIRED
