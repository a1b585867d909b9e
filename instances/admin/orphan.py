"""The admin's list of machines that no instance owns; for superusers, since they are of no site."""

from __future__ import annotations

from django.contrib import admin

from common.admin import PlatformAdmin, ShownOnly
from instances.models import Orphan
from sites.admin_base import OperatorsOnly


@admin.register(Orphan)
class OrphanAdmin(ShownOnly, OperatorsOnly, PlatformAdmin):
    list_display = ["machine", "provider", "reason", "sightings", "first_seen_at", "last_seen_at", "gone_at", "fault"]
    list_filter = ["reason", "provider", ("gone_at", admin.EmptyFieldListFilter)]
    search_fields = ["machine"]
