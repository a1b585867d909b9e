"""An API key. The row keeps a hash; the key itself is shown once, when it is made."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from sites.models.agent import Agent
from sites.models.owned import EverySite, SiteOwned


class ApiKey(SiteOwned):
    """A key acts for its `user`, within their role, and for `agent` where it names one."""

    name = models.CharField(max_length=200)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey(
        Agent, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    prefix = models.CharField(max_length=32, unique=True, editable=False, help_text="The key's public part.")
    key_hash = models.BinaryField(max_length=32, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text="Empty: all of the role's."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    everywhere: ClassVar[EverySite[ApiKey]] = EverySite["ApiKey"]()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["site", "-id"], name="key_newest")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
