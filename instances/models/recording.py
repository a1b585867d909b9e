"""A recording of an instance's screen and of what was done on it. Its bytes lie in the object store, in parts."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from instances.models.instance import Instance
from sites.models import SiteOwned
from sites.models.owned import EverySite


class RecordingStatus(models.TextChoices):
    """`interrupted` ended otherwise than somebody wished; what it holds is whole up to there."""

    WAITING = "waiting"
    RECORDING = "recording"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


LIVE = (RecordingStatus.WAITING, RecordingStatus.RECORDING)
ROOT = "recordings/"
"""Where recordings lie in the object store: a folder for each site, and in it one for each recording."""


class Recording(SiteOwned):
    """One row is what was asked for, how far it came, and who is at it."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="None: the instance's own `record` asked for it.",
    )
    max_fps = models.PositiveSmallIntegerField()
    quality = models.PositiveSmallIntegerField(help_text="Of the JPEGs.")
    max_minutes = models.PositiveIntegerField()
    max_mib = models.PositiveIntegerField()

    status = models.CharField(max_length=16, choices=RecordingStatus.choices, default=RecordingStatus.WAITING)
    reason = models.TextField(blank=True, default="")
    stop_asked_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False, help_text="Shown no more; its objects go next.")
    updated_at = models.DateTimeField(auto_now=True)

    frames = models.PositiveIntegerField(default=0)
    actions = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    parts = models.PositiveIntegerField(default=0)
    gaps = models.PositiveIntegerField(default=0, help_text="How often it was without pictures and went on.")

    cursor_xid = models.BigIntegerField(default=0, editable=False, help_text="The last entry of the log that it has.")
    cursor_id = models.UUIDField(default=UUID(int=0), editable=False)
    lease_token = models.PositiveBigIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    everywhere: ClassVar[EverySite[Recording]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="recording_of_site"),
            models.UniqueConstraint(
                fields=["instance"],
                condition=Q(status__in=["waiting", "recording"], deleted_at=None),
                name="recording_one_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "-id"], name="recording_newest", condition=Q(deleted_at=None)),
            models.Index(fields=["instance", "-id"], name="recording_of_instance"),
            models.Index(
                fields=["id"],
                name="recording_live",
                condition=Q(status__in=["waiting", "recording"], deleted_at=None),
            ),
            models.Index(fields=["expires_at"], name="recording_expires", condition=Q(deleted_at=None)),
            models.Index(fields=["deleted_at"], name="recording_deleted", condition=Q(deleted_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.status} since {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def folder(self) -> str:
        """Where its objects lie."""
        return f"{ROOT}{self.site_id}/{self.id}/"

    @property
    def duration_ms(self) -> int | None:
        """From its beginning to its end; None before either."""
        if self.started_at is None or self.ended_at is None:
            return None
        return round((self.ended_at - self.started_at).total_seconds() * 1000)


class RecordingPart(SiteOwned):
    """Some seconds of a recording: one object, frames one behind the other and then the actions as lines of JSON.

    `index` holds `[at_ms, offset, length]` of each frame; the actions lie from `actions_at` on. Written once.
    """

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    number = models.PositiveIntegerField()
    key = models.CharField(max_length=200)
    index = models.JSONField(default=list)
    actions = models.PositiveIntegerField(default=0)
    actions_at = models.PositiveIntegerField(default=0)
    bytes = models.PositiveIntegerField(default=0)

    everywhere: ClassVar[EverySite[RecordingPart]] = EverySite()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["recording", "number"], name="recording_part_once")]

    def __str__(self) -> str:
        return f"part {self.number}"
