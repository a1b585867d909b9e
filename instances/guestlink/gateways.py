"""One exchange with a gateway over its unix socket; connections are made when first needed and kept."""

from __future__ import annotations

import os
import socket

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from common import tracing
from common.logs import request_id
from instances.guestlink.errors import GuestTimedOut, GuestUnreachable

_CONNECT_WITHIN_S = 1.0
_CONNECTIONS_KEPT = 64


class Gateways:
    """Thread-safe. What was sent is never sent twice: an action is not idempotent."""

    def __init__(self) -> None:
        self._pools: dict[tuple[int, str], _UnixPool] = {}

    def exchange(
        self, method: str, address: str, path: str, body: bytes | None, *, read_within_s: float
    ) -> tuple[int, bytes]:
        """The status and the body of the answer.

        Raises:
            GuestUnreachable: the gateway is not there (not sent), or went away before it answered (sent).
            GuestTimedOut: it did not answer within `read_within_s`.
        """
        timeout = urllib3.Timeout(connect=_CONNECT_WITHIN_S, read=read_within_s)
        headers = {"X-Request-ID": request_id.get(), **tracing.headers()}
        try:
            response = self._pool(address).urlopen(
                method, path, body=body, headers=headers, timeout=timeout, retries=False, redirect=False
            )
        except NewConnectionError as error:
            raise GuestUnreachable("the gateway is not there") from error
        except ReadTimeoutError as error:
            raise GuestTimedOut("the gateway did not answer in time") from error
        except HTTPError as error:
            raise GuestUnreachable("the gateway went away before it answered", was_sent=True) from error
        return response.status, response.data

    def _pool(self, address: str) -> _UnixPool:
        # By process as well: a forked worker must not talk on its parent's connections.
        key = (os.getpid(), address)
        pool = self._pools.get(key)
        if pool is None:
            scheme, _, path = address.partition(":")
            if scheme != "unix":
                raise GuestUnreachable(f"a gateway at {scheme!r} is not spoken to here")
            pool = self._pools.setdefault(key, _UnixPool(path))
        return pool


class _UnixConnection(HTTPConnection):
    """HTTP over a unix socket. By urllib3: it adds about 0.25 ms a call to a bare socket, httpx 0.55 to 0.8."""

    def __init__(self, path: str) -> None:
        super().__init__("gateway")
        self._socket_path = path

    def _new_conn(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_CONNECT_WITHIN_S)
            connection.connect(self._socket_path)
        except OSError as error:
            connection.close()
            raise NewConnectionError(self, str(error)) from error
        return connection


class _UnixPool(urllib3.HTTPConnectionPool):
    """Thread-safe. A kept connection that the gateway has closed is noticed before anything is sent on it."""

    def __init__(self, path: str) -> None:
        super().__init__("gateway", maxsize=_CONNECTIONS_KEPT)
        self._socket_path = path

    def _new_conn(self) -> _UnixConnection:
        return _UnixConnection(self._socket_path)
