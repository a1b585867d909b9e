"""Streams to sockets inside machines: asked for over a guest's control connection, dialled by the guest, read here."""

from __future__ import annotations

import asyncio
import secrets

import msgspec
from msgspec import Raw
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable

from gateway.relay import Guest
from gateway.wire import Failed, Order
from guest.protocol.streams import MAX_CHUNK_BYTES, STREAMS_SINCE, OpenStream, Target

MAX_STREAMS = 64
"""Of one guest at once."""
OPEN_WITHIN_S = 10.0
WRITE_WITHIN_S = 60.0
"""A machine that takes nothing for so long is not spoken to any more."""


class StreamFailed(Exception):
    """No stream came about; `code` and the text say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Stream:
    """Bytes to and from one socket inside a machine, all of them written by a stranger. For one reader at a time."""

    def __init__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._receive = receive
        self._send = send
        self._closed = asyncio.Event()

    async def read(self) -> bytes:
        """The next piece, at most `MAX_CHUNK_BYTES` long; nothing once the stream has ended."""
        while not self._closed.is_set():
            message = await self._receive()
            if message["type"] != "websocket.receive":
                self._closed.set()
                break
            if piece := message.get("bytes"):
                return piece
        return b""

    async def write(self, data: bytes) -> None:
        """Raises ConnectionError where the stream has ended, or the machine takes nothing any more."""
        view = memoryview(data)
        try:
            async with asyncio.timeout(WRITE_WITHIN_S):
                for start in range(0, len(view), MAX_CHUNK_BYTES):
                    piece = bytes(view[start : start + MAX_CHUNK_BYTES])
                    await self._send({"type": "websocket.send", "bytes": piece, "text": None})
        except (OSError, RuntimeError) as error:  # the second is uvicorn's word for a connection that is being closed
            self.close()
            raise ConnectionResetError("the stream has ended") from error

    def close(self) -> None:
        """End the stream. Twice is the same as once."""
        self._closed.set()

    async def closed(self) -> None:
        """Until either side has ended it."""
        await self._closed.wait()


class Streams:
    """Those that are asked for and have not come yet. Those that have belong to their guest, and end with it."""

    def __init__(self) -> None:
        self._awaited: dict[tuple[str, str], asyncio.Future[Stream]] = {}

    async def open(self, guest: Guest, target: Target, **wished: int) -> Stream:
        """A stream to `target` in the guest's machine; `wished` is what it takes besides. Whoever opens it closes it.

        Raises:
            StreamFailed: the guest is too old, has too many streams, refuses, or does not dial in time.
        """
        if guest.hello.protocol < STREAMS_SINCE:
            raise StreamFailed("unsupported", "this machine's guest is too old for streams; restart it")
        if len(guest.streams) >= MAX_STREAMS:
            raise StreamFailed("busy", f"{MAX_STREAMS} streams to this machine are open already")
        stream_id = secrets.token_urlsafe(24)
        key = (guest.incarnation, stream_id)
        dialled = self._awaited[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._dialled(guest, OpenStream(stream_id=stream_id, target=target, **wished), dialled)
        finally:
            del self._awaited[key]

    def is_awaited(self, incarnation: str, stream_id: str) -> bool:
        """Whether this guest was asked for this stream and has not brought it yet."""
        dialled = self._awaited.get((incarnation, stream_id))
        return dialled is not None and not dialled.done()

    async def bring(self, guest: Guest, stream_id: str, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Hand an accepted connection to whoever awaits it; returns when the stream has ended."""
        stream = Stream(receive, send)
        guest.streams.add(stream)
        try:
            self._awaited[guest.incarnation, stream_id].set_result(stream)
            await stream.closed()
        finally:
            guest.streams.discard(stream)

    async def _dialled(self, guest: Guest, wish: OpenStream, dialled: asyncio.Future[Stream]) -> Stream:
        order = Order(verb="stream", args=Raw(msgspec.json.encode(wish)))
        asking = asyncio.create_task(guest.call(order, memoryview(b""), deadline_s=OPEN_WITHIN_S))
        try:
            reply, _ = await asking
            if isinstance(reply, Failed):
                raise StreamFailed(reply.error.code, reply.error.message)
            # A guest answers once its connection is accepted, which is when it is brought.
            async with asyncio.timeout(OPEN_WITHIN_S):
                return await dialled
        except TimeoutError as error:
            raise StreamFailed("timeout", "the guest did not dial in time") from error
        except BaseException:
            if dialled.done() and not dialled.cancelled():
                dialled.result().close()
            raise
        finally:
            asking.cancel()
