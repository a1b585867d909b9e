"""A log entry: what users, agents, their actions and the platform itself write about an instance."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from instances.models.instance import Instance
from sites.models import Agent, Site, SiteOwned
from sites.models.owned import EverySite


class LogType(models.TextChoices):
    SYSTEM = "system"
    USER_ACTION = "user_action"
    AGENT_ACTION = "agent_action"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    ERROR = "error"
    PERFORMANCE = "performance"
    THINKING = "thinking"


class Level(models.TextChoices):
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    CRITICAL = "critical"


class Log(SiteOwned):
    """Cut into months by its `id`, whose time is the entry's; `xid` orders entries in a way that no late commit upsets.

    Written once, in bulk, and never changed. Each foreign key in the database costs a look-up per row: only those that
    keep sites apart are there (see the migration of the walls); through the instance's, the site is sure to exist.
    Both `agent` and `user` are None where the platform itself wrote. A parent may be dropped before its child is.
    """

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="+", editable=False, db_constraint=False, db_index=False
    )
    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    agent = models.ForeignKey(
        Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False, db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    parent_log = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False, db_index=False
    )
    log_type = models.CharField(max_length=16, choices=LogType.choices)
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.INFO)
    message = models.TextField()
    details = models.JSONField(default=dict)
    tool_name = models.CharField(max_length=100, blank=True)
    tool_call_id = models.CharField(max_length=200, blank=True)
    tool_args = models.JSONField(default=dict)
    tool_result = models.JSONField(default=dict)
    is_error = models.BooleanField(default=False)
    duration_ms = models.FloatField(null=True)
    tokens_used = models.JSONField(default=dict)
    artifacts = models.JSONField(default=list)
    xid = models.BigIntegerField(db_default=RawSQL("pg_current_xact_id()::text::bigint", ()), editable=False)

    everywhere: ClassVar[EverySite[Log]] = EverySite()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["instance", "-id"], name="log_newest"),
            models.Index(fields=["site", "-id"], name="log_of_site"),
            models.Index(fields=["instance", "xid", "id"], name="log_by_commit"),
            models.Index(fields=["site", "xid", "id"], name="log_of_site_by_commit"),
            models.Index(fields=["agent", "-id"], name="log_by_agent", condition=Q(agent__isnull=False)),
            models.Index(fields=["user", "-id"], name="log_by_user", condition=Q(user__isnull=False)),
            models.Index(fields=["site", "-id"], name="log_errors", condition=Q(is_error=True)),
            models.Index(fields=["parent_log"], name="log_children", condition=Q(parent_log__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.message[:80]
