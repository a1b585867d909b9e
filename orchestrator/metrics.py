"""`/metrics`, for Prometheus: what all processes counted, and how the fleet and its queues stand. No site is named."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg_pool import PoolTimeout

from common import clock, heartbeats, metrics
from common.api.errors import answer
from common.errors import NotFound, NotSignedIn
from orchestrator import figures

TEXT = "text/plain; version=0.0.4; charset=utf-8"
SWEEPS = {"sweep": "instances", "plans.sweep": "plans", "patrol": "patrol", "webhooks": "webhooks"}
NEVER_S = 3600.0
"""What a sweep's lag is said to be at least, when it was not heard of within the hour."""
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """With METRICS_TOKEN: to whoever shows it as a bearer. Without: to this host, and only while nobody else is served
    from it, because behind a proxy everybody comes from here."""
    if settings.METRICS_TOKEN:
        shown = request.headers.get("authorization", "").partition(" ")[2].strip()
        if not hmac.compare_digest(shown.encode(errors="replace"), settings.METRICS_TOKEN.encode()):
            said = {"WWW-Authenticate": 'Bearer realm="metrics"'}
            return answer(401, "Send METRICS_TOKEN as a bearer token.", NotSignedIn.code, headers=said)
    elif not _comes_from_here(request):
        return answer(404, NotFound.message, NotFound.code)
    return HttpResponse(metrics.text(State()), content_type=TEXT, headers={"Cache-Control": "no-store"})


def _comes_from_here(request: HttpRequest) -> bool:
    if any(name in request.headers for name in _FORWARDED):
        return False
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and _is_loopback(urlsplit(settings.PUBLIC_URL).hostname)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class State(Collector):
    """What stands in rows and in Redis, read when asked. A part that is away is said to be, and the rest is told."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("orchestrator_up", "Whether the part answered this scrape.", labels=["part"])
        took = time.perf_counter()
        for part, read in (("database", _rows), ("redis", _signs)):
            try:
                yield from list(read())
                up.add_metric([part], 1)
            except (DatabaseError, PoolTimeout, redis.RedisError):
                up.add_metric([part], 0)
        yield up
        yield _one("scrape_seconds", "How long rows and Redis took to read.", time.perf_counter() - took)


def _rows() -> Iterator[Metric]:
    counts = GaugeMetricFamily(
        "orchestrator_instances", "Instances that are not deleted.", labels=["instance_type", "status"]
    )
    for labels, count in figures.fleet(None).items():
        counts.add_metric(labels, count)
    yield counts
    queue = figures.queue(None)
    yield _one("looks_overdue", f"Instances due for a look; counted to {figures.OVERDUE_CAP}.", sum(queue.buckets))
    yield _one("queue_age_seconds", "How long the most overdue look has waited.", queue.oldest_s)
    yield _one("orphans", "Machines that belong to no instance.", figures.orphans())
    yield _one("webhook_queue_age_seconds", "How long the most overdue message has waited.", figures.late_message_s())


def _signs() -> Iterator[Metric]:
    lag = GaugeMetricFamily("orchestrator_sweep_lag_seconds", "Since a sweep last ran.", labels=["sweep"])
    for name, of in SWEEPS.items():
        seen = heartbeats.last(name)
        lag.add_metric([of], NEVER_S if seen is None else max(0.0, (clock.now() - seen).total_seconds()))
    yield lag
    if settings.CELERY_BROKER_URL == settings.REDIS_URL:
        waiting = heartbeats.client().llen("celery")
        yield _one("tasks_waiting", "Messages that no worker has taken yet.", float(str(waiting)))


def _one(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"orchestrator_{name}", what, value=value)
