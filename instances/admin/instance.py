"""The admin's list of instances, and the page of one: its screen, what happened to it, what may be asked of it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from unfold.decorators import display

from common.admin import page, waits
from common.admin_orders import OrdersAlone
from common.errors import PlatformError
from instances import signed
from instances.admin.orders import ORDERS
from instances.admin.screen import picture_of
from instances.models import Event, Instance, Log
from sites.admin_base import SiteOwnedAdmin, asking
from sites.roles import Role

SHOWN = 12
LABELS = {
    "running": "success",
    "error": "danger",
    "deleting": "danger",
    "pending": "warning",
    "provisioning": "warning",
    "starting": "warning",
    "stopping": "warning",
}


@admin.register(Instance)
class InstanceAdmin(OrdersAlone, SiteOwnedAdmin):
    noun = "instances"
    role_writes = True
    orders = ORDERS
    change_form_template = "admin/instances/instance/page.html"
    list_display = ["name", "status_label", "wished", "instance_type", "site", "user", "why", "created_at"]
    list_select_related = ["site", "user"]
    list_filter = ["status", "instance_type", "desired_state", "provider"]
    search_fields = ["name", "site__name", "user__email"]
    search_help_text = "Name, site, email, or a whole id"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "site",
                    "instance_type",
                    "user",
                    "agent",
                    "configuration",
                    "variables",
                    "template",
                ]
            },
        ),
        ("State", {"fields": ["status", "status_reason", "status_since", "desired_state", "deadline_at"]}),
        ("Start-up", {"classes": ["tab"], "fields": ["startup_script", "startup_due_at", "record"]}),
        (
            "Time limits",
            {
                "classes": ["tab"],
                "fields": [
                    "timeout_ms",
                    "on_timeout",
                    "expires_at",
                    "idle_stop_minutes",
                    "active_until",
                    "wish_reason",
                ],
            },
        ),
        (
            "Machine",
            {"classes": ["tab"], "fields": ["provider", "region", "provider_ref", "incarnation", "boot_id", "losses"]},
        ),
        ("Work", {"classes": ["tab"], "fields": ["generation", "lease_token", "lease_until", "look_again_at"]}),
        (
            "Use",
            {"classes": ["tab"], "fields": ["last_activity_at", "last_screenshot_at", "total_commands_executed"]},
        ),
        (
            "Times",
            {"classes": ["tab"], "fields": ["created_at", "updated_at", "started_at", "stopped_at", "deleted_at"]},
        ),
    ]

    @display(description="Status", label=LABELS, ordering="status")
    def status_label(self, instance: Instance) -> str:
        return instance.status

    @display(description="Wished", ordering="desired_state")
    def wished(self, instance: Instance) -> str:
        return "" if instance.desired_state == instance.status else instance.desired_state

    @display(description="Why")
    def why(self, instance: Instance) -> str:
        return instance.status_reason[:80]

    @display(description="Environment variables (names)")
    def variables(self, instance: Instance) -> str:
        return ", ".join(instance.environment_names) or "none"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.screen_view)
        live = self.admin_site.admin_view(self.live_view)
        return [
            path("<path:object_id>/screen", view, name="instances_instance_screen"),
            path("<path:object_id>/view", live, name="instances_instance_view"),
            *super().get_urls(),
        ]

    @waits
    def screen_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        with page():
            instance = self.get_object(request, object_id)
        if instance is None or not self.has_view_permission(request, instance):
            raise Http404
        return picture_of(request, instance)

    @waits
    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """On to a fresh link, which its token makes too short-lived to stand on a page."""
        with page():
            instance = self.get_object(request, object_id)
        if instance is None or not self.has_view_permission(request, instance):
            raise Http404
        try:
            with asking(request, instance.site_id, as_role=Role.OWNER) as principal:
                return HttpResponseRedirect(signed.issue_view(principal, instance.pk).url)
        except PlatformError as error:
            return HttpResponse(error.message, status=error.status, content_type="text/plain; charset=utf-8")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Instance]:
        """Deleted ones are shown when somebody filters for them."""
        rows = super().get_queryset(request)
        return rows if "status__exact" in request.GET else rows.filter(deleted_at=None)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Instance], search_term: str
    ) -> tuple[QuerySet[Instance], bool]:
        """An id is looked up by itself: the key finds it at once."""
        try:
            return queryset.filter(pk=UUID(search_term)), False
        except ValueError:
            found: tuple[QuerySet[Instance], bool] = super().get_search_results(request, queryset, search_term)
            return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "history": lambda: _history(object_id)}
        return cast(HttpResponse, super().change_view(request, object_id, form_url, context))


def _history(object_id: str) -> dict[str, Any]:
    """What the page tells besides the row: the newest events and log entries, and where the rest is."""
    instance = UUID(object_id)
    events = Event.everywhere.filter(instance_id=instance).order_by("-number")[:SHOWN]
    logs = Log.everywhere.filter(instance_id=instance).order_by("-id")[:SHOWN]
    return {
        "events": list(events),
        "logs": list(logs),
        "events_url": _filtered("event", instance),
        "logs_url": _filtered("log", instance),
    }


def _filtered(model: str, instance: object) -> str:
    return f"{reverse(f'admin:instances_{model}_changelist')}?instance__id__exact={instance}"
