"""The gateway's public paths at the platform's one port: requests and sockets below them go there as they are."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
from asgiref.typing import HTTPScope

from common.errors import Unavailable
from common.tunnel import Tunnels, Upgrade, carry_both, closed, ends_of, until_first
from orchestrator.bodies import Receive, Send

PREFIXES = (b"/cdp/", b"/frames/", b"/view/socket")
MAX_SOCKETS = 2_000
_CONNECT_WITHIN_S = 3.0
_ANSWER_WITHIN_S = 30.0
_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"content-length"}
_PRIVATE = {b"cookie", b"authorization", b"x-api-key"}  # meant for us, and nothing to the gateway
_ENCODED = {b"content-encoding"}  # httpx has undone it
_AWAY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class GatewayRelay:
    """To the gateway's public door at `upstream`, a `host:port`. Tokens are the gateway's to check."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._client: httpx.AsyncClient | None = None
        self.tunnels = Tunnels(self._carry, at_most=MAX_SOCKETS)

    def serves(self, path: str) -> bool:
        """Whether requests to `path` are the gateway's."""
        return path.encode(errors="replace").startswith(PREFIXES)

    async def http(self, scope: HTTPScope, body: bytes, receive: Receive, send: Send) -> None:
        """One request and its answer, piece by piece: pictures come as events for hours.

        Raises:
            Unavailable: the gateway is not there, or has too many such streams; nothing was sent.
        """
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_ANSWER_WITHIN_S, trust_env=False, follow_redirects=False)
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        address = httpx.URL(f"http://{self._upstream}").copy_with(raw_path=target)
        headers = [pair for pair in scope["headers"] if pair[0] not in _HOP and pair[0] not in _PRIVATE]
        request = self._client.build_request(scope["method"], address, headers=headers, content=body)
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise Unavailable("The gateway cannot be reached just now.", retry_after_s=2.0) from error
        try:
            await self._pass_on(answer, receive, send)
        finally:
            await answer.aclose()

    async def _pass_on(self, answer: httpx.Response, receive: Receive, send: Send) -> None:
        kept = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP | _ENCODED]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        await until_first(_pieces(answer, send), _until_gone(receive))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def aclose(self) -> None:
        self.tunnels.end()
        if self._client is not None:
            await self._client.aclose()

    async def _carry(self, upgrade: Upgrade) -> None:
        host, _, port = self._upstream.rpartition(":")
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:
            upgrade.writer.write(_AWAY)
            return
        try:
            writer.write(_head_of(upgrade))
            await carry_both(ends_of(upgrade.reader, upgrade.writer), ends_of(reader, writer))
        finally:
            await closed(writer)


async def _pieces(answer: httpx.Response, send: Send) -> None:
    """Until the gateway has said all, or goes away in the middle."""
    with contextlib.suppress(httpx.HTTPError, OSError):
        async for piece in answer.aiter_bytes():
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _head_of(upgrade: Upgrade) -> bytes:
    lines = [f"{upgrade.method} {upgrade.target} HTTP/1.1".encode("latin-1")]
    lines += [name + b": " + value for name, value in upgrade.headers if name not in _PRIVATE]
    return b"\r\n".join((*lines, b"", b""))
