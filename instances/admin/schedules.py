"""The admin pages of schedules and of what they did; they are written over the API, by whom they then act for."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from common.admin import ShownOnly
from instances.models import Occurrence, Schedule
from sites.admin_base import SiteOwnedAdmin


class _Shown(ShownOnly, SiteOwnedAdmin):
    noun = "schedules"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)


@admin.register(Schedule)
class ScheduleAdmin(_Shown):
    list_display = ["name", "action", "template", "cron", "interval_s", "paused", "next_at", "last_at", "site"]
    list_select_related = ["template", "site"]
    list_filter = ["action", "paused"]
    search_fields = ["name", "site__name"]
    fields = [
        "name",
        "site",
        "template",
        "template_version",
        "action",
        "count",
        "timeout_ms",
        "cron",
        "interval_s",
        "time_zone",
        "user",
        "paused",
        "next_at",
        "last_at",
    ]


@admin.register(Occurrence)
class OccurrenceAdmin(_Shown):
    list_display = ["schedule", "due_at", "trigger", "status", "site", "created_at"]
    list_select_related = ["schedule", "site"]
    list_filter = ["status", "trigger"]
    search_fields = ["schedule__name", "site__name"]
    fields = ["schedule", "site", "due_at", "trigger", "status", "instance_ids", "problems", "created_at"]
