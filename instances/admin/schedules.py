"""The admin pages of schedules, which can be paused, resumed and run, and of what they did. They are written over the
API, by whom they then act for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from common.admin import ShownOnly
from common.admin_orders import Order, OrderedAdmin
from instances import schedules
from instances.models import Occurrence, Schedule
from sites.admin_base import SiteOwnedAdmin, asking
from sites.principal import Principal
from sites.roles import Role


def _through(service: Callable[[Principal, Any], object]) -> Callable[[HttpRequest, Schedule], object]:
    def ask(request: HttpRequest, schedule: Schedule) -> object:
        with asking(request, schedule.site_id, as_role=Role.ADMIN) as principal:
            return service(principal, schedule.pk)

    return ask


ORDERS = (
    Order(
        "pause", "Pause", "pause", _through(partial(schedules.change_schedule, paused=True)), lambda row: not row.paused
    ),
    Order(
        "resume", "Resume", "play_arrow", _through(partial(schedules.change_schedule, paused=False)), lambda r: r.paused
    ),
    Order("run", "Run now", "bolt", _through(schedules.run_now), lambda row: True),
)


class _Shown(ShownOnly, SiteOwnedAdmin):
    noun = "schedules"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)


@admin.register(Schedule)
class ScheduleAdmin(OrderedAdmin, _Shown):
    orders = ORDERS
    role_writes = True
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

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To give orders, that is: a whole row saved here would act for somebody else."""
        return obj is None and SiteOwnedAdmin.has_change_permission(self, request)


@admin.register(Occurrence)
class OccurrenceAdmin(_Shown):
    list_display = ["schedule", "due_at", "trigger", "status", "site", "created_at"]
    list_select_related = ["schedule", "site"]
    list_filter = ["status", "trigger"]
    search_fields = ["schedule__name", "site__name"]
    fields = ["schedule", "site", "due_at", "trigger", "status", "instance_ids", "problems", "created_at"]
