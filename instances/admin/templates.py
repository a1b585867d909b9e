"""The admin pages of templates and of what their changes left behind. They are written over the API, by their site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from common.admin import ShownOnly
from instances.models import Template, TemplateVersion
from sites.admin_base import SiteOwnedAdmin

_SPEC = [
    "instance_type",
    "provider",
    "region",
    "configuration",
    "startup_script",
    "variables",
    "required_variables",
    "tools_enabled",
    "timeout_ms",
    "on_timeout",
    "idle_stop_minutes",
    "record",
]

_POOL = ["pool_size", "pool_failures", "pool_open_until", "pool_reason"]


class _Spec(ShownOnly, SiteOwnedAdmin):
    noun = "templates"

    @display(description="Environment variables (names)")
    def variables(self, row: Any) -> str:
        return ", ".join(row.environment_names) or "none"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)


@admin.register(Template)
class TemplateAdmin(_Spec):
    list_display = ["name", "version", "instance_type", "pool_size", "pool_open_until", "site", "created_by"]
    list_select_related = ["site", "created_by"]
    list_filter = ["instance_type", "on_timeout"]
    search_fields = ["name", "description", "site__name"]
    fields = ["name", "description", "site", "version", *_SPEC, *_POOL, "created_by", "created_at", "updated_at"]


@admin.register(TemplateVersion)
class TemplateVersionAdmin(_Spec):
    list_display = ["template", "number", "instance_type", "site", "created_by", "created_at"]
    list_select_related = ["template", "site", "created_by"]
    list_filter = ["instance_type"]
    search_fields = ["template__name", "site__name"]
    fields = ["template", "number", "site", *_SPEC, "created_by", "created_at"]
