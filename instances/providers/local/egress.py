"""A machine's way out: an HTTP proxy (CONNECT and absolute-form) that resolves names itself and asks the policy.

A process beside the keeper, on a socket that the keeper opened; as a user that is neither root nor the machine's. What
comes in on that socket is hostile: every read is bounded in size and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from common.networks import REFUSED_PORTS, Policy

CONNECTIONS = 256
_HEAD_BYTES = 32 * 1024
_HEAD_S = 15.0
_CONNECT_S = 10.0
_IDLE_S = 900.0
_CLOSE_S = 5.0
_LINGER_S = 1.0
_CHUNK_BYTES = 64 * 1024
_HOP_BY_HOP = (b"connection:", b"keep-alive:", b"proxy-")


class Turned(Exception):
    """The request is not carried out. The text goes to the machine, with `status` as HTTP has it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class EgressProxy:
    """Serves one machine. `policy` decides on numeric addresses: after names are resolved, right before connecting."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._places = asyncio.Semaphore(CONNECTIONS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        try:
            await self._serve(reader, writer)
        except Turned as turned:
            await _turn_away(reader, writer, turned)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.CancelledError):
            pass  # one of the two hung up or kept still for too long, or the proxy ends: so does the connection
        finally:
            await _close(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._places.locked():
            raise Turned(503, f"the machine has {CONNECTIONS} connections open, which is the most it may have")
        async with self._places:
            method, target, head = await _request(reader)
            if method == "CONNECT":
                host, port = _authority(target, default_port=None)
                greeting, answer = b"", b"HTTP/1.1 200 Connection established\r\n\r\n"
            else:
                host, port, greeting = _forwarded(method, target, head)
                answer = b""
            far_reader, far_writer = await self._connect(host, port)
            try:
                far_writer.write(greeting)
                writer.write(answer)
                await _relay(reader, writer, far_reader, far_writer)
            finally:
                await _close(far_writer)

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if port in REFUSED_PORTS:
            raise Turned(403, f"port {port} is closed to machines")
        addresses = await _resolve(host, port)
        admitted = [address for address in addresses if self._policy.admits(address)]
        if not admitted:
            raise Turned(403, f"{host} is not on the public internet")
        for address in admitted:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CONNECT_S):
                    return await asyncio.open_connection(address, port, limit=_CHUNK_BYTES)
        raise Turned(502, f"{host} does not answer on port {port}")


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, list[bytes]]:
    try:
        async with asyncio.timeout(_HEAD_S):
            head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise Turned(431, "the request's head is too long") from error
    first, *headers = head[:-4].split(b"\r\n")
    words = first.decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Turned(400, "this is no HTTP/1 request")
    return words[0], words[1], headers


def _authority(text: str, *, default_port: int | None) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or default_port
    except ValueError as error:
        raise Turned(400, "the target has no valid host and port") from error
    if not host or not port:
        raise Turned(400, "the target has no host or no port")
    return host, port


def _forwarded(method: str, target: str, headers: list[bytes]) -> tuple[str, int, bytes]:
    """Host, port and the head to send on. One request a connection: a second one might be for another host."""
    scheme, separator, rest = target.partition("://")
    if scheme.lower() != "http" or not separator:
        raise Turned(400, "a proxy wants CONNECT, or a whole http:// address")
    authority, slash, path = rest.partition("/")
    host, port = _authority(authority.rpartition("@")[2], default_port=80)
    kept = [header for header in headers if not header.lower().startswith(_HOP_BY_HOP)]
    first = f"{method} {slash or '/'}{path} HTTP/1.1".encode("latin-1")
    return host, port, b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


async def _resolve(host: str, port: int) -> list[str]:
    try:
        async with asyncio.timeout(_CONNECT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise Turned(502, f"{host[:255]} has no address") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Both ways until the far end has said all, or neither has said anything for `_IDLE_S`: a long download is quiet
    on the way out."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_IDLE_S) as idle, asyncio.TaskGroup() as both:
            out = both.create_task(_pour(reader, far_writer, idle))
            both.create_task(_pour(far_reader, writer, idle)).add_done_callback(lambda _: out.cancel())


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: asyncio.Timeout) -> None:
    """From one to the other until the end, no faster than the slower one takes it."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
            if not idle.expired():
                idle.reschedule(asyncio.get_running_loop().time() + _IDLE_S)
        if writer.can_write_eof():
            writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        async with asyncio.timeout(_CLOSE_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()  # it does not take the rest, or is gone already


async def _turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, turned: Turned) -> None:
    """Say why, and take what was still being said: closing on unread bytes would throw the answer away."""
    with contextlib.suppress(OSError, TimeoutError):
        writer.write(_refusal(turned))
        writer.write_eof()
        async with asyncio.timeout(_LINGER_S):
            while await reader.read(_CHUNK_BYTES):
                pass


def _refusal(turned: Turned) -> bytes:
    body = f"{turned}\n".encode()
    head = f"HTTP/1.1 {turned.status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + body


def _become(uid: int) -> None:
    """Give up root, after what Python loads late: the checkout and Python itself may be where only root reads."""
    "ä".encode("idna")
    with contextlib.suppress(Turned):
        asyncio.run(_resolve("localhost", 80))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


async def _serve(listener: socket.socket, policy: Policy) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), over.set)  # the keeper never writes: readable means that it is gone
    loop.add_signal_handler(signal.SIGTERM, over.set)
    server = await asyncio.start_unix_server(EgressProxy(policy).serve, sock=listener, limit=_HEAD_BYTES)
    await over.wait()
    server.close()


def main(arguments: Sequence[str]) -> int:
    """Serve on an inherited listening socket: its descriptor, the user to become or nothing, and allowed networks."""
    listener = socket.socket(fileno=int(arguments[0]))
    if arguments[1]:
        _become(int(arguments[1]))
    asyncio.run(_serve(listener, Policy(arguments[2:])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
