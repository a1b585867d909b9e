"""Redis for the event loop: many questions under way over one connection, each answered in its turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import hiredis
from redis.connection import parse_url
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import NoScriptError, RedisError, ResponseError

WITHIN_S = 0.5


class Line(asyncio.Protocol):
    """One connection. Questions that wait when it is lost fail."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(protocolError=Lost, replyError=_refusal)
        self._waiting: deque[asyncio.Future[Any] | None] = deque()
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, *words: Any) -> asyncio.Future[Any]:
        """The reply, once it has come; a reply of an error is raised."""
        assert self._transport is not None
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(reply)
        self._transport.write(hiredis.pack_command(words))
        return reply

    def tell(self, commands: Sequence[tuple[Any, ...]]) -> None:
        """These, in one piece, whatever their replies."""
        assert self._transport is not None
        self._waiting.extend(None for _ in commands)
        self._transport.write(b"".join(hiredis.pack_command(words) for words in commands))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._settle(reply)
        except RedisError:
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        while self._waiting:
            self._settle(Lost("the connection was lost"))

    def _settle(self, reply: Any) -> None:
        waiting = self._waiting.popleft()
        if waiting is None or waiting.done():  # nobody waits, or not any more
            return
        if isinstance(reply, Exception):
            waiting.set_exception(reply)
        else:
            waiting.set_result(reply)


class Client:
    """One line, made when first needed and again when it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._line: Line | None = None
        self._opening = asyncio.Lock()

    async def run_script(self, script: str, sha: str, keys: list[str], arguments: list[int]) -> Any:
        """What the script replies. Raises `RedisError`, `OSError` or `TimeoutError`: Redis does not answer."""
        async with asyncio.timeout(WITHIN_S):
            line = await self._opened()
            try:
                return await line.ask("EVALSHA", sha, len(keys), *keys, *arguments)
            except NoScriptError:
                return await line.ask("EVAL", script, len(keys), *keys, *arguments)

    def send(self, *words: Any) -> asyncio.Future[Any] | None:
        """`Line.ask`, at once; None where no line is open."""
        line = self._line
        return line.ask(*words) if line is not None and line.is_open else None

    def publish(self, *channels: str) -> bool:
        """Say nothing on each of these, and wait for nothing. Whether there was a line to say it over."""
        line = self._line
        if line is None or not line.is_open:
            return False
        line.tell([("PUBLISH", channel, b"") for channel in channels])
        return True

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    async def _opened(self) -> Line:
        if self._line is not None and self._line.is_open:
            return self._line
        async with self._opening:
            if self._line is None or not self._line.is_open:
                self._line = await _connected(self._url)
            return self._line


def can(url: str) -> bool:
    """Whether this speaks to such a Redis; else there are redis-py's own ways."""
    return url.startswith(("redis://", "unix://"))


def of_this_loop(url: str) -> Client:
    """The running event loop's client of the Redis at `url`."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    known = clients.get(url)
    if known is None:
        known = clients[url] = Client(url)
    return known


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Client]] = WeakKeyDictionary()


async def _connected(url: str) -> Line:
    asked: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
    loop = asyncio.get_running_loop()
    if "path" in asked:
        _, line = await loop.create_unix_connection(Line, asked["path"])
    else:
        _, line = await loop.create_connection(Line, asked.get("host", "localhost"), asked.get("port", 6379))
    try:
        if asked.get("password"):
            named = (asked["username"],) if asked.get("username") else ()
            await line.ask("AUTH", *named, asked["password"])
        if asked.get("db"):
            await line.ask("SELECT", asked["db"])
    except BaseException:
        line.close()
        raise
    return line


def _refusal(message: str) -> RedisError:
    return NoScriptError(message) if message.startswith("NOSCRIPT") else ResponseError(message)
