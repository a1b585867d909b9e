"""The way out: a proxy's address on loopback, whose bytes go through to the keeper's egress socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from guest.config import Config

_READ_BYTES = 64 * 1024
_MOST_CONNECTIONS = 512

log = logging.getLogger(__name__)


class Relay:
    """Knows nothing of HTTP: policy is the keeper's, on the other side."""

    def __init__(self, config: Config) -> None:
        self._path = config.egress.removeprefix("unix:")
        self._port = config.relay_port
        self._server: asyncio.Server | None = None
        self._open = 0

    async def start(self) -> None:
        """Raises `OSError` when the port is taken."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port, limit=_READ_BYTES)

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the relay has not been started")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._open += 1
        try:
            out_reader, out_writer = await asyncio.open_unix_connection(self._path, limit=_READ_BYTES)
        except OSError as error:
            log.info("the way out is closed: %s", error)
        else:
            await asyncio.gather(_pump(reader, out_writer), _pump(out_reader, writer))
            await _close(out_writer)
        finally:
            self._open -= 1
            await _close(writer)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Bytes until either side ends; the end is passed on, for the other direction may have more to say."""
    try:
        while chunk := await source.read(_READ_BYTES):
            target.write(chunk)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        target.transport.abort()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
