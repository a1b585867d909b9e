"""The browser's DevTools port inside a machine, spoken to over a stream: what it lists, and the way to its sockets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from typing import Any

import h11
import msgspec

from gateway.streams import Stream

ANSWER_WITHIN_S = 15.0
MAX_ANSWER_BYTES = 8 * 1024 * 1024
_MAX_HEAD_BYTES = 16 * 1024
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_PLACE = re.compile(r"/devtools/(?:browser|page|worker|iframe)/[A-Za-z0-9-]{1,64}")
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ?[^\r\n]*\r\n")


class DevToolsFailed(Exception):
    """The browser inside did not answer as a browser does."""


async def ask(stream: Stream, method: str, target: str) -> tuple[int, bytes]:
    """The status and body of one plain request to the port.

    Raises:
        DevToolsFailed: it gives no answer that can be understood, or none in time.
    """
    talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
    # By this name: Chromium refuses any Host that is neither an address nor localhost.
    request = h11.Request(method=method, target=target, headers=[("Host", "localhost"), ("Connection", "close")])
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await stream.write((talk.send(request) or b"") + (talk.send(h11.EndOfMessage()) or b""))
            return await _answer(stream, talk)
    except (OSError, h11.ProtocolError) as error:
        raise DevToolsFailed("the browser gave no answer that can be understood") from error


async def _answer(stream: Stream, talk: h11.Connection) -> tuple[int, bytes]:
    status, body = 0, bytearray()
    while True:
        match talk.next_event():
            case h11.NEED_DATA:
                talk.receive_data(await stream.read())
            case h11.Response(status_code=code):
                status = code
            case h11.Data(data=data):
                body += data
                if len(body) > MAX_ANSWER_BYTES:
                    raise DevToolsFailed("the browser's answer is too long")
            case h11.EndOfMessage():
                return status, bytes(body)
            case h11.ConnectionClosed() | h11.PAUSED:
                raise DevToolsFailed("the browser hung up")
            case _:
                continue


def browser_place(version: bytes) -> str:
    """Where the whole browser's socket is, from what `/json/version` says. Raises `DevToolsFailed`."""
    try:
        place = place_of(msgspec.json.decode(version).get("webSocketDebuggerUrl"))
    except (msgspec.MsgspecError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise DevToolsFailed("the browser does not say where its socket is") from error
    if place is None:
        raise DevToolsFailed("the browser does not say where its socket is")
    return place


def place_of(url: Any) -> str | None:
    """The path of a DevTools socket's address, None where it is no such address."""
    found = _PLACE.search(url) if isinstance(url, str) else None
    return found[0] if found else None


def rewritten(value: Any, base: str) -> Any:
    """A decoded answer with the addresses of sockets moved below `base`, and without those of a foreign front end."""
    if isinstance(value, list):
        return [rewritten(each, base) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: each for name, each in value.items() if not name.startswith("devtoolsFrontendUrl")}
    if "webSocketDebuggerUrl" in kept:
        place = place_of(kept.pop("webSocketDebuggerUrl"))
        if place is not None:
            kept["webSocketDebuggerUrl"] = base + place
    return kept


async def begin_socket(stream: Stream, place: str, key: bytes) -> bytes:
    """Shake hands for a WebSocket at `place` with the client's own key; what came after the browser's head.

    Only the fact that it agreed is passed on: a head that a machine has written never reaches a client.

    Raises:
        DevToolsFailed: the browser refuses, or what answers is no browser.
    """
    lines = (f"GET {place} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade")
    head = "\r\n".join((*lines, f"Sec-WebSocket-Key: {key.decode()}", "Sec-WebSocket-Version: 13", "", ""))
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await stream.write(head.encode())
            answer, rest = await _head(stream)
    except OSError as error:
        raise DevToolsFailed("the browser did not answer") from error
    status = _STATUS.match(answer)
    if status is None or status[1] != b"101" or accept_of(key) not in answer:
        raise DevToolsFailed("the browser does not know this page" if status else "what answers is no browser")
    return rest


def accept_of(key: bytes) -> bytes:
    """RFC 6455's answer to a client's key."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


async def _head(stream: Stream) -> tuple[bytes, bytes]:
    came = b""
    while b"\r\n\r\n" not in came:
        piece = await stream.read()
        if not piece:
            raise DevToolsFailed("the browser hung up")
        came += piece
        if len(came) > _MAX_HEAD_BYTES and b"\r\n\r\n" not in came:
            raise DevToolsFailed("what answers is no browser")
    head, _, rest = came.partition(b"\r\n\r\n")
    return head + b"\r\n", rest
