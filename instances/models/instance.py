"""An instance: the machine a tenant asked for. What is wished and what is known stand side by side in one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from common.secrets import EncryptedJSONField
from instances.flavours import DEFAULT_FLAVOUR, FLAVOURS
from sites.models import Agent, SiteOwned
from sites.models.owned import EverySite

ENVIRONMENT_CHARACTERS = 128 * 1024
ENVIRONMENT_NAMES = 100


class Status(models.TextChoices):
    """Where an instance is in its life; `lifecycle.py` alone says how it moves."""

    PENDING = "pending"
    PROVISIONING = "provisioning"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"
    DELETING = "deleting"
    DELETED = "deleted"


class Desired(models.TextChoices):
    """Where the tenant wants it; the only thing a request may set."""

    RUNNING = "running"
    STOPPED = "stopped"
    PAUSED = "paused"
    DELETED = "deleted"


class OnTimeout(models.TextChoices):
    """What becomes of an instance when its time is over."""

    STOP = "stop"
    DELETE = "delete"


def machine_name(instance_id: UUID, incarnation: int) -> str:
    """What `Instance.machine` is, for who has no row of it."""
    return f"{instance_id.hex}-{incarnation}"


def default_tools() -> list[str]:
    return ["bash", "computer", "edit"]


class Instance(SiteOwned):
    """One row is intent (`desired_state`, `generation`), fact (`status`, `handle`, `incarnation`) and lease."""

    TYPES = [(flavour.name, flavour.label) for flavour in FLAVOURS.values()]

    # What was asked for.
    name = models.CharField(max_length=200)
    instance_type = models.CharField(max_length=16, choices=TYPES, default=DEFAULT_FLAVOUR)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(
        Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    configuration = models.JSONField(default=dict, blank=True)
    environment_variables: models.Field[Any, Any] = EncryptedJSONField(default=dict)
    environment_names = ArrayField(
        models.CharField(max_length=128), default=list, editable=False, help_text="Told in the clear; values never are."
    )
    tools_enabled = ArrayField(models.CharField(max_length=32), default=default_tools, blank=True)
    startup_script = models.TextField(blank=True, default="", db_default="")
    template = models.ForeignKey(
        "instances.Template",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_constraint=False,
        editable=False,
    )
    template_version = models.PositiveIntegerField(null=True, editable=False)
    pooled = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Of a warm pool, and nobody's yet."
    )
    provider = models.CharField(max_length=40, editable=False)
    region = models.CharField(max_length=40, blank=True, default="", db_default="", editable=False)
    timeout_ms = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of each run. None: no limit.")
    on_timeout = models.CharField(
        max_length=8, choices=OnTimeout.choices, default=OnTimeout.STOP, db_default=OnTimeout.STOP
    )
    idle_stop_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Stopped when nobody has used it for so long. None: never."
    )

    record = models.BooleanField(default=False, db_default=False, help_text="Each of its runs is recorded.")

    # What is wished now.
    desired_state = models.CharField(max_length=16, choices=Desired.choices, default=Desired.RUNNING, editable=False)
    wish_reason = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="Why, where the platform wishes it."
    )
    generation = models.PositiveBigIntegerField(default=1, editable=False)
    observed_generation = models.PositiveBigIntegerField(default=0, editable=False)
    restart_generation = models.PositiveBigIntegerField(default=0, editable=False)
    observed_restart = models.PositiveBigIntegerField(default=0, editable=False)

    # What is known.
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING, editable=False)
    status_reason = models.TextField(blank=True, editable=False)
    status_since = models.DateTimeField(editable=False)
    deadline_at = models.DateTimeField(null=True, editable=False)
    incarnation = models.PositiveIntegerField(default=0, editable=False)
    asked_at = models.DateTimeField(
        null=True, editable=False, help_text="Up to when this incarnation's machine may have been asked for."
    )
    handle: models.Field[Any, Any] = models.JSONField(null=True, editable=False)
    boot_id = models.CharField(max_length=64, blank=True, editable=False)
    bootstrapped_incarnation = models.PositiveIntegerField(default=0, editable=False)
    bootstrap_claim = models.CharField(max_length=64, blank=True, editable=False)
    startup_due_at = models.DateTimeField(null=True, editable=False, help_text="When to see to its start-up script.")
    startup_boot_id = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    startup_report: models.Field[Any, Any] = models.JSONField(
        null=True, editable=False, help_text="How its start-up script went while it was nobody's; told at its claim."
    )
    guest_lost_at = models.DateTimeField(null=True, editable=False)
    losses = models.PositiveIntegerField(default=0, editable=False)
    last_event = models.PositiveBigIntegerField(default=0, editable=False)

    # Who works on it, and when to look again.
    lease_token = models.PositiveBigIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    look_again_at = models.DateTimeField(null=True, editable=False)
    nudges = models.PositiveBigIntegerField(default=0, editable=False)

    # How long it may go on.
    expires_at = models.DateTimeField(null=True, editable=False)
    active_until = models.DateTimeField(null=True, editable=False, help_text="In use until then, without an action.")

    # What it has done.
    last_screenshot_at = models.DateTimeField(null=True, editable=False)
    last_activity_at = models.DateTimeField(null=True, editable=False)
    total_commands_executed = models.PositiveBigIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    everywhere: ClassVar[EverySite[Instance]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="instance_of_site"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="instance_status_known"),
        ]
        indexes = [
            models.Index(fields=["site", "-id"], name="instance_newest", condition=Q(deleted_at=None)),
            models.Index(fields=["site", "status", "-id"], name="instance_by_status", condition=Q(deleted_at=None)),
            models.Index(
                fields=["site", "status", "instance_type"], name="instance_fleet", condition=Q(deleted_at=None)
            ),
            models.Index(fields=["site", "agent", "-id"], name="instance_of_agent"),
            models.Index(fields=["site", "name", "id"], name="instance_by_name", condition=Q(deleted_at=None)),
            models.Index(
                fields=["site", "-updated_at", "-id"], name="instance_by_update", condition=Q(deleted_at=None)
            ),
            models.Index(
                fields=["site", "instance_type", "desired_state", "status"],
                name="instance_quota",
                condition=Q(deleted_at=None),
            ),
            models.Index(fields=["user"], name="instance_by_user"),
            models.Index(fields=["template", "id"], name="instance_in_pool", condition=Q(pooled=True, deleted_at=None)),
            models.Index(fields=["template"], name="instance_by_template", condition=Q(template__isnull=False)),
            models.Index(
                fields=["startup_due_at"], name="instance_startup_due", condition=Q(startup_due_at__isnull=False)
            ),
            models.Index(
                fields=["id"],
                name="instance_recorded",
                condition=Q(record=True, status="running", pooled=False, deleted_at=None),
            ),
            models.Index(fields=["look_again_at"], name="instance_due", condition=Q(look_again_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.instance_type})"

    @property
    def machine(self) -> str:
        """The name of this incarnation's machine: at the provider, at the gateway and in its guest's token."""
        return machine_name(self.id, self.incarnation)

    @property
    def provider_ref(self) -> str | None:
        """The machine's name at its provider, once there is one."""
        return self.machine if self.handle is not None else None

    @property
    def begins_anew(self) -> bool:
        """Whether an instance in error is about to get a new machine: somebody asked after it failed."""
        return self.desired_state == Desired.RUNNING and self.generation > self.observed_generation

    @property
    def timeout_hours(self) -> float | None:
        """The time limit as upstream clients know it."""
        return None if self.timeout_ms is None else self.timeout_ms / 3_600_000

    @property
    def cdp_url(self) -> str | None:
        """None: a signed address is made for one caller (`instances.signed`), and no row keeps one."""
        return None

    def set_environment(self, variables: Mapping[str, str]) -> None:
        """Seal `variables`, and keep their sorted names beside them, so that lists open no seal."""
        self.environment_variables = dict(variables)
        self.environment_names = sorted(variables)
