"""The admin pages of webhooks and of what was sent to them: read, and never edited; secrets are on none of them."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from common.admin import ShownOnly
from instances.models import Webhook, WebhookDelivery
from sites.admin_base import SiteOwnedAdmin


@admin.register(Webhook)
class WebhookAdmin(ShownOnly, SiteOwnedAdmin):
    noun = "webhooks"
    list_display = ["url", "site", "is_active", "failing_since", "disabled_reason", "created_at"]
    list_select_related = ["site"]
    list_filter = ["is_active"]
    search_fields = ["url", "site__name"]
    fields = ["url", "description", "events", "is_active", "failing_since", "disabled_at", "disabled_reason"]


@admin.register(WebhookDelivery)
class DeliveryAdmin(ShownOnly, SiteOwnedAdmin):
    noun = "webhooks"
    list_display = ["created_at", "webhook", "kind", "state", "attempts", "next_attempt_at", "site"]
    list_select_related = ["site", "webhook"]
    list_filter = ["status"]
    sortable_by = ()
    fields = ["webhook", "kind", "payload", "status", "attempts", "tries", "next_attempt_at", "delivered_at"]

    @display(description="Status", label={"delivered": "success", "pending": "info", "given_up": "danger"})
    def state(self, delivery: WebhookDelivery) -> str:
        return delivery.status
