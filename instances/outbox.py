"""How webhooks are told: events are made into messages, messages are claimed, sent and marked. Runs in workers only.

The events themselves are the outbox: who writes one knows nothing of webhooks. Each webhook reads them behind a cursor
in the order of commits, so none is missed and none delays a transaction.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction

from common import clock
from common.ids import first_id_at
from common.realtime import watermark
from common.realtime.watermark import Mark
from common.tenancy import CREW
from instances.models import DeliveryStatus, Event, Webhook, WebhookDelivery

BATCH = 200
PING = "ping"
GONE = 410
LEASE_S = 40.0
"""Longer than a message may take; a sender that died is followed by another one then."""
PENDING_AT_MOST = 2_000
"""Messages that wait for one webhook; with more, its events wait where they are."""
TRIES_KEPT = 20
KEPT_FOR = timedelta(days=14)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _GROWTH = 5.0, 6 * 3600.0, 4.0
SWEPT_AT_ONCE = 1_000

_WITH_NEWS = """
    SELECT w.id FROM instances_webhook w WHERE w.is_active AND EXISTS (
        SELECT FROM instances_event e
        WHERE e.site_id = w.site_id AND (e.xid, e.id) > (w.cursor_xid, w.cursor_id) AND e.xid < %s)
    ORDER BY w.id LIMIT 1000"""
# A few of each webhook, and the sites in turn, so that who has a heap of messages keeps no other one's waiting.
_DUE = """
    SELECT d.id, d.webhook_id, w.site_id FROM instances_webhook w CROSS JOIN LATERAL (
        SELECT d.id, d.webhook_id, d.next_attempt_at FROM instances_webhookdelivery d
        WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.next_attempt_at <= %(now)s
          AND (d.kind = 'ping' OR (w.is_active AND (w.paused_until IS NULL OR w.paused_until <= %(now)s)))
          AND (d.is_extra OR NOT EXISTS (
              SELECT FROM instances_webhookdelivery e
              WHERE e.webhook_id = d.webhook_id AND e.subject = d.subject AND e.number < d.number
                AND e.status = 'pending' AND NOT e.is_extra))
        ORDER BY d.number LIMIT %(each)s) d
    ORDER BY row_number() OVER (PARTITION BY w.site_id ORDER BY d.next_attempt_at), d.next_attempt_at LIMIT 100"""
_CLAIM = """
    UPDATE instances_webhookdelivery
    SET lease_token = lease_token + 1, attempts = attempts + 1, next_attempt_at = %s
    WHERE id = ANY(%s) AND status = 'pending' AND next_attempt_at <= %s RETURNING id"""
_SWEEP = """
    DELETE FROM instances_webhookdelivery WHERE id IN (
        SELECT id FROM instances_webhookdelivery WHERE status <> 'pending' AND id < %s ORDER BY id LIMIT %s)"""


@dataclass(frozen=True, slots=True)
class Tried:
    """How one attempt went. `status` is the answer's, or None where none came."""

    status: int | None
    took_ms: float
    error: str = ""
    was_slow: bool = False

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def collect() -> int:
    """Make messages of what happened since each webhook was last looked at; how many. Twice is the same as once."""
    below = watermark.horizon()
    with connections[CREW].cursor() as cursor:
        cursor.execute(_WITH_NEWS, [below])
        hooks = [row[0] for row in cursor.fetchall()]
    return sum(_collect(webhook_id, below) for webhook_id in hooks)


def claim(busy: Collection[WebhookDelivery], *, room: int, each: int, of_site: int) -> list[WebhookDelivery]:
    """Take the lease of up to `room` messages that are due, at most `each` at once for a webhook and `of_site` for all
    of a site; `busy` are being sent here already. With its webhook, each."""
    now = clock.now()
    with connections[CREW].cursor() as cursor:
        cursor.execute(_DUE, {"now": now, "each": each})
        wanted: list[UUID] = []
        taken = Counter(whose for sent in busy for whose in (sent.webhook_id, sent.site_id))
        for delivery_id, webhook_id, site_id in cursor.fetchall():
            if taken[webhook_id] < each and taken[site_id] < of_site and len(wanted) < room:
                taken.update((webhook_id, site_id))
                wanted.append(delivery_id)
        if not wanted:
            return []
        cursor.execute(_CLAIM, [clock.in_s(LEASE_S), wanted, now])
        ours = [row[0] for row in cursor.fetchall()]
    rows = WebhookDelivery.everywhere.filter(pk__in=ours).select_related("webhook").order_by("number")
    return list(rows)


def conclude(claimed: WebhookDelivery, tried: Tried) -> None:
    """Write down how an attempt went; nothing where somebody else has taken the message over since, or the webhook has
    gone."""
    with transaction.atomic(using=CREW):
        webhooks = Webhook.everywhere.select_for_update(no_key=True).defer("keys")
        webhook = webhooks.filter(pk=claimed.webhook_id).first()
        if webhook is None:
            return
        rows = WebhookDelivery.everywhere.filter(pk=claimed.pk, lease_token=claimed.lease_token)
        now = clock.now()
        if rows.update(tries=_told(claimed, tried, now), **_next(claimed, tried, now)):
            _judge(webhook, claimed, tried, now)


def sweep() -> int:
    """Delete old messages that are done with, a batch of them."""
    with connections[CREW].cursor() as cursor:
        cursor.execute(_SWEEP, [first_id_at(clock.now() - KEPT_FOR), SWEPT_AT_ONCE])
        return int(cursor.rowcount)


def _collect(webhook_id: UUID, below: int) -> int:
    with transaction.atomic(using=CREW):
        rows = Webhook.everywhere.select_for_update(skip_locked=True, no_key=True, of=("self",)).defer("keys")
        webhook = rows.filter(pk=webhook_id, is_active=True).first()
        if webhook is None or _is_full(webhook):
            return 0
        begin = Mark(webhook.cursor_xid, webhook.cursor_id)
        news = list(watermark.between(Event.everywhere.filter(site_id=webhook.site_id), begin, below)[:BATCH])
        if not news:
            return 0
        made = [_message(webhook, event) for event in news if wants(webhook, f"instance.{event.kind}")]
        for number, message in enumerate(made, start=webhook.last_number + 1):
            message.number = number
        WebhookDelivery.everywhere.bulk_create(made)
        webhook.cursor_xid, webhook.cursor_id = news[-1].xid, news[-1].pk
        webhook.last_number += len(made)
        webhook.save(using=CREW, update_fields=["cursor_xid", "cursor_id", "last_number"])
        return len(made)


def wants(webhook: Webhook, kind: str) -> bool:
    """Whether it asked to be told of events of this kind; an empty list asks for all."""
    return not webhook.events or kind in webhook.events or f"{kind.partition('.')[0]}.*" in webhook.events


def _is_full(webhook: Webhook) -> bool:
    waiting = WebhookDelivery.everywhere.filter(webhook=webhook, status=DeliveryStatus.PENDING)
    return waiting.order_by()[:PENDING_AT_MOST].count() >= PENDING_AT_MOST


def _message(webhook: Webhook, event: Event) -> WebhookDelivery:
    now = clock.now()
    return WebhookDelivery(
        site_id=webhook.site_id,
        webhook=webhook,
        kind=f"instance.{event.kind}",
        subject=event.instance_id,
        payload=event.as_json(),
        next_attempt_at=now,
        give_up_at=now + timedelta(days=settings.WEBHOOK_RETRY_DAYS),
    )


def _told(claimed: WebhookDelivery, tried: Tried, now: datetime) -> list[dict[str, Any]]:
    told = {"at": now.isoformat(), "status": tried.status, "took_ms": round(tried.took_ms, 1), "error": tried.error}
    return [*claimed.tries, told][-TRIES_KEPT:]


def _next(claimed: WebhookDelivery, tried: Tried, now: datetime) -> dict[str, Any]:
    if tried.is_good:
        return {"status": DeliveryStatus.DELIVERED, "delivered_at": now, "next_attempt_at": None}
    again_at = now + timedelta(seconds=pause_s(claimed.attempts))
    if claimed.kind == PING or tried.status == GONE or again_at > claimed.give_up_at:
        return {"status": DeliveryStatus.GIVEN_UP, "next_attempt_at": None}
    return {"next_attempt_at": again_at}


def pause_s(attempts: int) -> float:
    """After so many attempts: 5 s, 20 s, 80 s … up to six hours, each up to a fifth longer so that crowds spread."""
    longest = min(_FIRST_PAUSE_S * _GROWTH ** (attempts - 1), _LONGEST_PAUSE_S)
    return longest * random.uniform(1.0, 1.2)


def _judge(webhook: Webhook, claimed: WebhookDelivery, tried: Tried, now: datetime) -> None:
    """What the attempt says of the webhook itself. A ping tells of a cure, and of no fault that others would not."""
    if tried.is_good:
        if webhook.failing_since or webhook.paused_until:
            _write(webhook, failing_since=None, paused_until=None)
        return
    if claimed.kind == PING:
        return
    since = webhook.failing_since or now
    paused = now + timedelta(seconds=pause_s(claimed.attempts)) if tried.was_slow else webhook.paused_until
    _write(webhook, failing_since=since, paused_until=paused)
    if tried.status == GONE:
        _disable(webhook, now, "The receiver answered 410: it wants no more of this.")
    elif now - since >= timedelta(days=settings.WEBHOOK_RETRY_DAYS):
        _disable(webhook, now, f"Nothing could be delivered for {settings.WEBHOOK_RETRY_DAYS:g} days.")


def _disable(webhook: Webhook, now: datetime, reason: str) -> None:
    _write(webhook, is_active=False, disabled_at=now, disabled_reason=reason)
    left = WebhookDelivery.everywhere.filter(webhook=webhook, status=DeliveryStatus.PENDING)
    left.update(status=DeliveryStatus.GIVEN_UP, next_attempt_at=None)


def _write(webhook: Webhook, **columns: Any) -> None:
    Webhook.everywhere.filter(pk=webhook.pk).update(**columns)
