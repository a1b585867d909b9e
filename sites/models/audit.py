"""An audit entry: who did what to which row, and from where. Written once; no role of ours may change or delete it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from sites.models.owned import EverySite, SiteOwned
from sites.models.site import Site


class AuditEntry(SiteOwned):
    """Ids and names as they were, without foreign keys: an entry outlives the rows that it is about.

    Without a site it is the platform's own: an operator's work on no site, or a sign-in of somebody unknown.
    """

    site: models.ForeignKey[Any, Any] = models.ForeignKey(
        Site, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    user_id = models.UUIDField(null=True)
    agent_id = models.UUIDField(null=True)
    key_id = models.UUIDField(null=True)
    via = models.CharField(max_length=16, help_text="`key`, `session`, `ticket`, `console` or `door`.")
    action = models.CharField(max_length=64, help_text="What happened, as `key.created`.")
    target_type = models.CharField(max_length=32, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_name = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    everywhere: ClassVar[EverySite[AuditEntry]] = EverySite["AuditEntry"]()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["site", "-id"], name="audit_newest"),
            models.Index(fields=["site", "action", "-id"], name="audit_by_action"),
            models.Index(fields=["site", "target_id", "-id"], name="audit_by_target"),
            models.Index(fields=["site", "user_id", "-id"], name="audit_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_name}".strip()
