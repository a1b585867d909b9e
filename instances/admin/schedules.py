"""The admin pages of schedules, which act for whoever wrote them last, and of what came of them."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest

from common.admin import ShownOnly
from common.admin_orders import Order, OrderedAdmin
from instances import schedules, specs
from instances.models import Occurrence, Schedule
from sites.admin_base import SiteOwnedAdmin, through
from sites.admin_served import ServedAdmin
from sites.principal import Principal

ORDERS = (
    Order(
        "pause", "Pause", "pause", through(partial(schedules.change_schedule, paused=True)), lambda row: not row.paused
    ),
    Order(
        "resume", "Resume", "play_arrow", through(partial(schedules.change_schedule, paused=False)), lambda r: r.paused
    ),
    Order("run", "Run now", "bolt", through(schedules.run_now), lambda row: True),
    Order(
        "delete",
        "Delete",
        "delete",
        through(schedules.remove_schedule),
        lambda row: True,
        warning="Its history goes with it. What it has started goes on.",
        ends=True,
    ),
)


@admin.register(Schedule)
class ScheduleAdmin(OrderedAdmin, ServedAdmin):
    """Operators of the platform give orders and write none: it would act for somebody who is no member of the site."""

    noun = "schedules"
    orders = ORDERS
    operators_write = False
    list_display = ["name", "action", "template", "cron", "interval_s", "paused", "next_at", "last_at", "site"]
    list_select_related = ["template", "site"]
    list_filter = ["action", "paused"]
    search_fields = ["name", "site__name"]
    editable = (
        "name",
        "template",
        "template_version",
        "action",
        "count",
        "timeout_ms",
        "cron",
        "interval_s",
        "time_zone",
        "paused",
    )
    shown = ("site", "user", "next_at", "last_at")
    bounds = {
        "template_version": (1, 2**31 - 1),
        "timeout_ms": (specs.SHORTEST_MS, specs.LONGEST_MS),
        "interval_s": specs.INTERVALS_S,
    }

    def create(self, principal: Principal, **fields: Any) -> Schedule:
        return schedules.create_schedule(principal, **fields)

    def change(self, principal: Principal, row_id: UUID, **fields: Any) -> Schedule:
        return schedules.change_schedule(principal, row_id, **fields)


@admin.register(Occurrence)
class OccurrenceAdmin(ShownOnly, SiteOwnedAdmin):
    noun = "schedules"
    list_display = ["schedule", "due_at", "trigger", "status", "site", "created_at"]
    list_select_related = ["schedule", "site"]
    list_filter = ["status", "trigger"]
    search_fields = ["schedule__name", "site__name"]
    fields = ["schedule", "site", "due_at", "trigger", "status", "instance_ids", "problems", "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)
