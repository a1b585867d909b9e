"""The one port: sockets to Channels, streams and long waits to Django's ASGI handler, everything else to its WSGI one,
actions that may take long in threads of their own; and what is below the gateway's public paths to the gateway.
First of all, `quick` may answer: a single action with a key, on the event loop itself.

Django's ASGI handler costs some six times the bridge's time for a short request, and a long one would hold one of the
bridge's few threads. In production a balancer may send the same kinds of request to two processes by the same rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import orjson
from asgiref.typing import HTTPScope

from common import logs
from common.api import errors
from common.api.middleware import request_name
from common.bars import Bar, barred
from common.errors import Invalid, PlatformError, Unavailable
from common.realtime import hub
from facades import doors
from orchestrator.bodies import Gone, Receive, Send, TooLarge, TooSlow, read_body, replay, with_length
from orchestrator.bridge import Bridge
from orchestrator.relay import GatewayRelay

LONG_AT_MOST = 512
"""Streams, waits and long actions at once: each holds a thread, asleep but not free of charge."""
CUT_SHORT = "The platform is being restarted. What was asked may have been done."
MADE_TO_WAIT_S, MADE_TO_WAIT_AT_MOST = 0.25, 1024
_LONG_PATHS = ("/wait", "/tail", "/browser/save", "/browser/load")
_ACTION_PATHS = ("/actions", "/bash-action", "/computer-action")
_LONG_WORDS = (b"bash", b"wait")
_KEY_HEADERS = frozenset({b"authorization", b"x-api-key"})


class Quick(Protocol):
    """Answers some requests before any handler; `instances.quick.door.QuickActions`."""

    async def __call__(self, scope: HTTPScope, body: bytes, secret: str, send: Any) -> bool: ...

    async def aclose(self) -> None: ...


class FrontDoor:
    """An ASGI application over the three others."""

    def __init__(
        self,
        *,
        wsgi: Bridge,
        asgi: Any,
        websocket: Any,
        max_body_bytes: int,
        quick: Quick | None = None,
        patient: Bridge | None = None,
        gateway: GatewayRelay | None = None,
        warm: Callable[[], None] | None = None,
        hang_up: Callable[[], None] | None = None,
    ) -> None:
        """`warm` is called once, before the first request is let in; `hang_up` at the end, for threads that still wait
        for a machine."""
        self.gateway = gateway
        self._quick = quick
        self._wsgi = wsgi
        self._patient = patient or wsgi
        self._asgi = asgi
        self._websocket = websocket
        self._max_body_bytes = max_body_bytes
        self._warm = warm
        self._hang_up = hang_up
        self._long = 0
        self._waiting = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._lifespan(receive, send)

    async def _http(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        try:
            await self._serve(scope, receive, send)
        except asyncio.CancelledError:  # the process ends, and has waited for this request as long as it may
            with contextlib.suppress(RuntimeError):  # an answer that has begun gets no other beginning
                await _answer(scope, send, Unavailable(CUT_SHORT), close=True)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive, max_bytes=self._max_body_bytes)
            _must_be_text(scope["query_string"])
        except (TooLarge, TooSlow, Invalid) as error:
            await _answer(scope, send, error, close=True)
            return
        except Gone:
            return
        secret = _secret(scope)
        if (bar := barred(secret)) is not None:
            await self._turn_away(scope, send, bar)
            return
        if self._quick is not None and await self._quick(scope, body, secret, send):
            return
        scope = with_length(scope, body)
        if self.gateway is not None and self.gateway.serves(scope["path"]):
            await self._serve_gateway(self.gateway, scope, body, receive, send)
        elif is_stream_or_wait(scope):
            await self._serve_long(scope, send, lambda: self._asgi(scope, replay(body, receive), send))
        elif is_long_action(scope, body):
            await self._serve_long(scope, send, lambda: self._patient(scope, body, send))
        else:
            await self._wsgi(scope, body, send)

    async def _serve_gateway(
        self, gateway: GatewayRelay, scope: HTTPScope, body: bytes, receive: Receive, send: Send
    ) -> None:
        try:
            await gateway.http(scope, body, receive, send)
        except Unavailable as error:
            await _answer(scope, send, error)

    async def _turn_away(self, scope: HTTPScope, send: Send, bar: Bar) -> None:
        """Without a thread, and not at once: who asks again as soon as they are refused costs next to nothing so."""
        if self._waiting < MADE_TO_WAIT_AT_MOST:
            self._waiting += 1
            try:
                await asyncio.sleep(MADE_TO_WAIT_S)
            finally:
                self._waiting -= 1
        await _answer(scope, send, bar.refusal, headers=bar.headers)

    async def _serve_long(self, scope: HTTPScope, send: Send, serve: Callable[[], Awaitable[None]]) -> None:
        if self._long >= LONG_AT_MOST:
            await _answer(scope, send, Unavailable("Too many streams and waits are open.", retry_after_s=5.0))
            return
        self._long += 1
        try:
            await serve()
        finally:
            self._long -= 1

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._warm is not None:
            await asyncio.to_thread(self._warm)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await hub.current().aclose()
        if self._hang_up is not None:
            self._hang_up()
        for part in (self.gateway, self._quick):
            if part is not None:
                await part.aclose()
        for bridge in {self._wsgi, self._patient}:
            await bridge.aclose()
        await send({"type": "lifespan.shutdown.complete"})


def is_stream_or_wait(scope: HTTPScope) -> bool:
    """Whether the answer comes bit by bit, or when something has happened."""
    if any(name == b"accept" and b"text/event-stream" in value for name, value in scope["headers"]):
        return True
    path = scope["path"].rstrip("/")
    return path.endswith(_LONG_PATHS) or doors.may_take_long(path)


def is_long_action(scope: HTTPScope, body: bytes) -> bool:
    """Whether the answer may take seconds, because it is an action that runs a command or sleeps."""
    is_action = scope["method"] == "POST" and scope["path"].rstrip("/").endswith(_ACTION_PATHS)
    return is_action and any(word in body for word in _LONG_WORDS)


def _must_be_text(query: bytes) -> None:
    """Django's ASGI handler would answer what is none by nothing at all."""
    try:
        query.decode()
    except UnicodeDecodeError as error:
        raise Invalid("The address holds bytes that are no UTF-8.") from error


def _secret(scope: HTTPScope) -> str:
    """The key that the request shows, as `sites.api.authentication.key_in` reads it; empty where it shows none."""
    shown = {name: value for name, value in scope["headers"] if name in _KEY_HEADERS}
    header = shown.get(b"authorization", b"").strip().decode("latin-1")
    if not header:
        return shown.get(b"x-api-key", b"").decode("latin-1")
    kind, _, rest = header.partition(" ")
    return rest.strip() if kind.lower() == "bearer" else header


async def _answer(
    scope: HTTPScope,
    send: Send,
    error: PlatformError,
    *,
    close: bool = False,
    headers: Mapping[str, str] | None = None,
) -> None:
    name = request_name(dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1"))
    with logs.of_request(name):
        said = errors.body(error.message, error.code, error.details)
    status, words = doors.rephrase(scope["path"], error.status, said)
    body = orjson.dumps(words)
    said_with = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    said_with += [(b"x-request-id", name.encode())]
    said_with += [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    if close:
        said_with.append((b"connection", b"close"))
    if error.retry_after_s is not None:
        said_with.append((b"retry-after", str(math.ceil(error.retry_after_s)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": said_with})
    await send({"type": "http.response.body", "body": body, "more_body": False})
