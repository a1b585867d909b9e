"""The JSON of webhooks and of their deliveries."""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common import outbound, signing
from common.api.serializers import StrictModelSerializer, StrictSerializer
from instances.models import Webhook, WebhookDelivery

_KIND = re.compile(r"instance\.(\*|[a-z_]{1,40})")
_URL_HELP = "https://, to the public internet; other networks are the operator's to allow."
_EVENTS_HELP = "Kinds such as `instance.guest_ready`, or `instance.*`. Left out or empty: all."


def _known(kind: str) -> None:
    if not _KIND.fullmatch(kind):
        raise serializers.ValidationError("A kind such as instance.guest_ready, or instance.*.")


def _sound(url: str) -> None:
    try:
        outbound.target_of(url)
    except outbound.Refused as refusal:
        raise serializers.ValidationError(f"{refusal}.") from refusal


def _events() -> serializers.ListField:
    child = serializers.CharField(max_length=60, validators=[_known])
    return serializers.ListField(child=child, max_length=50, required=False, help_text=_EVENTS_HELP)


class WebhookSerializer(StrictModelSerializer):
    """A webhook without its secret, which no reply but the one to its making holds."""

    tolerated = frozenset(
        {"id", "site_id", "failing_since", "disabled_at", "disabled_reason", "created_at", "updated_at"}
    )
    site_id = serializers.UUIDField(read_only=True)
    url = serializers.CharField(max_length=outbound.LONGEST_URL, validators=[_sound], help_text=_URL_HELP)
    events = _events()

    class Meta:
        model = Webhook
        fields = [
            "id",
            "site_id",
            "url",
            "description",
            "events",
            "is_active",
            "failing_since",
            "disabled_at",
            "disabled_reason",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "failing_since", "disabled_at", "disabled_reason", "created_at", "updated_at"]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Told of starts and failures",
            {"url": "https://hooks.example.com/desks", "events": ["instance.guest_ready", "instance.gave_up"]},
            request_only=True,
        )
    ]
)
class NewWebhookSerializer(StrictSerializer):
    """Where to send what happens, and which of it."""

    tolerated = frozenset({"site_id"})
    url = serializers.CharField(max_length=outbound.LONGEST_URL, validators=[_sound], help_text=_URL_HELP)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    events = _events()
    is_active = serializers.BooleanField(default=True)
    secret = serializers.CharField(
        max_length=100,
        required=False,
        write_only=True,
        help_text="`whsec_` and 24 to 64 bytes in base64. Left out: one is made, and shown once.",
    )

    def validate_secret(self, secret: str) -> str:
        if not signing.is_secret(secret):
            raise serializers.ValidationError("whsec_ and 24 to 64 bytes in base64.")
        return secret


class MadeWebhookSerializer(WebhookSerializer):
    """A webhook with its secret. It is shown this once."""

    secret = serializers.CharField(
        read_only=True, allow_null=True, help_text="Not shown again; null where you brought it along."
    )

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class TrySerializer(StrictSerializer):
    """One attempt. `status` is the answer's; without an answer, `error` says what happened."""

    at = serializers.DateTimeField(read_only=True)
    status = serializers.IntegerField(read_only=True, allow_null=True)
    took_ms = serializers.FloatField(read_only=True)
    error = serializers.CharField(read_only=True)


class DeliverySerializer(StrictModelSerializer):
    """One message. `message_id` is what the receiver sees as `webhook-id`."""

    webhook_id = serializers.UUIDField(read_only=True)
    message_id = serializers.CharField(read_only=True, help_text="The same for every attempt and repetition.")
    instance_id = serializers.UUIDField(read_only=True, source="subject", help_text="For a ping, the webhook's.")
    tries = TrySerializer(many=True, read_only=True, help_text="The latest twenty.")

    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "webhook_id",
            "number",
            "message_id",
            "kind",
            "instance_id",
            "payload",
            "status",
            "attempts",
            "tries",
            "next_attempt_at",
            "delivered_at",
            "created_at",
        ]
        read_only_fields = fields

    def to_representation(self, instance: WebhookDelivery) -> dict[str, object]:
        shown: dict[str, object] = super().to_representation(instance)
        return {**shown, "message_id": f"msg_{instance.message_id}"}
