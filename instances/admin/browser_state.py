"""The admin page of browser states: what lies in each, and never the state itself."""

from __future__ import annotations

from django.contrib import admin

from common.admin import ShownOnly
from instances.models import BrowserState
from sites.admin_base import SiteOwnedAdmin


@admin.register(BrowserState)
class BrowserStateAdmin(ShownOnly, SiteOwnedAdmin):
    noun = "browser-states"
    list_display = ["name", "site", "cookies", "origins", "created_by", "updated_at"]
    list_select_related = ["site", "created_by"]
    search_fields = ["name", "site__name"]
    fields = ["name", "site", "hosts", "cookies", "origins", "instance", "created_by", "created_at", "updated_at"]
