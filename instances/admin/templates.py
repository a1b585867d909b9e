"""The admin pages of templates, written by the services, and of the versions that their changes leave behind."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from common.admin import ShownOnly
from common.admin_orders import Order, OrderedAdmin
from instances import extending, specs, templates
from instances.admin.template_form import TemplateForm
from instances.models import Template, TemplateVersion
from sites.admin_base import SiteOwnedAdmin, through
from sites.admin_served import ServedAdmin
from sites.principal import Principal

_SPEC = [
    "instance_type",
    "provider",
    "region",
    "configuration",
    "startup_script",
    "required_variables",
    "tools_enabled",
    "timeout_ms",
    "on_timeout",
    "idle_stop_minutes",
    "record",
]

_POOL = ["pool_failures", "pool_open_until", "pool_reason"]


def _names(row: Any) -> str:
    return ", ".join(row.environment_names) or "none"


@admin.register(Template)
class TemplateAdmin(OrderedAdmin, ServedAdmin):
    noun = "templates"
    form = TemplateForm
    orders = (
        Order(
            "delete",
            "Delete",
            "delete",
            through(templates.remove_template),
            lambda row: True,
            warning="Its versions, schedules and pool go with it. Instances made by it go on.",
            ends=True,
        ),
    )
    list_display = ["name", "version", "instance_type", "pool_size", "pool_open_until", "site", "created_by"]
    list_select_related = ["site", "created_by"]
    list_filter = ["instance_type", "on_timeout"]
    search_fields = ["name", "description", "site__name"]
    editable = ("name", "description", *_SPEC, "environment", "pool_size")
    shown = ("site", "version", "variables", *_POOL, "created_by", "created_at", "updated_at")
    bounds = {
        "timeout_ms": (specs.SHORTEST_MS, specs.LONGEST_MS),
        "idle_stop_minutes": specs.IDLE_MINUTES,
        "pool_size": specs.POOL_SIZES,
    }

    @display(description="Environment variables (names)")
    def variables(self, row: Template) -> str:
        return _names(row)

    def create(self, principal: Principal, **fields: Any) -> Template:
        return templates.create_template(principal, **fields)

    def change(self, principal: Principal, row_id: UUID, **fields: Any) -> Template:
        return templates.change_template(principal, row_id, **fields)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**extending.usual_limits(), **super().get_changeform_initial_data(request)}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of the environment's values there is nothing to show: they are for those who write."""
        writes = obj is None or self.has_change_permission(request, obj)
        return [name for name in super().get_fields(request, obj) if writes or name != "environment"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "startup_script" in form.base_fields:
            form.base_fields["startup_script"].strip = False
        return form


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ShownOnly, SiteOwnedAdmin):
    noun = "templates"
    list_display = ["template", "number", "instance_type", "site", "created_by", "created_at"]
    list_select_related = ["template", "site", "created_by"]
    list_filter = ["instance_type"]
    search_fields = ["template__name", "site__name"]
    fields = ["template", "number", "site", "variables", *_SPEC, "created_by", "created_at"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("template")

    @display(description="Environment variables (names)")
    def variables(self, row: TemplateVersion) -> str:
        return _names(row)
