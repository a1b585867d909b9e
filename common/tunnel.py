"""Connections that leave HTTP: an upgrade under certain paths is handed over as bare streams, whole frames unread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from common.bounded import BoundedHttp

CHUNK_BYTES = 64 * 1024
HELD_BYTES = 256 * 1024
"""What may wait for a slow reader; the other side is not read meanwhile."""
STUCK_S = 120.0
"""A peer that takes nothing for so long is let go."""

Read = Callable[[], Awaitable[bytes]]
Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A request for a WebSocket as it came, its connection with it. `headers` have lower-case names."""

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def header(self, name: bytes) -> bytes:
        """The header's first value, or nothing."""
        return next((value for given, value in self.headers if given == name), b"")

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Tunnels:
    """Those that are open in this process; `take` is an upgrade's way in."""

    def __init__(self, carry: Callable[[Upgrade], Awaitable[None]], *, at_most: int) -> None:
        self._carry = carry
        self._at_most = at_most
        self._open: set[asyncio.Task[None]] = set()

    def take(self, upgrade: Upgrade) -> None:
        """Carry it until either side ends. From the loop's thread; never waits."""
        if len(self._open) >= self._at_most:
            upgrade.writer.write(b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            upgrade.writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._hold(upgrade))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def end(self) -> None:
        """Cut them all: the process is about to end."""
        for task in list(self._open):
            task.cancel()

    async def _hold(self, upgrade: Upgrade) -> None:
        with contextlib.suppress(OSError):
            try:
                await self._carry(upgrade)
            finally:
                await closed(upgrade.writer)


class TunnelledHttp(BoundedHttp):
    """Bounded HTTP, but for upgrades below `prefixes`: those go to `tunnels`."""

    prefixes: tuple[bytes, ...] = ()
    tunnels: Tunnels

    def handle_websocket_upgrade(self) -> None:
        if not self.url.startswith(self.prefixes):
            super().handle_websocket_upgrade()
            return
        self.connections.discard(self)
        reader = asyncio.StreamReader(limit=CHUNK_BYTES, loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self.loop)
        transport = self.transport
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        transport.set_write_buffer_limits(high=HELD_BYTES)
        _notice_a_cut(transport)
        writer = asyncio.StreamWriter(transport, protocol, reader, self.loop)
        self.tunnels.take(Upgrade(self.scope["method"], self.url.decode("latin-1"), list(self.headers), reader, writer))


def _notice_a_cut(transport: asyncio.Transport) -> None:
    """What passes is not read, so nobody pings: the kernel asks a peer that is silent, and ends the line within two
    minutes of a cut."""
    line: socket.socket | None = transport.get_extra_info("socket")
    if line is None or line.family not in (socket.AF_INET, socket.AF_INET6):
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def carry_both(one: tuple[Read, Write], other: tuple[Read, Write]) -> None:
    """Bytes between the two until either ends, each read no faster than the other takes it."""
    await until_first(_pump(one[0], other[1]), _pump(other[0], one[1]))


async def until_first(*ways: Coroutine[Any, Any, None], within_s: float | None = None) -> None:
    """Run them all until one has ended, however it did, or the time is over; then none of them runs any more."""
    tasks = {asyncio.create_task(way) for way in ways}
    try:
        await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def ends_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[Read, Write]:
    """A connection as `carry_both` takes it."""

    async def read() -> bytes:
        return await reader.read(CHUNK_BYTES)

    async def write(data: bytes) -> None:
        writer.write(data)
        async with asyncio.timeout(STUCK_S):
            await writer.drain()

    return read, write


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close it, and wait a little for what is still to be sent; a peer that takes nothing is cut off."""
    writer.close()
    try:
        async with asyncio.timeout(2.0):
            await writer.wait_closed()
    except (OSError, asyncio.CancelledError):
        writer.transport.abort()


async def _pump(read: Read, write: Write) -> None:
    with contextlib.suppress(OSError):
        while piece := await read():
            await write(piece)
