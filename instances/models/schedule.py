"""A schedule: what a site wants done to instances of a template, again and again; and each time that it was done."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from instances.models.template import Template
from sites.models import SiteOwned
from sites.models.owned import EverySite


class ScheduleAction(models.TextChoices):
    """What is done when it is due."""

    START = "start"
    STOP = "stop"
    EXTEND = "extend"


class Trigger(models.TextChoices):
    """Why it was done: it was due, it had been due while nobody could do it, or somebody asked for it."""

    DUE = "due"
    CATCH_UP = "catch_up"
    ASKED = "asked"


class Outcome(models.TextChoices):
    """What came of it: all of it, some of it, nothing that was to be done, or none of it."""

    DONE = "done"
    PARTLY = "partly"
    NOTHING = "nothing"
    FAILED = "failed"


class Schedule(SiteOwned):
    """Either `cron`, read in its time zone, or `interval_s`. It acts as `user`, with the role they then have."""

    name = models.CharField(max_length=200)
    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    template_version = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: the newest.")
    action = models.CharField(max_length=8, choices=ScheduleAction.choices)
    count = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text="How many to start."
    )
    timeout_ms = models.PositiveBigIntegerField(null=True, blank=True, help_text="To extend by. Empty: their own.")
    cron = models.CharField(max_length=100, blank=True)
    interval_s = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(60)])
    time_zone = models.CharField(max_length=64, blank=True, help_text="IANA name. Empty: the site's.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    paused = models.BooleanField(default=False)
    next_at = models.DateTimeField(null=True, editable=False)
    last_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    everywhere: ClassVar[EverySite[Schedule]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="schedule_of_site"),
            models.CheckConstraint(
                condition=(Q(cron="") & Q(interval_s__gte=60)) | (~Q(cron="") & Q(interval_s=None)),
                name="schedule_cron_or_interval",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "-id"], name="schedule_newest"),
            models.Index(fields=["template"], name="schedule_by_template"),
            models.Index(fields=["user"], name="schedule_by_user"),
            models.Index(fields=["next_at"], name="schedule_due", condition=Q(paused=False, next_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name


class Occurrence(SiteOwned):
    """One time that a schedule was due. Two for the same moment cannot be."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    due_at = models.DateTimeField()
    trigger = models.CharField(max_length=8, choices=Trigger.choices)
    status = models.CharField(max_length=8, choices=Outcome.choices)
    instance_ids = models.JSONField(default=list)
    problems = models.JSONField(default=list)

    everywhere: ClassVar[EverySite[Occurrence]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="occurrence_once")]
        indexes = [models.Index(fields=["site", "schedule", "-id"], name="occurrence_newest")]

    def __str__(self) -> str:
        return f"{self.due_at:%Y-%m-%d %H:%M} {self.status}"
