"""The admin pages of what happened to instances, and of what was written about them. Both are read and never edited."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from common.admin import ShownOnly
from instances.models import Event, Log
from sites.admin_base import SiteOwnedAdmin

_LEVELS = {"debug": "info", "info": "info", "warn": "warning", "error": "danger", "critical": "danger"}


class _AlongTheKey(ShownOnly, SiteOwnedAdmin):
    """Tables that only grow: newest first, by the key, which goes by time. Another order would sort them whole."""

    list_select_related = ["site", "instance"]
    sortable_by = ()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-id",)


@admin.register(Event)
class EventAdmin(_AlongTheKey):
    noun = "instances"
    list_display = ["created_at", "instance", "number", "kind", "status_to", "message", "site"]
    list_filter = ["status_to"]
    fields = ["created_at", "site", "instance", "number", "kind", "status_from", "status_to", "message", "data"]
    readonly_fields = fields


@admin.register(Log)
class LogAdmin(_AlongTheKey):
    noun = "logs"
    list_display = ["created_at", "level_label", "log_type", "message_short", "instance", "site"]
    list_filter = ["log_type", "level", "is_error"]
    search_fields = ["message", "tool_name"]
    fields = [
        *("created_at", "site", "instance", "user", "agent", "parent_log"),
        *("log_type", "level", "message", "details", "is_error", "duration_ms"),
        *("tool_name", "tool_call_id", "tool_args", "tool_result", "tokens_used", "artifacts"),
    ]
    readonly_fields = fields

    @display(description="Level", label=_LEVELS)
    def level_label(self, log: Log) -> str:
        return log.level

    @display(description="Message")
    def message_short(self, log: Log) -> str:
        return log.message[:160]
