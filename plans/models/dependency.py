"""A dependency: one plan begins only when another is completed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from plans.models.plan import Plan
from sites.models import SiteOwned
from sites.models.owned import EverySite


class Dependency(SiteOwned):
    """`plan` waits for `needs`. Rows of one site only, and never a circle: see `graph.py`."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    needs = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="+", db_constraint=False)

    everywhere: ClassVar[EverySite[Dependency]] = EverySite()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "dependencies"
        constraints = [
            models.UniqueConstraint(fields=["plan", "needs"], name="dependency_once"),
            models.CheckConstraint(condition=~Q(plan=F("needs")), name="dependency_on_another"),
        ]
        indexes = [models.Index(fields=["needs"], name="dependency_of")]

    def __str__(self) -> str:
        return f"{self.plan_id} needs {self.needs_id}"
