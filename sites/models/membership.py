"""A user's place in a site, and the role they have there."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from sites.models.owned import EverySite, SiteOwned
from sites.roles import Role


class Membership(SiteOwned):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)

    everywhere: ClassVar[EverySite[Membership]] = EverySite["Membership"]()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["site", "user"], name="one_membership_per_site")]

    def __str__(self) -> str:
        """By email where the person was read too, as the admin does; nothing is asked of the database for it."""
        who = self.user if Membership.user.is_cached(self) else self.user_id
        return f"{who} as {self.role}"
