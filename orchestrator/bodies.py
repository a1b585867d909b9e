"""Request bodies at the front door: read whole before all else, never more bytes or seconds than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from asgiref.typing import HTTPScope

from common.errors import PlatformError

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Coroutine[Any, Any, None]]

BODY_S = 30.0
DRAINED_BYTES = 32 * 1024 * 1024
"""So much of an oversized body is read and dropped, for a client that only looks for the answer after sending all."""


class TooLarge(PlatformError):
    status = 413
    code = "TOO_LARGE"


class TooSlow(PlatformError):
    status = 408
    code = "TOO_SLOW"
    message = f"The body did not arrive within {BODY_S:.0f} seconds."


class Gone(Exception):
    """The client left before its request was whole."""


async def read_body(scope: HTTPScope, receive: Receive, *, max_bytes: int) -> bytes:
    """All of the request's body.

    Raises:
        TooLarge: it is longer than `max_bytes`, whether it said so or came in chunks.
        TooSlow: it took too long.
        Gone: the client left.
    """
    if not _has_body(scope):
        return b""
    try:
        async with asyncio.timeout(BODY_S):
            return await _read(receive, max_bytes)
    except TimeoutError as error:
        raise TooSlow from error


def with_length(scope: HTTPScope, body: bytes) -> HTTPScope:
    """`scope` as if the body had come with its length; what is behind the front door never sees chunks."""
    headers = [pair for pair in scope["headers"] if pair[0] not in {b"transfer-encoding", b"content-length"}]
    if _has_body(scope):
        headers.append((b"content-length", str(len(body)).encode()))
    return {**scope, "headers": headers}


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` first, and then what the server says: in the end, that the client has gone."""
    given = False

    async def again() -> Any:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        while (message := await receive())["type"] == "http.request":
            continue  # the empty body of a request that said it had none
        return message

    return again


def _has_body(scope: HTTPScope) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])


async def _read(receive: Receive, max_bytes: int) -> bytes:
    body, size = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        size += len(message.get("body", b""))
        if size <= max_bytes:
            body += message.get("body", b"")
        more = message.get("more_body", False)
        if size > max_bytes and (not more or size > DRAINED_BYTES):
            raise TooLarge(f"The body is larger than {max_bytes} bytes.", max_bytes=max_bytes)
        if not more:
            return bytes(body)
