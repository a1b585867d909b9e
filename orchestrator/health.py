"""Whether the platform is well: each part says ok or a reason, and how long it took to ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema, inline_serializer
from psycopg_pool import PoolTimeout
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import clock, heartbeats
from instances.providers import registry
from instances.providers.base import Refused
from orchestrator import figures

SILENT_AFTER = timedelta(seconds=30)
NEEDED = ("database", "redis", "broker", "worker", "beat", "sweep", "plans_sweep", "gateway")


class NotWell(Exception):
    """The part does not work; the text says why, for people."""


def report() -> tuple[bool, dict[str, Any]]:
    """(whether every needed part is well, the body of the reply)."""
    components = {name: _ask(check) for name, check in CHECKS.items()}
    providers = {name: _ask(partial(_provider, name)) for name in registry.names()}
    ok = all(components[name]["ok"] for name in NEEDED)
    return ok, {"ok": ok, "version": settings.VERSION, "components": components | {"providers": providers}}


def _ask(check: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        found = check() or {}
        answer: dict[str, Any] = {"ok": True, **found}
    except NotWell as reason:
        answer = {"ok": False, "reason": str(reason)}
    return answer | {"took_ms": round((time.perf_counter() - began) * 1000, 2)}


def _database() -> dict[str, Any]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version')")
            return {"version": cursor.fetchone()[0]}
    except (DatabaseError, PoolTimeout) as error:
        raise NotWell("PostgreSQL does not answer.") from error


def _redis() -> None:
    try:
        heartbeats.client().ping()
    except redis.RedisError as error:
        raise NotWell("Redis does not answer.") from error


def _broker() -> dict[str, Any]:
    if settings.CELERY_BROKER_URL == settings.REDIS_URL:
        _redis()
        return {"kind": "redis"}
    return {"kind": settings.CELERY_BROKER_URL.partition(":")[0]}


def _alive(name: str, sentence: str) -> Callable[[], dict[str, Any]]:
    def check() -> dict[str, Any]:
        try:
            seen = heartbeats.last(name)
        except redis.RedisError as error:
            raise NotWell("Redis does not answer, so nothing is known.") from error
        if seen is None or clock.now() - seen > SILENT_AFTER:
            raise NotWell(f"{sentence} {'not within the hour' if seen is None else 'not since ' + seen.isoformat()}.")
        return {"last_seen": seen}

    return check


def _gateway() -> dict[str, Any]:
    # No TLS on a socket of ours, so no certificates to read, which takes 25 ms.
    transport = httpx.HTTPTransport(uds=str(settings.GATEWAY_DIR / "internal.sock"), verify=False)
    try:
        with httpx.Client(transport=transport, timeout=2) as client:
            answer = client.get("http://gateway/health")
            answer.raise_for_status()
            return {"guests": answer.json().get("guests")}
    except httpx.HTTPError as error:
        raise NotWell("The gateway does not answer on its internal socket.") from error


def _provider(name: str) -> dict[str, Any]:
    try:
        driver = registry.provider(name)
    except Refused as refusal:
        raise NotWell(str(refusal)) from refusal
    capabilities = getattr(driver, "capabilities", None)
    return {"flavours": dict(capabilities())} if capabilities else {}


def _orphans() -> dict[str, Any]:
    try:
        count = figures.orphans()
    except (DatabaseError, PoolTimeout) as error:
        raise NotWell("PostgreSQL does not answer.") from error
    if count:
        raise NotWell(f"{count} machines belong to no instance; `manage.py orphans` shows them.")
    return {"count": 0}


CHECKS: dict[str, Callable[[], dict[str, Any] | None]] = {
    "database": _database,
    "redis": _redis,
    "broker": _broker,
    "worker": _alive("worker", "A worker was last heard of:"),
    "beat": _alive("beat", "Beat last sent something:"),
    "sweep": _alive("sweep", "The sweep last ran:"),
    "plans_sweep": _alive("plans.sweep", "The sweep over plans last ran:"),
    "gateway": _gateway,
    "patrol": _alive("patrol", "The patrol last went round:"),
    "orphans": _orphans,
}

_BODY = inline_serializer(
    "Health",
    {
        "ok": serializers.BooleanField(),
        "version": serializers.CharField(),
        "components": serializers.DictField(help_text="Each part: `ok`, and a `reason` where it is not."),
    },
)


class HealthView(APIView):
    """Whether every part works: 200 when all that is needed does, 503 otherwise, the same body in both."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="get_health", tags=["system"], auth=[], responses={200: _BODY, 503: _BODY})
    def get(self, request: Request) -> Response:
        ok, body = report()
        return Response(body, status=200 if ok else 503, headers={} if ok else {"Retry-After": "5"})
