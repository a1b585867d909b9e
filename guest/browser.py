"""The browser, by its DevTools port: where it is, and where it shall go."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from guest.desktop.base import bad_action, failed

_WITHIN_S = 8.0
_LONGEST_ANSWER = 4 * 1024 * 1024


class Browser:
    """Speaks to the page in front: the first of those that Chromium lists. Methods raise `ActionFailed`."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def current_url(self) -> str:
        return str((await self._page())["url"])

    async def navigate(self, url: str) -> str:
        """Go to `url`; returns as soon as the browser is on its way, with the address that it then shows."""
        page = await self._page()
        answer = await self._ask(str(page["webSocketDebuggerUrl"]), "Page.navigate", {"url": url})
        if "error" in answer:
            raise bad_action(f"the browser does not go there: {answer['error'].get('message', '')[:200]}")
        if problem := answer["result"].get("errorText"):
            raise failed(f"the browser did not get there: {problem}")
        return await self.current_url()

    async def _page(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_WITHIN_S):
                targets = json.loads(await self._listed())
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            raise failed("the browser does not answer") from error
        pages = [target for target in targets if target.get("type") == "page" and "webSocketDebuggerUrl" in target]
        if not pages:
            raise failed("the browser shows no page")
        return dict(pages[0])

    async def _listed(self) -> bytes:
        """By hand: importing a library for it would take longer than all that the guest does at its start."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_LONGEST_ANSWER)
        try:
            writer.write(b"GET /json/list HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            return await reader.readexactly(min(int(sizes[0].split(b":")[1]), _LONGEST_ANSWER) if sizes else 0)
        finally:
            writer.close()

    async def _ask(self, address: str, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_WITHIN_S), connect(address, proxy=None, max_size=_LONGEST_ANSWER) as line:
                await line.send(json.dumps({"id": 1, "method": method, "params": parameters}))
                while True:
                    said: dict[str, Any] = json.loads(await line.recv())
                    if said.get("id") == 1:
                        return said
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            raise failed("the browser does not answer") from error
