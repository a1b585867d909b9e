"""A plan: what is to be reached on an instance, and how far it has come."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from instances.models import Instance
from sites.models import Agent, SiteOwned
from sites.models.owned import EverySite


class PlanType(models.TextChoices):
    OBJECTIVE = "objective"
    TASK = "task"
    VERIFICATION = "verification"
    MILESTONE = "milestone"


class PlanStatus(models.TextChoices):
    """Where a plan is in its life; `lifecycle.py` alone says how it moves."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    PAUSED = "paused"


class Plan(SiteOwned):
    """Site and user come from the instance; a tenant does not name them. Steps are a JSON list, see `steps.py`."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(
        Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    parent = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )

    # What is to be reached.
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    plan_type = models.CharField(max_length=16, choices=PlanType.choices)
    priority = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(10)], help_text="1 to 10."
    )
    instructions = models.TextField(blank=True)
    expected_output = models.TextField(blank=True)
    success_criteria = models.JSONField(default=list)
    steps = models.JSONField(default=list)
    max_retries = models.PositiveSmallIntegerField(default=3)
    due_at = models.DateTimeField(null=True, blank=True)

    # How far it has come.
    status = models.CharField(max_length=16, choices=PlanStatus.choices, default=PlanStatus.PENDING, editable=False)
    progress_percentage = models.PositiveSmallIntegerField(default=0, editable=False)
    steps_completed = models.PositiveSmallIntegerField(default=0, editable=False)
    steps_total = models.PositiveSmallIntegerField(default=0, editable=False)
    retry_count = models.PositiveSmallIntegerField(default=0, editable=False)
    error_message = models.TextField(blank=True, editable=False)
    instance_event = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="The instance's newest event when the plan last began or went on."
    )
    last_event = models.PositiveBigIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    everywhere: ClassVar[EverySite[Plan]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="plan_of_site"),
            models.CheckConstraint(condition=Q(status__in=PlanStatus.values), name="plan_status_known"),
            models.CheckConstraint(condition=Q(priority__range=(1, 10)), name="plan_priority_in_range"),
            models.CheckConstraint(condition=Q(progress_percentage__lte=100), name="plan_progress_in_range"),
        ]
        indexes = [
            models.Index(fields=["site", "-id"], name="plan_of_site_newest"),
            models.Index(fields=["site", "status", "-id"], name="plan_by_status"),
            models.Index(fields=["site", "priority", "id"], name="plan_by_priority"),
            models.Index(fields=["site", "due_at", "id"], name="plan_by_due"),
            models.Index(fields=["instance", "-id"], name="plan_newest"),
            models.Index(fields=["user"], name="plan_by_user"),
            models.Index(fields=["agent"], name="plan_by_agent"),
            models.Index(fields=["parent"], name="plan_by_parent", condition=Q(parent__isnull=False)),
            # What the sweep looks through: few rows, however many plans have come to their end.
            models.Index(
                fields=["status", "id"],
                name="plan_open",
                condition=Q(status__in=["pending", "in_progress", "blocked", "paused"]),
            ),
        ]

    def __str__(self) -> str:
        return self.title
