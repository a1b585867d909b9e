"""The admin pages of plans: read here, moved through the services. Nothing here writes a status."""

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
from plans import services
from plans.models import Dependency, Plan, PlanEvent
from sites.admin_base import SiteOwnedAdmin, asking
from sites.principal import Principal
from sites.roles import Role

EVENTS_SHOWN = 30
LABELS = {
    "completed": "success",
    "in_progress": "info",
    "failed": "danger",
    "blocked": "warning",
    "paused": "warning",
}


def asked(service: Callable[[Principal, Any], Plan], description: str) -> Any:
    """An admin action that asks `service` for each chosen plan, and says what was refused and why."""

    @admin.action(description=description, permissions=["change"])
    def act(self: PlanAdmin, request: HttpRequest, queryset: QuerySet[Plan]) -> None:
        accepted = 0
        for plan in queryset:
            try:
                with asking(request, plan.site_id, as_role=Role.ADMIN) as principal:
                    service(principal, plan.pk)
                accepted += 1
            except PlatformError as refusal:
                self.message_user(request, f"{plan.title}: {refusal.message}", messages.WARNING)
        self.message_user(request, f"{description.split()[0]}: {accepted} of {len(queryset)} plans.")

    act.__name__ = service.__name__
    return act


@admin.register(Plan)
class PlanAdmin(SiteOwnedAdmin):
    noun = "plans"
    role_writes = True
    list_display = ["title", "site", "instance", "plan_type", "status_label", "progress", "priority", "due_at"]
    list_select_related = ["site", "instance"]
    list_filter = ["status", "plan_type", "priority"]
    search_fields = ["title", "id", "site__name", "instance__name"]
    actions = [
        asked(services.start_plan, "Start the chosen plans"),
        asked(services.pause_plan, "Pause the chosen plans"),
        asked(services.resume_plan, "Resume the chosen plans"),
        asked(services.retry_plan, "Retry the chosen plans"),
        asked(services.cancel_plan, "Cancel the chosen plans"),
    ]
    fieldsets = [
        (None, {"fields": ["title", "site", "instance", "user", "agent", "plan_type", "priority", "due_at"]}),
        ("What is to be reached", {"fields": ["description", "instructions", "expected_output", "success_criteria"]}),
        ("State", {"fields": ["status", "error_message", "progress", "retry_count", "max_retries"]}),
        ("Steps", {"fields": ["steps_shown"]}),
        ("Other plans", {"fields": ["parent", "waits_for"]}),
        ("Times", {"fields": ["created_at", "updated_at", "started_at", "completed_at"]}),
        ("History", {"fields": ["history"]}),
    ]

    @display(description="Status", label=LABELS, ordering="status")
    def status_label(self, plan: Plan) -> str:
        return plan.status

    @display(description="Progress", ordering="progress_percentage")
    def progress(self, plan: Plan) -> str:
        return f"{plan.progress_percentage} % ({plan.steps_completed} of {plan.steps_total})"

    @display(description="Steps")
    def steps_shown(self, plan: Plan) -> str:
        rows = ((step["status"], step["title"], step["error_message"]) for step in plan.steps)
        return format_html_join("", "<div><code>{}</code> {} {}</div>", rows) or "none"

    @display(description="Waits for")
    def waits_for(self, plan: Plan) -> str:
        rows = Dependency.everywhere.filter(plan=plan).values_list("needs__status", "needs__title")
        return format_html_join("", "<div><code>{}</code> {}</div>", rows) or "none"

    @display(description="Newest events")
    def history(self, plan: Plan) -> str:
        events = PlanEvent.everywhere.filter(plan=plan).order_by("-number")[:EVENTS_SHOWN]
        rows = ((e.created_at.strftime("%Y-%m-%d %H:%M:%S"), e.kind, e.status_to, e.message) for e in events)
        return format_html_join("", "<div><code>{}</code> <b>{}</b> {} {}</div>", rows)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Plans are written over the API, by a principal of their site."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To move chosen plans; the page of one shows it, and saves nothing."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A plan is removed by its service, which frees what waits for it; here it can be cancelled."""
        return False
