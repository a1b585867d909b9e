"""Short answers in one piece, heads of streams at once: on a real port, read as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from common.joined import TOGETHER_BYTES, JoinedHttp
from tests.gateway.rig import until

_go_on = asyncio.Event()


async def _app(scope: Any, receive: Any, send: Any) -> None:
    path = scope["path"]
    headers = [] if path == "/stream" else [(b"content-length", str(int(path[1:])).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/stream":
        await _go_on.wait()
    body = b"x" * (5 if path == "/stream" else int(path[1:]))
    await send({"type": "http.response.body", "body": body, "more_body": False})


class _Writes(JoinedHttp):
    """Writes down what is written."""

    written: list[bytes] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Noting(transport, self.written))  # type: ignore[arg-type]


class _Noting:
    def __init__(self, transport: asyncio.Transport, written: list[bytes]) -> None:
        self._transport, self._written = transport, written

    def write(self, data: bytes) -> None:
        self._written.append(bytes(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@pytest_asyncio.fixture
async def line() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    _go_on.clear()
    _Writes.written.clear()
    config = uvicorn.Config(_app, port=0, http=_Writes, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname()[:2])
    yield reader, writer
    writer.close()
    server.should_exit = True
    await serving


async def _head(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(("length", "pieces"), [(0, 1), (5, 1), (TOGETHER_BYTES, 1), (TOGETHER_BYTES + 1, 2)])
async def test_an_answer_is_written_in_as_few_pieces_as_are_not_copied_in_vain(
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter], length: int, pieces: int
) -> None:
    reader, writer = line
    for _ in range(2):  # and the next one on the same line
        writer.write(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % length)
        assert b"content-length: %d" % length in await _head(reader)
        assert await reader.readexactly(length) == b"x" * length
    assert len(_Writes.written) == 2 * pieces


async def test_requests_in_a_row_are_answered_in_a_row(
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    reader, writer = line
    writer.write(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % length for length in (3, 70_000, 0, 7)))
    for length in (3, 70_000, 0, 7):
        assert b"content-length: %d" % length in await _head(reader)
        assert await reader.readexactly(length) == b"x" * length


async def test_the_head_of_a_stream_waits_for_nothing(
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    reader, writer = line
    writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"transfer-encoding: chunked" in await _head(reader)
    _go_on.set()
    assert await reader.read() == b"5\r\nxxxxx\r\n0\r\n\r\n"


async def test_a_head_alone_is_sent(line: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    reader, writer = line
    writer.write(b"HEAD /5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"content-length: 5" in await _head(reader)
    assert await reader.read() == b""
