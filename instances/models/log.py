"""A log entry: what users, agents, actions and guests write about an instance."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from instances.models.instance import Instance
from sites.models import Agent, SiteOwned
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
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    parent_log = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False)
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

    everywhere: ClassVar[EverySite[Log]] = EverySite()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["instance", "-id"], name="log_newest"),
            models.Index(fields=["site", "-id"], name="log_of_site"),
            models.Index(fields=["parent_log"], name="log_children"),
            models.Index(fields=["user"], name="log_by_user"),
            models.Index(fields=["agent"], name="log_by_agent"),
        ]

    def __str__(self) -> str:
        return self.message[:80]
