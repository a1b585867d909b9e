"""`/api/webhooks`: where the site is told of its instances' events, and how that went."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import DestroyModelMixin, ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from instances import webhooks
from instances.api.filters import DeliveryFilter, WebhookFilter
from instances.api.webhook_serializers import (
    DeliverySerializer,
    MadeWebhookSerializer,
    NewWebhookSerializer,
    WebhookSerializer,
)
from instances.models import Webhook, WebhookDelivery
from sites.api.base import Changes, Shows, SiteOwnedViewSet, SiteView

_SCOPES: dict[str, str | None] = {
    "GET": "webhooks:read",
    **dict.fromkeys(["POST", "PUT", "PATCH", "DELETE"], "webhooks:write"),
}
_UNSEEN = {"Cache-Control": "no-store"}


class WebhookViewSet(ListModelMixin, DestroyModelMixin, Shows, Changes):
    """Addresses that are told of events. What signs them is in the answer to their making and nowhere else."""

    serializer_class = WebhookSerializer
    filterset_class = WebhookFilter
    search_fields = ["url", "description"]
    ordering_fields = ["created_at", "updated_at", "url"]
    scopes = _SCOPES

    def select(self) -> QuerySet[Webhook]:
        return webhooks.webhooks_of(self.principal)

    @extend_schema(request=NewWebhookSerializer, responses={201: MadeWebhookSerializer})
    def create(self, request: Request) -> Response:
        """Be told of what happens from now on. A secret that we made is shown this once, one that you brought never."""
        wanted = self.valid(NewWebhookSerializer)
        webhook, secret = webhooks.create_webhook(self.principal, **wanted)
        shown = {**WebhookSerializer(webhook).data, "secret": None if wanted.get("secret") else secret}
        return Response(shown, status=201, headers={**_UNSEEN, "ETag": self.version_of(webhook) or ""})

    def perform_update(self, row: Webhook, changes: dict[str, Any]) -> Webhook:
        return webhooks.update_webhook(self.principal, row, **changes)

    def perform_destroy(self, instance: Webhook) -> None:
        """Its messages go with it, sent or not."""
        webhooks.delete_webhook(self.principal, instance)


class PingView(SiteView):
    """A message that tells of nothing, to try an address."""

    scopes = _SCOPES

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        """It is tried once, also while the webhook is inactive; its row in the deliveries says how it went."""
        made = webhooks.ping(self.principal, webhooks.webhook_of(self.principal, pk))
        return Response(DeliverySerializer(made).data, status=202)


class SecretView(SiteView):
    """The secret that signs."""

    scopes = _SCOPES

    @extend_schema(operation_id="rotate_webhook_secret", request=None, responses={201: MadeWebhookSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        """A new one, shown this once. For 24 hours messages carry a signature by each."""
        webhook = webhooks.webhook_of(self.principal, pk)
        secret = webhooks.rotate_secret(self.principal, webhook)
        return Response({**WebhookSerializer(webhook).data, "secret": secret}, status=201, headers=_UNSEEN)


class DeliveriesView(ListModelMixin, SiteOwnedViewSet):
    """What was sent to a webhook, what waits for it, and how each attempt went; kept for 14 days."""

    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    search_fields = ["kind"]
    ordering_fields = ["created_at", "number"]
    scopes = _SCOPES

    def select(self) -> QuerySet[WebhookDelivery]:
        return webhooks.deliveries_of(self.principal, self.kwargs["pk"])


class RedeliverView(SiteView):
    """A message once more."""

    scopes = _SCOPES

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, pk: UUID, delivery_id: UUID) -> Response:
        """Sent again as a new delivery, with the old message's id. 409 while the old one is on its way still."""
        made = webhooks.redeliver(self.principal, webhooks.webhook_of(self.principal, pk), delivery_id)
        return Response(DeliverySerializer(made).data, status=202)
