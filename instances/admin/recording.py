"""The admin pages of recordings: how they stand. What they show is watched by a link of the API."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from common.admin import ShownOnly
from instances.models import Recording
from sites.admin_base import SiteOwnedAdmin


@admin.register(Recording)
class RecordingAdmin(ShownOnly, SiteOwnedAdmin):
    noun = "recordings"
    list_display = ["created_at", "instance", "state", "frames", "actions", "size", "ended_at", "expires_at", "site"]
    list_select_related = ["site", "instance"]
    list_filter = ["status"]
    sortable_by = ()
    fields = [
        "instance",
        "created_by",
        "status",
        "reason",
        *("max_fps", "quality", "max_minutes", "max_mib"),
        *("started_at", "ended_at", "expires_at", "deleted_at"),
        *("frames", "actions", "gaps", "parts", "bytes"),
    ]

    @display(
        description="Status",
        label={"recording": "info", "waiting": "info", "finished": "success", "interrupted": "danger"},
    )
    def state(self, recording: Recording) -> str:
        return recording.status

    @display(description="Size")
    def size(self, recording: Recording) -> str:
        return f"{recording.bytes / (1024 * 1024):.1f} MiB"
