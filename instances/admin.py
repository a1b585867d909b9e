"""The admin pages of instances. Nothing here writes a status: what is asked goes through the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.decorators import display

from common.errors import PlatformError
from instances import services
from instances.models import Event, Instance, Log
from sites.admin_base import SiteOwnedAdmin, principal_at
from sites.principal import Principal
from sites.roles import Role

EVENTS_SHOWN = 30
LABELS = {
    "running": "success",
    "error": "danger",
    "deleting": "danger",
    "pending": "warning",
    "provisioning": "warning",
    "starting": "warning",
    "stopping": "warning",
}


def ordered(service: Callable[[Principal, Any], Instance], description: str) -> Any:
    """An admin action that asks `service` for each chosen instance, and says what was refused and why."""

    @admin.action(description=description, permissions=["change"])
    def act(self: InstanceAdmin, request: HttpRequest, queryset: QuerySet[Instance]) -> None:
        accepted = 0
        for instance in queryset:
            try:
                service(principal_at(request, instance.site_id, as_role=Role.ADMIN), instance.pk)
                accepted += 1
            except PlatformError as refusal:
                self.message_user(request, f"{instance.name}: {refusal.message}", messages.WARNING)
        self.message_user(request, f"{accepted} instances were asked to {description.split()[0].lower()}.")

    act.__name__ = f"ask_{service.__name__}"
    return act


@admin.register(Instance)
class InstanceAdmin(SiteOwnedAdmin):
    list_display = ["name", "site", "instance_type", "status_label", "desired_state", "user", "created_at"]
    list_select_related = ["site", "user"]
    list_filter = ["status", "instance_type", "desired_state", "provider"]
    search_fields = ["name", "id", "site__name", "user__email"]
    list_per_page = 50
    actions = [
        ordered(services.request_start, "Start the chosen instances"),
        ordered(services.request_stop, "Stop the chosen instances"),
        ordered(services.request_restart, "Restart the chosen instances"),
        ordered(services.request_retry, "Retry the chosen instances"),
        ordered(services.request_deletion, "Delete the chosen instances"),
    ]
    fieldsets = [
        (None, {"fields": ["name", "site", "instance_type", "user", "agent", "configuration", "variables"]}),
        ("State", {"fields": ["status", "status_reason", "status_since", "desired_state", "deadline_at"]}),
        ("Machine", {"fields": ["provider", "provider_ref", "incarnation", "boot_id", "losses"]}),
        ("Work", {"fields": ["generation", "lease_token", "lease_until", "look_again_at"]}),
        ("Use", {"fields": ["last_activity_at", "last_screenshot_at", "total_commands_executed"]}),
        ("Times", {"fields": ["created_at", "updated_at", "started_at", "stopped_at", "deleted_at"]}),
        ("History", {"fields": ["history"]}),
    ]

    @display(description="Status", label=LABELS, ordering="status")
    def status_label(self, instance: Instance) -> str:
        return instance.status

    @display(description="Environment variables (names)")
    def variables(self, instance: Instance) -> str:
        return ", ".join(instance.environment_names) or "none"

    @display(description="Newest events")
    def history(self, instance: Instance) -> str:
        events = Event.everywhere.filter(instance=instance).order_by("-number")[:EVENTS_SHOWN]
        rows = ((e.created_at.strftime("%Y-%m-%d %H:%M:%S"), e.kind, e.status_to, e.message) for e in events)
        return format_html_join("", "<div><code>{}</code> <b>{}</b> {} {}</div>", rows)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Instance]:
        """Deleted ones are shown when somebody filters for them."""
        rows = super().get_queryset(request)
        return rows if "status__exact" in request.GET else rows.filter(deleted_at=None)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Instance, form: Any, change: bool) -> None:
        """There is nothing to write: the page shows, the actions ask. A whole row saved here would undo a worker's."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Instances are asked for over the API, by a principal of their site."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A row goes when its machine is gone: there is an action for that, and no button."""
        return False


@admin.register(Log)
class LogAdmin(SiteOwnedAdmin):
    list_display = ["created_at", "site", "instance", "log_type", "level", "message"]
    list_select_related = ["site", "instance"]
    list_filter = ["log_type", "level", "is_error"]
    search_fields = ["message", "tool_name"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
