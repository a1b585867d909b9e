"""An event: one numbered entry in an instance's history, written in the transaction that made it true."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from instances.models.instance import Instance
from sites.models import SiteOwned
from sites.models.owned import EverySite


class Event(SiteOwned):
    """`number` counts per instance without a gap. `xid` orders a site's events in a way that no late commit upsets."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=40)
    status_from = models.CharField(max_length=16, blank=True)
    status_to = models.CharField(max_length=16, blank=True)
    message = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    xid = models.BigIntegerField(db_default=RawSQL("pg_current_xact_id()::text::bigint", ()), editable=False)

    everywhere: ClassVar[EverySite[Event]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["instance", "number"], name="event_number_once")]
        indexes = [
            models.Index(fields=["site", "xid", "id"], name="event_by_commit"),
            # How starts went lately: few of all events, and no row is read for counting them.
            models.Index(
                fields=["-id"],
                include=["site", "status_to", "created_at"],
                name="event_of_outcome",
                condition=Q(status_to__in=["running", "error"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"

    def as_json(self) -> dict[str, Any]:
        """An event as clients see it: in streams and in what webhooks are sent."""
        return {
            "id": str(self.pk),
            "instance_id": str(self.instance_id),
            "number": self.number,
            "kind": self.kind,
            "status_from": self.status_from or None,
            "status": self.status_to or None,
            "message": self.message,
            "data": self.data,
            "created_at": self.created_at.isoformat().replace("+00:00", "Z"),
        }
