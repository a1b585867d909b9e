"""The admin's list of machines that no instance owns; for superusers, since they are of no site."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from common.admin import CrewAdmin, ShownOnly
from instances.models import Orphan


@admin.register(Orphan)
class OrphanAdmin(ShownOnly, CrewAdmin):
    list_display = ["machine", "provider", "reason", "sightings", "first_seen_at", "last_seen_at", "gone_at", "fault"]
    list_filter = ["reason", "provider", ("gone_at", admin.EmptyFieldListFilter)]
    search_fields = ["machine"]

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)
