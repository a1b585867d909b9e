"""One exchange with a gateway over its unix socket; lines are made when first needed and kept."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections import deque

import httptools

from common import tracing
from common.logs import request_id
from instances.guestlink.errors import GuestInterrupted, GuestTimedOut, GuestUnreachable

CONNECT_WITHIN_S = 1.0
LINES_KEPT = 64
_READ_BYTES = 256 * 1024


class Gateways:
    """Thread-safe. What was sent is never sent twice: an action is not idempotent."""

    def __init__(self) -> None:
        self._idle: dict[tuple[int, str], deque[_Line]] = {}
        self._busy: set[_Line] = set()
        self._is_ending = False

    def exchange(
        self, method: str, address: str, path: str, body: bytes | None, *, read_within_s: float
    ) -> tuple[int, bytes]:
        """The status and the body of the answer.

        Raises:
            GuestUnreachable: the gateway is not there (not sent), or went away before it answered (sent).
            GuestTimedOut: it did not answer within `read_within_s`.
            GuestInterrupted: `hang_up` was called.
        """
        where = path_of(address)
        # By process as well: a forked worker must not talk on its parent's lines.
        idle = self._idle.setdefault((os.getpid(), where), deque())
        line = _kept(idle) or _Line(where)
        self._busy.add(line)
        try:
            if self._is_ending:
                raise ConnectionAbortedError
            status, data = line.ask(request(method, path, body), within_s=read_within_s)
        except TimeoutError as error:
            line.close()
            raise GuestTimedOut("the gateway did not answer in time") from error
        except (OSError, httptools.HttpParserError) as error:
            line.close()
            if self._is_ending:
                raise GuestInterrupted("this process ends") from error
            raise GuestUnreachable("the gateway went away before it answered", was_sent=True) from error
        finally:
            self._busy.discard(line)
        if line.is_open and len(idle) < LINES_KEPT:
            idle.append(line)
        else:
            line.close()
        return status, data

    def hang_up(self) -> None:
        """Nobody waits for an answer any more, and nobody asks again: this process ends."""
        self._is_ending = True
        for line in list(self._busy):
            line.hang_up()


class _Line:
    """A connection, for one exchange at a time. By hand over httptools: urllib3 takes 0.3 ms more for each, of CPU."""

    def __init__(self, path: str) -> None:
        """Raises `GuestUnreachable`."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_WITHIN_S)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise GuestUnreachable("the gateway is not there") from error
        self.is_open = True

    def ask(self, request: bytes, *, within_s: float) -> tuple[int, bytes]:
        """Raises `TimeoutError`, other `OSError`, `HttpParserError`: then the line is of no more use."""
        deadline = time.monotonic() + within_s
        self._socket.settimeout(within_s)
        self._socket.sendall(request)
        answer = _Answer()
        while not answer.is_whole:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            came = self._socket.recv(_READ_BYTES)
            if not came:
                raise ConnectionResetError("the gateway closed the line")
            answer.parser.feed_data(came)
        if not answer.parser.should_keep_alive():
            self.close()
        return answer.parser.get_status_code(), b"".join(answer.pieces)

    def is_quiet(self) -> bool:
        return is_quiet(self._socket.fileno())

    def hang_up(self) -> None:
        """From another thread than the one that waits, which is woken."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.is_open = False
        self._socket.close()


class _Answer:
    """What httptools tells of one answer."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.is_whole = False
        self.parser = httptools.HttpResponseParser(self)

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.is_whole = True


def _kept(idle: deque[_Line]) -> _Line | None:
    """The line that was used last; those that the gateway has closed are noticed before anything is sent on them."""
    while idle:
        try:
            line = idle.pop()
        except IndexError:  # another thread was quicker
            return None
        if line.is_quiet():
            return line
        line.close()
    return None


def is_quiet(descriptor: int) -> bool:
    """Whether nothing has come since the last answer: neither the gateway's close nor anything else."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return not poller.poll(0)


def path_of(address: str) -> str:
    """The path of the gateway's socket. Raises `GuestUnreachable` where it is another kind of address."""
    scheme, _, where = address.partition(":")
    if scheme != "unix":
        raise GuestUnreachable(f"a gateway at {scheme!r} is not spoken to here")
    return where


def request(method: str, path: str, body: bytes | None) -> bytes:
    """In one piece, so that the gateway wakes once for it."""
    headers = {"X-Request-ID": request_id.get(), **tracing.headers()}
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    content = body or b""
    head = f"{method} {path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(content)}\r\n{told}\r\n"
    return head.encode("latin-1", "replace") + content
