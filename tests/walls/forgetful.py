"""An admin whose pages forget everything: Django's own, over every model, without a filter and open to all staff."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import models
from django.http import HttpRequest
from django.urls import path

from orchestrator import urls
from sites.admin_site import PlatformAdminSite
from sites.models import Agent, Site, SiteOwned, User

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, SiteOwned)]
MODELS = [*TENANT_MODELS, Site, User, LogEntry]


class _Open(admin.ModelAdmin):
    """Whoever is staff may do anything, as far as the code goes."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    has_add_permission = has_module_permission
    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission


class _Inline(admin.TabularInline):
    model = Agent
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    has_add_permission = has_view_permission
    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission


def keys_of(model: type[models.Model]) -> list[str]:
    """The foreign keys that a form of the model would let people choose."""
    fields = (field for field in model._meta.concrete_fields if field.is_relation)
    return [field.name for field in fields if field.remote_field.model in MODELS]


def _page(model: type[models.Model]) -> type[_Open]:
    inlines = [_Inline] if model is Site else []
    choices = [name for name in keys_of(model) if model is not LogEntry]
    return type(
        f"{model.__name__}Page", (_Open,), {"inlines": inlines, "search_fields": ["pk"], "list_filter": choices}
    )


site = PlatformAdminSite(name="admin")
for _model in MODELS:
    site.register(_model, _page(_model))

urlpatterns = [path("admin/", site.urls), *urls.urlpatterns]
