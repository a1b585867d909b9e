"""The admin pages of plans: read here, moved through the services. Nothing here writes a status."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin
from django.utils.html import format_html_join
from unfold.decorators import display

from common.admin_orders import Order, OrdersAlone
from plans import services
from plans.lifecycle import TABLE
from plans.models import Dependency, Plan, PlanEvent
from sites.admin_base import SiteOwnedAdmin, through

EVENTS_SHOWN = 30
LABELS = {
    "completed": "success",
    "in_progress": "info",
    "failed": "danger",
    "blocked": "warning",
    "paused": "warning",
}


def _may(event: str) -> Callable[[Plan], bool]:
    return lambda plan: (plan.status, event) in TABLE


ORDERS = (
    Order("start", "Start", "play_arrow", through(services.start_plan), _may("started")),
    Order("pause", "Pause", "pause", through(services.pause_plan), _may("paused")),
    Order("resume", "Resume", "play_arrow", through(services.resume_plan), _may("resumed")),
    Order("retry", "Retry", "replay", through(services.retry_plan), _may("retried")),
    Order(
        "cancel",
        "Cancel",
        "block",
        through(services.cancel_plan),
        _may("cancelled"),
        warning="A cancelled plan is never taken up again.",
    ),
)


@admin.register(Plan)
class PlanAdmin(OrdersAlone, SiteOwnedAdmin):
    noun = "plans"
    role_writes = True
    list_display = ["title", "site", "instance", "plan_type", "status_label", "progress", "priority", "due_at"]
    list_select_related = ["site", "instance"]
    list_filter = ["status", "plan_type", "priority"]
    search_fields = ["title", "id", "site__name", "instance__name"]
    orders = ORDERS
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
