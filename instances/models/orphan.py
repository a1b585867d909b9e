"""A machine at a provider that belongs to no instance: since when it is known, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from common.ids import new_id
from sites.models.owned import EverySite


class OrphanReason(models.TextChoices):
    """Why no instance owns it. Of the last two it is not sure that nobody will: they are only ever told of."""

    DELETED = "deleted", "Its instance is deleted"
    SUPERSEDED = "superseded", "Its instance has a newer machine"
    UNKNOWN = "unknown", "There is no such instance"
    AHEAD = "ahead", "Newer than its instance knows of, as after a restored backup"
    FOREIGN = "foreign", "Its name is none of ours"


class Orphan(models.Model):
    """The platform's own row, of no tenant: only the role `crew` sees any. `gone_at` closes it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.CharField(max_length=40)
    machine = models.CharField(max_length=64)
    instance_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=16, choices=OrphanReason.choices)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    sightings = models.PositiveIntegerField(default=1)
    destroy_sent_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    fault = models.CharField(max_length=300, blank=True, help_text="What its provider said to its destruction.")

    everywhere: ClassVar[EverySite[Orphan]] = EverySite()

    class Meta:
        ordering = ["-first_seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "machine"], name="orphan_once", condition=Q(gone_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.machine} at {self.provider}"
