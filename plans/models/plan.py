"""A plan: what is to be reached on an instance, and how far it has come."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from instances.models import Instance
from sites.models import Agent, SiteOwned
from sites.models.owned import EverySite


class PlanType(models.TextChoices):
    OBJECTIVE = "objective"
    TASK = "task"
    VERIFICATION = "verification"
    MILESTONE = "milestone"


class PlanStatus(models.TextChoices):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    PAUSED = "paused"


class Plan(SiteOwned):
    """Site and user come from the instance and the caller; a tenant does not name them."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    plan_type = models.CharField(max_length=16, choices=PlanType.choices)
    status = models.CharField(max_length=16, choices=PlanStatus.choices, default=PlanStatus.PENDING)
    priority = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(10)], help_text="1 to 10."
    )
    instructions = models.TextField(blank=True)
    expected_output = models.TextField(blank=True)
    success_criteria = models.JSONField(default=list)
    steps = models.JSONField(default=list)
    progress_percentage = models.PositiveSmallIntegerField(default=0, editable=False)
    error_message = models.TextField(blank=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    everywhere: ClassVar[EverySite[Plan]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["site", "id"], name="plan_of_site")]
        indexes = [
            models.Index(fields=["instance", "-id"], name="plan_newest"),
            models.Index(fields=["site", "-id"], name="plan_of_site_newest"),
            models.Index(fields=["user"], name="plan_by_user"),
            models.Index(fields=["agent"], name="plan_by_agent"),
        ]

    def __str__(self) -> str:
        return self.title
