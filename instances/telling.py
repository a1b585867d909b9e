"""Sends webhooks' messages: in threads of its own, few at once, so that slow receivers hold up nothing else."""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Any

from django.conf import settings

from common import clock, metrics, outbound, signing, tracing
from common.api.renderers import dumps
from instances import outbox
from instances.models import WebhookDelivery
from instances.outbox import Tried
from instances.webhooks import policy

logger = logging.getLogger(__name__)

AT_ONCE = 16
AT_ONCE_OF_SITE = 8
AT_ONCE_EACH = 4
DEADLINE_S = 15.0
_LOOK_EVERY_S = 0.5

DELIVERIES = metrics.histogram("webhook_delivery", "Attempts at webhooks.", ("outcome",), buckets_s=metrics.SLOW_S)

_telling = Lock()


def run(*, for_s: float = 20.0) -> int:
    """Tell webhooks what there is to tell, until nothing is due or `for_s` is over; how many messages were tried.

    In each process one at a time does so: the next call finds it at work and returns.
    """
    if not _telling.acquire(blocking=False):
        return 0
    try:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as threads:
            return _run(threads, time.monotonic() + for_s)
    finally:
        _telling.release()


def _run(threads: ThreadPoolExecutor, until: float) -> int:
    sent: dict[Future[Tried], WebhookDelivery] = {}
    tried = 0
    while True:
        if time.monotonic() < until:
            outbox.collect()
            room = AT_ONCE - len(sent)
            for claimed in outbox.claim(sent.values(), room=room, each=AT_ONCE_EACH, of_site=AT_ONCE_OF_SITE):
                sent[threads.submit(send, claimed)] = claimed
        if not sent:
            return tried
        for done in wait(sent, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED).done:
            outbox.conclude(sent.pop(done), done.result())
            tried += 1


def send(delivery: WebhookDelivery) -> Tried:
    """One attempt at a message, with its webhook. Reads and writes no row; whatever happens is an outcome."""
    began = time.perf_counter()
    status, error, was_slow = None, "", False
    try:
        with tracing.span("webhook.send", kind="client"):
            status = _sent(delivery)
    except outbound.Refused as refusal:
        error = f"Refused: {refusal}."
    except outbound.Failed as failure:
        error, was_slow = f"Failed: {failure}.", True
    took_s = time.perf_counter() - began
    tried = Tried(status, took_s * 1000, error or _said(status), was_slow)
    DELIVERIES.labels("delivered" if tried.is_good else "failed").observe(took_s)
    return tried


def _sent(delivery: WebhookDelivery) -> int:
    body = dumps({"type": delivery.kind, "timestamp": delivery.created_at.isoformat(), "data": delivery.payload})
    keys = delivery.webhook.keys
    signed_by = [keys["present"], *([keys["past"]] if keys.get("past_until", 0) > clock.now().timestamp() else [])]
    headers = signing.headers(f"msg_{delivery.message_id}", int(clock.now().timestamp()), body, keys=signed_by)
    return outbound.post(
        outbound.target_of(delivery.webhook.url),
        body,
        {"Content-Type": "application/json", "User-Agent": f"Orchestrator/{settings.VERSION}", **headers},
        policy=policy(),
        deadline_s=DEADLINE_S,
    )


def _said(status: Any) -> str:
    if 200 <= status < 300:
        return ""
    return "Redirects are not followed." if 300 <= status < 400 else "The receiver said no."
