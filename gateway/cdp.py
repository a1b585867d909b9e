"""`/cdp/{token}`: a machine's browser for DevTools clients. Their frames pass through unread, so any length will do."""

from __future__ import annotations

import base64
import binascii
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from uvicorn._types import ASGISendCallable, HTTPScope

from common import tokens
from common.tokens import Claims
from common.tunnel import Upgrade, carry_both, ends_of
from gateway import devtools
from gateway.bearers import Bearers, Ended
from gateway.devtools import DevToolsFailed
from gateway.logs import event
from gateway.registry import Registry
from gateway.replies import answer, answer_refusal
from gateway.streams import Stream, StreamFailed, Streams

PURPOSE = "cdp"
LONGEST_SESSION_S = 12 * 3600.0
_PATH = re.compile(r"/cdp/([A-Za-z0-9_.-]{1,2048})(/[^?]*)?")
_SOCKET = re.compile(r"/devtools/(?:browser|page|worker|iframe)/[A-Za-z0-9-]{1,64}")
_JSON = re.compile(r"/json(?:/(version|list|new|protocol|(?:activate|close)/[A-Za-z0-9-]{1,64}))?")
_QUERY = re.compile(r"[\x21-\x7e]{0,8192}")
_STATUS = {"bad_token": 403, "ended": 403, "not_connected": 503, "busy": 429, "timeout": 504}

log = logging.getLogger(__name__)


class Refused(Exception):
    """What the client is told instead: a status, a code and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = _STATUS.get(code, 502)


class CdpDoor:
    """Whoever shows a token that holds speaks with the browser of its incarnation, and with nothing else there."""

    def __init__(self, *, secret: str, registry: Registry, streams: Streams, bearers: Bearers, scheme: str) -> None:
        self._bearers = bearers
        self._secret = secret
        self._registry = registry
        self._streams = streams
        self._scheme = scheme

    async def json(self, scope: HTTPScope, send: ASGISendCallable) -> None:
        """`/json/version` and its like, with the sockets' addresses as they are from outside."""
        try:
            token, below = _parted(scope["path"])
            asked = _JSON.fullmatch(below.rstrip("/"))
            if asked is None or scope["method"] not in ("GET", "PUT"):
                raise Refused("not_found", "there is no such path")
            incarnation = self._claims(token).subject
            async with self._stream(incarnation) as stream:
                status, body = await devtools.ask(stream, scope["method"], _target(asked[0], scope["query_string"]))
        except (Refused, DevToolsFailed) as error:
            refused = error if isinstance(error, Refused) else Refused("browser_failed", str(error))
            status = 404 if refused.code == "not_found" else refused.status
            await answer_refusal(send, status, refused.code, str(refused))
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        await _pass_on(send, status, body, f"{self._scheme}://{host}/cdp/{token}")

    async def socket(self, upgrade: Upgrade) -> None:
        """One WebSocket, from its handshake to its end."""
        try:
            token, below = _parted(upgrade.path)
            claims = self._claims(token)
            incarnation = claims.subject
            place = await self._place(incarnation, below.rstrip("/"))
            key = _key_of(upgrade)
            async with self._stream(incarnation) as stream:
                rest = await devtools.begin_socket(stream, place, key)
                event(log, "cdp opened", incarnation=incarnation)
                await _agree(upgrade, key)
                async with self._bearers.holding(claims, at_most_s=LONGEST_SESSION_S):
                    await _carry(upgrade, stream, rest)
        except (Refused, DevToolsFailed) as error:
            refused = error if isinstance(error, Refused) else Refused("browser_failed", str(error))
            await _refuse(upgrade, refused)
        except (TimeoutError, Ended):
            return

    def _claims(self, token: str) -> Claims:
        try:
            claims = tokens.opened(token, self._secret, purpose=PURPOSE, now_s=time.time())
            self._bearers.came(claims)
        except tokens.BadToken as error:
            raise Refused("bad_token", str(error)) from error
        except Ended as error:
            raise Refused("ended", str(error)) from error
        return claims

    async def _place(self, incarnation: str, below: str) -> str:
        if _SOCKET.fullmatch(below):
            return below
        if below not in ("", "/devtools/browser"):
            raise Refused("not_found", "there is no such socket")
        async with self._stream(incarnation) as stream:
            _, version = await devtools.ask(stream, "GET", "/json/version")
        return devtools.browser_place(version)

    @asynccontextmanager
    async def _stream(self, incarnation: str) -> AsyncIterator[Stream]:
        guest = self._registry.find(incarnation)
        if guest is None:
            raise Refused("not_connected", "this machine is not running now")
        if guest.hello.flavour != "browser":
            raise Refused("unsupported", "this machine has no browser to speak with")
        try:
            stream = await self._streams.open(guest, "cdp")
        except StreamFailed as error:
            raise Refused(error.code, str(error)) from error
        try:
            yield stream
        finally:
            stream.close()


def _parted(path: str) -> tuple[str, str]:
    found = _PATH.fullmatch(path)
    if found is None:
        raise Refused("not_found", "there is no such path")
    return found[1], found[2] or ""


def _target(path: str, query: bytes) -> str:
    text = query.decode("latin-1")
    if not _QUERY.fullmatch(text):
        raise Refused("malformed", "the query has characters that no address has")
    return f"{path}?{text}" if text else path


def _key_of(upgrade: Upgrade) -> bytes:
    key = upgrade.header(b"sec-websocket-key")
    try:
        if len(base64.b64decode(key, validate=True)) != 16 or upgrade.header(b"sec-websocket-version") != b"13":
            raise Refused("malformed", "this is no WebSocket handshake of version 13")
    except binascii.Error as error:
        raise Refused("malformed", "this is no WebSocket handshake of version 13") from error
    return key


async def _pass_on(send: ASGISendCallable, status: int, body: bytes, base: str) -> None:
    """JSON anew from what we understood of it; of anything else its text, and never as a page."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        await answer(send, status if 200 <= status < 600 else 502, b"text/plain; charset=utf-8", body[:4096])
        return
    encoded = msgspec.json.encode(devtools.rewritten(value, base))
    await answer(send, status if 200 <= status < 600 else 502, b"application/json; charset=utf-8", encoded)


async def _agree(upgrade: Upgrade, key: bytes) -> None:
    lines = (b"HTTP/1.1 101 Switching Protocols", b"upgrade: websocket", b"connection: Upgrade")
    upgrade.writer.write(b"\r\n".join((*lines, b"sec-websocket-accept: " + devtools.accept_of(key), b"", b"")))
    await upgrade.writer.drain()


async def _carry(upgrade: Upgrade, stream: Stream, rest: bytes) -> None:
    read, write = ends_of(upgrade.reader, upgrade.writer)
    if rest:
        await write(rest)
    await carry_both((read, write), (stream.read, stream.write))


async def _refuse(upgrade: Upgrade, refused: Refused) -> None:
    status = 404 if refused.code == "not_found" else 400 if refused.code == "malformed" else refused.status
    body = msgspec.json.encode({"ok": False, "error": {"code": refused.code, "message": str(refused)}})
    head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    upgrade.writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
    await upgrade.writer.drain()
