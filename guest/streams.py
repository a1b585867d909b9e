"""Streams to what listens inside the machine: the VNC server's socket, the browser's DevTools port."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from guest.config import Config
from guest.desktop.base import ActionFailed, Desktop, bad_action, failed, unsupported
from guest.dialling import dial
from guest.pictures import pictures
from guest.protocol.streams import MAX_CHUNK_BYTES, OpenStream

_CONNECT_WITHIN_S = 5.0
_MOST_STREAMS = 64
_SMALL_BYTES = 4 * 1024
# After a small piece, a moment for more to come: a flood of tiny messages then travels in fewer frames, of which the
# gateway takes so many a second. A piece that comes alone is not held up.
_GATHER_S = 0.0005
_TAKEN_WITHIN_S = 2.0

log = logging.getLogger(__name__)
Socket = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Streams:
    """Opens what the gateway asks for. Each stream runs until either side ends, and ends with the guest."""

    def __init__(self, config: Config, desktop: Desktop | None = None) -> None:
        self._config = config
        self._desktop = desktop
        self._running: set[asyncio.Task[None]] = set()

    async def open(self, arguments: object) -> None:
        """Returns once both sides are connected; bytes then flow by themselves.

        Raises:
            ActionFailed: asked wrongly, nothing listens inside, or the gateway does not take the stream.
        """
        try:
            wish = msgspec.convert(arguments, OpenStream)
        except msgspec.ValidationError as error:
            raise bad_action(str(error)) from error
        if len(self._running) >= _MOST_STREAMS:
            raise failed(f"{_MOST_STREAMS} streams are open already")
        if wish.target == "frames":
            if self._desktop is None:
                raise unsupported("this machine has no screen to show")
            task = asyncio.create_task(_show(await self._dialled(wish), self._desktop, wish))
        else:
            reader, writer = await self._connected(wish)
            try:
                line = await self._dialled(wish)
            except ActionFailed:
                writer.close()
                raise
            task = asyncio.create_task(_carry(line, reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _dialled(self, wish: OpenStream) -> ClientConnection:
        try:
            return await dial(
                self._config, f"/stream/{wish.stream_id}", max_size=MAX_CHUNK_BYTES, ping_interval=None, max_queue=4
            )
        except (OSError, WebSocketException) as error:
            raise failed(f"the gateway did not take the stream: {type(error).__name__}") from error

    async def _connected(self, wish: OpenStream) -> Socket:
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                if wish.target == "rfb":
                    path = f"{self._config.runtime_dir}/vnc.sock"
                    return await asyncio.open_unix_connection(path, limit=MAX_CHUNK_BYTES)
                return await asyncio.open_connection("127.0.0.1", self._config.cdp_port, limit=MAX_CHUNK_BYTES)
        except OSError as error:
            raise failed(f"nothing answers for {wish.target} in this machine") from error


async def _show(line: ClientConnection, desktop: Desktop, wish: OpenStream) -> None:
    """Pictures until the line is closed."""
    showing = asyncio.create_task(_send_pictures(line, desktop, wish))
    try:
        await asyncio.wait({showing, asyncio.create_task(line.wait_closed())}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        with contextlib.suppress(OSError, WebSocketException):
            await line.close()


async def _send_pictures(line: ClientConnection, desktop: Desktop, wish: OpenStream) -> None:
    try:
        async for picture in pictures(desktop, wish):
            for start in range(0, len(picture), MAX_CHUNK_BYTES):
                await line.send(picture[start : start + MAX_CHUNK_BYTES])
    except (ActionFailed, OSError, WebSocketException) as error:
        log.info("no more pictures: %s", error)


async def _carry(line: ClientConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    ways = {asyncio.create_task(_outwards(reader, line)), asyncio.create_task(_inwards(line, writer))}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.close()
        # What listens inside may wait itself until it is read, which nobody does any more.
        asyncio.get_running_loop().call_later(_TAKEN_WITHIN_S, writer.transport.abort)
        with contextlib.suppress(OSError, WebSocketException):
            await line.close()


async def _outwards(reader: asyncio.StreamReader, line: ClientConnection) -> None:
    with contextlib.suppress(OSError, WebSocketException):
        while piece := await reader.read(MAX_CHUNK_BYTES):
            await line.send(piece)
            if len(piece) < _SMALL_BYTES:
                await asyncio.sleep(_GATHER_S)


async def _inwards(line: ClientConnection, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, WebSocketException):
        async for piece in line:
            writer.write(piece if isinstance(piece, bytes) else piece.encode())
            await writer.drain()
