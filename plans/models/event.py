"""An event: one numbered entry in a plan's history, written in the transaction that made it true."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from plans.models.plan import Plan
from sites.models import SiteOwned
from sites.models.owned import EverySite


class PlanEvent(SiteOwned):
    """`number` counts per plan without a gap."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=40)
    status_from = models.CharField(max_length=16, blank=True)
    status_to = models.CharField(max_length=16, blank=True)
    message = models.TextField(blank=True)
    data = models.JSONField(default=dict)

    everywhere: ClassVar[EverySite[PlanEvent]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["plan", "number"], name="plan_event_number_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"
