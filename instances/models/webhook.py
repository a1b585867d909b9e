"""Webhooks: where a site wants to be told of its instances' events, and each message that is to go there."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from common.ids import new_id
from common.secrets import EncryptedJSONField
from sites.models import SiteOwned
from sites.models.owned import EverySite


class Webhook(SiteOwned):
    """`cursor_xid` and `cursor_id` stand behind the last event that was made into messages, by the order of commits."""

    url = models.CharField(max_length=2000)
    description = models.CharField(max_length=200, blank=True)
    events = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    # The keys that sign: the present one, and for a while the one before it.
    keys: models.Field[Any, Any] = EncryptedJSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    cursor_xid = models.BigIntegerField(editable=False)
    cursor_id = models.UUIDField(editable=False)
    last_number = models.PositiveBigIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_reason = models.CharField(max_length=300, blank=True, editable=False)

    everywhere: ClassVar[EverySite[Webhook]] = EverySite()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["site", "id"], name="webhook_of_site")]
        indexes = [
            models.Index(fields=["site", "-id"], name="webhook_newest"),
            models.Index(fields=["id"], name="webhook_active", condition=Q(is_active=True)),
        ]

    def __str__(self) -> str:
        return self.url


class DeliveryStatus(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class WebhookDelivery(SiteOwned):
    """One message to one webhook. `number` counts per webhook; those of one `subject` go out in that order.

    Pending and due is what stands to be sent; whoever sends it puts `next_attempt_at` past its own end first, which is
    its lease: a sender that dies is followed by another one then.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    number = models.PositiveBigIntegerField()
    message_id = models.UUIDField(default=new_id)
    kind = models.CharField(max_length=60)
    subject = models.UUIDField(help_text="The instance that it tells of; for a ping, the webhook.")
    payload = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    is_extra = models.BooleanField(default=False, help_text="A ping or a repetition: it waits for no other one.")
    attempts = models.PositiveIntegerField(default=0)
    tries = models.JSONField(default=list)
    next_attempt_at = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField()
    lease_token = models.PositiveBigIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)

    everywhere: ClassVar[EverySite[WebhookDelivery]] = EverySite()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["webhook", "number"], name="delivery_number_once")]
        indexes = [
            models.Index(fields=["site", "webhook", "-id"], name="delivery_newest"),
            models.Index(fields=["webhook", "number"], name="delivery_pending", condition=Q(status="pending")),
            models.Index(
                fields=["webhook", "subject", "number"],
                name="delivery_in_order",
                condition=Q(status="pending", is_extra=False),
            ),
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(status="pending")),
            models.Index(fields=["id"], name="delivery_done", condition=~Q(status="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"
