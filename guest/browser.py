"""The browser, by its DevTools port: where it is, and where it shall go."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from guest.desktop.base import bad_action, failed
from guest.devtools import LONGEST_ANSWER, ask_over_http

_WITHIN_S = 8.0
_ASK_AGAIN_S = 0.02
_BETWEEN_PAGES = "Not attached to an active page"
"""What Chromium says while a page gives way to another one."""
_HISTORY = {"method": "Page.getNavigationHistory"}


class Browser:
    """Speaks to the page in front: the first of those that Chromium lists. Methods raise `ActionFailed`."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def current_url(self) -> str:
        """The address of the page's newest step in its history: Chromium's list of pages lags behind."""
        (history,) = await self._ask(_HISTORY)
        return _current(history)

    async def navigate(self, url: str) -> str:
        """Go to `url`; returns when the browser is there or on its way, with the address that it then shows."""
        went, history = await self._ask({"method": "Page.navigate", "params": {"url": url}}, _HISTORY)
        if problem := went.get("errorText"):
            raise failed(f"the browser did not get there: {problem}")
        return _current(history)

    async def _page(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_WITHIN_S):
                targets = await ask_over_http(self.port, "/json/list")
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            raise failed("the browser does not answer") from error
        pages = [target for target in targets if target.get("type") == "page" and "webSocketDebuggerUrl" in target]
        if not pages:
            raise failed("the browser shows no page")
        return dict(pages[0])

    async def _ask(self, *calls: dict[str, Any]) -> list[dict[str, Any]]:
        """The results of DevTools' `calls` to the page, one after the other."""
        address = str((await self._page())["webSocketDebuggerUrl"])
        try:
            async with asyncio.timeout(_WITHIN_S), connect(address, proxy=None, max_size=LONGEST_ANSWER) as line:
                return [await _result(line, number, call) for number, call in enumerate(calls)]
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            raise failed("the browser does not answer") from error


async def _result(line: ClientConnection, number: int, call: dict[str, Any]) -> dict[str, Any]:
    await line.send(json.dumps({"id": number, **call}))
    while True:
        said: dict[str, Any] = json.loads(await line.recv())
        if said.get("id") != number:
            continue
        if "error" in said and said["error"].get("message") == _BETWEEN_PAGES:
            await asyncio.sleep(_ASK_AGAIN_S)
            await line.send(json.dumps({"id": number, **call}))
            continue
        if "error" in said:
            raise bad_action(f"the browser does not take that: {said['error'].get('message', '')[:200]}")
        return dict(said["result"])


def _current(history: dict[str, Any]) -> str:
    return str(history["entries"][history["currentIndex"]]["url"])
