"""The quick way's door: who asks, how often they have, and what is said; before all handlers of Django's."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from asgiref.typing import HTTPScope
from django.conf import settings
from django.db import Error
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException

from common import logs, origin, tracing
from common.api import errors, plain
from common.api.exceptions import error_of
from common.api.middleware import request_name
from common.api.renderers import dumps
from common.api.telemetry import DURATIONS
from common.errors import PlatformError
from common.lines import postgres, redis
from common.realtime.follow import release_connections
from guest.protocol.actions import Screenshot
from instances.api.answers import as_json
from instances.perform import Done
from instances.quick import acting
from instances.quick.asked import ROUTES, Asked, read
from instances.quick.counting import Counting
from sites import keys, quotas
from sites.principal import Principal
from sites.quotas import Limits

log = logging.getLogger(__name__)

AT_ONCE = 1024
ENDING_S = 2.0
_SCOPES = frozenset({"instances:act", "instances:read"})
_ALLOW = {"actions": "POST, OPTIONS", "screenshot": "GET, HEAD, OPTIONS"}


@dataclass(slots=True)
class _Said:
    """An answer that is being made."""

    code: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class QuickActions:
    """Answers a request, or leaves it alone: then nothing was done for it and nothing counted."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: HTTPScope, body: bytes, secret: str, send: Any) -> bool:
        """Whether it was answered."""
        began = time.perf_counter()
        asked = read(scope, body) if secret and len(self._under_way) < AT_ONCE else None
        if asked is None or not plain.is_ours(asked.header(b"host")) or tracing.is_on():
            return False
        is_secure = plain.is_secure(scope["scheme"], asked.header(b"x-forwarded-proto"))
        if settings.SECURE_SSL_REDIRECT and not is_secure:
            return False
        client = scope.get("client")
        here = origin.address_of(client[0] if client else None, asked.header(b"x-forwarded-for") or None)
        with ExitStack() as context:
            name = request_name(asked.header(b"x-request-id"))
            context.enter_context(logs.of_request(name))
            context.enter_context(origin.coming_from(here))
            known = await _known(secret)
            if known is None:
                return False
            principal, limits = known
            said = await self._answered(asked, principal, Counting(principal, limits, secret))
            said.headers["X-Request-ID"] = name
        await plain.send_answer(
            send, said.code, said.body, said.headers, standing=plain.standing_headers(is_secure=is_secure)
        )
        DURATIONS.labels(ROUTES[asked.kind], asked.method, said.code).observe(time.perf_counter() - began)
        return True

    async def aclose(self) -> None:
        """Wait until the actions that are cut short have their rows, and close the running event loop's connections."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=ENDING_S)
        postgres.of_this_loop().close()
        redis.of_this_loop(settings.REDIS_URL).close()

    async def _answered(self, asked: Asked, principal: Principal, counting: Counting) -> _Said:
        said = _Said(headers={"Allow": _ALLOW[asked.kind], "Vary": "Accept"})
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            await counting.begin()
            _tell(asked, await acting.act(principal, asked.instance_id, asked.action), said)
        except (PlatformError, Error, RedisError) as fault:
            _refuse(said, _told_of(fault))
        except Exception:
            log.exception("an action failed in a way that nobody foresaw")
            _refuse(said, PlatformError())
        finally:
            self._under_way.discard(task)
            await counting.end()
        said.headers.update(counting.headers)
        return said


async def _known(secret: str) -> tuple[Principal, Limits] | None:
    """Who may act and asks, and their site's limits; None: somebody else, of whom the ordinary way says why not."""
    principal = keys.remembered(secret)
    limits = None if principal is None else quotas.remembered(principal.site_id)
    known = (principal, limits) if principal is not None and limits is not None else None
    if known is None:
        known = await asyncio.to_thread(_look_up, secret)
        if known is not None:
            logs.about(site_id=known[0].site_id)
    return known if known is not None and known[0].scopes >= _SCOPES else None


def _look_up(secret: str) -> tuple[Principal, Limits] | None:
    try:
        principal = keys.find_principal(secret, notes_failure=False)
        return principal, quotas.recent(principal.site_id)
    except (PlatformError, APIException, Error):
        return None
    finally:
        release_connections()


def _tell(asked: Asked, done: Done, said: _Said) -> None:
    if asked.kind == "screenshot":
        assert isinstance(asked.action, Screenshot)
        said.body = done.answer.blob
        said.headers |= {"Content-Type": f"image/{asked.action.format}", "Cache-Control": "no-store"}
    else:
        said.body = dumps(as_json(asked.action, done))
        said.headers["Content-Type"] = "application/json"


def _told_of(fault: Exception) -> PlatformError:
    """What to answer. As by the ordinary way, a line in the log tells of every fault that is not the caller's."""
    error = error_of(fault)
    if error is None:
        log.error("an action failed below us", exc_info=fault)
        return PlatformError()
    if error.status >= 500:
        log.error("an action was answered with %d %s", error.status, error.code)
    return error


def _refuse(said: _Said, error: PlatformError) -> None:
    said.code, said.body = error.status, dumps(errors.body(error.message, error.code, error.details))
    said.headers |= {"Content-Type": "application/json", **errors.retry_after(error)}
