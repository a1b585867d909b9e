"""One DevTools connection to the browser as a whole: calls, and what it tells meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from guest.desktop.base import bad_action, failed

LONGEST_ANSWER = 4 * 1024 * 1024
Listener = Callable[[dict[str, Any]], list[tuple[str, dict[str, Any]]]]


async def ask_over_http(port: int, path: str) -> Any:
    """What the browser answers at `path`, from JSON. By hand: importing a library for it would take longer than all
    that the guest does at its start."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LONGEST_ANSWER)
    try:
        # By this name of ours Chromium tells us where its sockets are: the port belongs to it.
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        answered = await reader.readuntil(b"\r\n\r\n")
        sizes = [line for line in answered.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        size = min(int(sizes[0].split(b":")[1]), LONGEST_ANSWER) if sizes else 0
        return json.loads(await reader.readexactly(size))
    finally:
        writer.close()


class DevTools:
    """For one caller at a time. `session` is one page's, of `attached`; without one the browser itself is asked."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._numbers = itertools.count()
        self._listeners: dict[tuple[str | None, str], Listener] = {}

    async def ask(self, method: str, session: str | None = None, /, **params: Any) -> dict[str, Any]:
        """The call's result.

        Raises:
            ActionFailed: the browser does not take it.
        """
        number = await self._send(method, session, params)
        while True:
            said: dict[str, Any] = json.loads(await self._line.recv())
            if said.get("id") == number:
                break
            listener = self._listeners.get((said.get("sessionId"), said.get("method", "")))
            for call, arguments in listener(said["params"]) if listener else []:
                await self._send(call, said.get("sessionId"), arguments)
        if "error" in said:
            raise bad_action(f"the browser does not take that: {said['error'].get('message', '')[:200]}")
        return dict(said["result"])

    def answer_to(self, session: str, event: str, listener: Listener) -> None:
        """Send what `listener` makes of each such event; it is heard while a call is under way."""
        self._listeners[session, event] = listener

    @asynccontextmanager
    async def attached(self, target: str) -> AsyncIterator[str]:
        """A session with one page."""
        session = str((await self.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"])
        try:
            yield session
        finally:
            await self.ask("Target.detachFromTarget", sessionId=session)

    async def _send(self, method: str, session: str | None, params: dict[str, Any]) -> int:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        await self._line.send(json.dumps(message | ({"sessionId": session} if session else {})))
        return number


@asynccontextmanager
async def devtools(port: int, *, within_s: float) -> AsyncIterator[DevTools]:
    """A connection for some calls that take `within_s` seconds at most, all together.

    Raises:
        ActionFailed: the browser does not answer.
    """
    try:
        async with asyncio.timeout(within_s):
            address = str((await ask_over_http(port, "/json/version"))["webSocketDebuggerUrl"])
            async with connect(address, proxy=None, max_size=4 * LONGEST_ANSWER) as line:
                yield DevTools(line)
    except (OSError, TimeoutError, WebSocketException, ValueError, KeyError, asyncio.IncompleteReadError) as error:
        raise failed("the browser does not answer") from error
