"""What a principal may ask of their site's webhooks. Messages are made and sent by `outbox`, never in a request."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from common import clock, outbound, signing
from common.errors import Conflict, Invalid, NotFound
from common.networks import Policy
from common.realtime import watermark
from common.tenancy import site_scope
from instances.models import DeliveryStatus, Webhook, WebhookDelivery
from sites import audit
from sites.principal import Principal

AT_MOST = 50
"""Webhooks of a site."""

OLD_KEY_FOR = timedelta(hours=24)
PING = "ping"
_RESOLVE_S = 2.0


def webhooks_of(principal: Principal) -> QuerySet[Webhook]:
    """The site's webhooks, newest first, without what signs them."""
    principal.must("webhooks:read")
    return Webhook.of(principal.site_id).order_by("-id").defer("keys")


def webhook_of(principal: Principal, webhook_id: UUID) -> Webhook:
    """One of them, with what signs it.

    Raises:
        NotFound: the site has no such webhook.
    """
    with site_scope(principal.site_id):
        found = webhooks_of(principal).defer(None).filter(pk=webhook_id).first()
    if found is None:
        raise NotFound("No such webhook.")
    return found


def deliveries_of(principal: Principal, webhook_id: UUID) -> QuerySet[WebhookDelivery]:
    """What was sent or is to be sent to one of them, newest first.

    Raises:
        NotFound: the site has no such webhook.
    """
    webhook_of(principal, webhook_id)
    return WebhookDelivery.of(principal.site_id).filter(webhook_id=webhook_id).order_by("-id")


def create_webhook(
    principal: Principal,
    *,
    url: str,
    events: list[str] | None = None,
    description: str = "",
    is_active: bool = True,
    secret: str = "",
) -> tuple[Webhook, str]:
    """A webhook that is told of what happens from now on, and the secret that signs, which is not shown again.

    Raises:
        Invalid: we would not connect to this address.
        Conflict: the site has as many as it may.
    """
    principal.must("webhooks:write")
    check_address(url)
    secret = secret or signing.new_secret()
    with site_scope(principal.site_id):
        if Webhook.of(principal.site_id).count() >= AT_MOST:
            raise Conflict(f"A site has at most {AT_MOST} webhooks.", code="TOO_MANY_WEBHOOKS", at_most=AT_MOST)
        tip = watermark.tip()
        webhook = Webhook(
            site_id=principal.site_id,
            url=url,
            events=events or [],
            description=description,
            is_active=is_active,
            keys={"present": secret},
            created_by_id=principal.user_id,
            cursor_xid=tip.xid,
            cursor_id=tip.id,
        )
        webhook.save(using="default", force_insert=True)
        audit.record(principal, "webhook.created", webhook)
    return webhook, secret


def update_webhook(principal: Principal, webhook: Webhook, **changes: Any) -> Webhook:
    """`changes` of `url`, `events`, `description` and `is_active`. What waits for one that is made inactive is given
    up; made active again, it is told of what happens from then on, and its failures are forgotten.

    Raises:
        Invalid: we would not connect to the new address.
    """
    principal.must("webhooks:write")
    asked = sorted(changes)
    if "url" in changes:
        check_address(changes["url"])
    if changes.get("is_active") and not webhook.is_active:
        tip = watermark.tip()
        changes |= {"cursor_xid": tip.xid, "cursor_id": tip.id, "disabled_at": None, "disabled_reason": ""}
    if changes.get("is_active") or "url" in changes:
        changes |= {"failing_since": None, "paused_until": None}
    with site_scope(principal.site_id):
        for name, value in changes.items():
            setattr(webhook, name, value)
        if changes:
            webhook.save(using="default", update_fields=[*changes, "updated_at"])
            audit.record(principal, "webhook.changed", webhook, fields=asked)
        if changes.get("is_active") is False:
            left = WebhookDelivery.of(principal.site_id).filter(webhook_id=webhook.pk, status=DeliveryStatus.PENDING)
            left.update(status=DeliveryStatus.GIVEN_UP, next_attempt_at=None)
    return webhook


def delete_webhook(principal: Principal, webhook: Webhook) -> None:
    """Its messages go with it, sent or not."""
    principal.must("webhooks:write")
    with site_scope(principal.site_id):
        audit.record(principal, "webhook.deleted", webhook)
        webhook.delete(using="default")


def rotate_secret(principal: Principal, webhook: Webhook) -> str:
    """A new secret, shown this once. For 24 hours messages are signed by both, so that receivers can change over.

    Raises:
        NotFound: the webhook went meanwhile.
    """
    principal.must("webhooks:write")
    secret = signing.new_secret()
    until = clock.now() + OLD_KEY_FOR
    with site_scope(principal.site_id):
        webhook.keys = _locked(webhook).keys
        webhook.keys = {"present": secret, "past": webhook.keys["present"], "past_until": until.timestamp()}
        webhook.save(using="default", update_fields=["keys", "updated_at"])
        audit.record(principal, "webhook.secret_rotated", webhook)
    return secret


def ping(principal: Principal, webhook: Webhook) -> WebhookDelivery:
    """Have a message sent that tells of nothing, to an inactive webhook too.

    Raises:
        NotFound: the webhook went meanwhile.
    """
    principal.must("webhooks:write")
    with site_scope(principal.site_id):
        return _add(webhook, kind=PING, subject=webhook.pk, payload={"webhook_id": str(webhook.pk)})


def redeliver(principal: Principal, webhook: Webhook, delivery_id: UUID) -> WebhookDelivery:
    """Have a message that was delivered or given up sent once more, under its old id.

    Raises:
        NotFound: the webhook has no such message.
        Conflict: it is on its way still.
    """
    principal.must("webhooks:write")
    with site_scope(principal.site_id):
        old = WebhookDelivery.of(principal.site_id).filter(webhook_id=webhook.pk, pk=delivery_id).first()
        if old is None:
            raise NotFound("No such delivery.")
        if old.status == DeliveryStatus.PENDING:
            raise Conflict("It is on its way still.", status=old.status)
        return _add(webhook, kind=old.kind, subject=old.subject, payload=old.payload, message_id=old.message_id)


def policy() -> Policy:
    """Public addresses, and what the operator allows besides."""
    return Policy(settings.WEBHOOK_ALLOWED_NETWORKS)


def check_address(url: str) -> None:
    """Return when we would connect there. It is checked again at each delivery, because names change their meaning.

    Raises:
        Invalid: the address is none, or leads into a network of ours or of the host's.
    """
    try:
        outbound.addresses(outbound.target_of(url), policy(), within_s=_RESOLVE_S)
    except outbound.Refused as refusal:
        raise Invalid(f"url: {refusal}.", code="ADDRESS_REFUSED", fields={"url": [f"{refusal}."]}) from refusal
    except outbound.Failed:
        return  # a name that has no address now may have one when it is needed


def _locked(webhook: Webhook) -> Webhook:
    """Its row as it is now, until the transaction ends. Raises `NotFound`: it went meanwhile."""
    found = Webhook.of(webhook.site_id).select_for_update(no_key=True).filter(pk=webhook.pk).first()
    if found is None:
        raise NotFound("No such webhook.")
    return found


def _add(
    webhook: Webhook, *, kind: str, subject: UUID, payload: dict[str, Any], message_id: UUID | None = None
) -> WebhookDelivery:
    """One message beside the order of the others, under the lock of the webhook's row."""
    number = _locked(webhook).last_number + 1
    now = clock.now()
    made = WebhookDelivery(
        site_id=webhook.site_id,
        webhook_id=webhook.pk,
        number=number,
        kind=kind,
        subject=subject,
        payload=payload,
        is_extra=True,
        next_attempt_at=now,
        give_up_at=now + timedelta(days=settings.WEBHOOK_RETRY_DAYS),
        **({"message_id": message_id} if message_id else {}),
    )
    made.save(using="default", force_insert=True)
    Webhook.of(webhook.site_id).filter(pk=webhook.pk).update(last_number=number)
    return made
