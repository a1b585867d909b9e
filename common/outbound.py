"""A POST to an address that a stranger gave us: to public networks only, by the very address that was checked.

A name is resolved once, what it resolved to is checked, and that is connected to: a name that means something else a
moment later leads nowhere. Redirects are not followed, bodies are not read, and one deadline ends it all.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from threading import Timer
from urllib.parse import urlsplit

from common.networks import REFUSED_PORTS, Policy

LONGEST_URL = 2000
CONNECT_S = 5.0
RESOLVE_S = 5.0
_PORTS = {"http": 80, "https": 443}
_NUMERIC = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)
_PLAIN = re.compile(r"[\x21-\x7e]+")


class Refused(Exception):
    """We do not connect there; the text says why, for whoever gave the address."""


class Failed(Exception):
    """The other side could not be reached or understood, or took too long."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart and found sound as far as that can be told without asking anybody."""

    is_tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.is_tls else "http"] else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """The place that `url` names.

    Raises:
        Refused: it is no http(s) URL of a host, or one with a name and password, or to a port that is closed.
    """
    if len(url) > LONGEST_URL or not _PLAIN.fullmatch(url):
        raise Refused(f"an address has at most {LONGEST_URL} characters, all of them printable ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused("this is no valid address") from error
    if parts.scheme not in _PORTS or not host:
        raise Refused("an address begins with https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise Refused("an address holds no name and password")
    port = _PORTS[parts.scheme] if port is None else port
    if port in REFUSED_PORTS or port == 0:
        raise Refused(f"port {port} is closed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", host, port, path)


def addresses(target: Target, policy: Policy, *, within_s: float = RESOLVE_S) -> list[str]:
    """The numeric addresses of the target that one may connect to, at least one.

    Raises:
        Refused: it has none that `policy` admits, or it goes without TLS to what is not expressly allowed.
        Failed: the name has no address just now.
    """
    found = _resolved(target.host, target.port, within_s)
    admitted = [address for address in found if policy.admits(address)]
    if not admitted:
        raise Refused(f"{target.host} is not on the public internet")
    if target.is_tls:
        return admitted
    allowed = [address for address in admitted if policy.allows(address)]
    if not allowed:
        raise Refused("only https:// leads to the public internet")
    return allowed


def post(target: Target, body: bytes, headers: Mapping[str, str], *, policy: Policy, deadline_s: float) -> int:
    """Send `body`; the status of the answer, of which nothing else is looked at. Redirects are answers like others.

    Raises:
        Refused: as `addresses`.
        Failed: not reached, not understood, not within `deadline_s`.
    """
    with closing(_connected(target, addresses(target, policy))) as raw, _ended_after(raw, deadline_s):
        try:
            return _asked(raw, target, body, headers, deadline_s)
        except ssl.SSLError as error:
            raise Failed(f"TLS failed: {error.reason or 'no valid certificate'}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = f"no answer within {deadline_s:g} s" if isinstance(error, TimeoutError) else "the connection broke"
            raise Failed(reason) from error


def _asked(raw: socket.socket, target: Target, body: bytes, headers: Mapping[str, str], deadline_s: float) -> int:
    raw.settimeout(deadline_s)
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = _trust().wrap_socket(raw, server_hostname=target.host) if target.is_tls else raw
    sent = {"Host": target.authority, "Connection": "close", **headers}
    connection.request("POST", target.path, body=body, headers=sent)
    with closing(connection):
        return connection.getresponse().status


def _connected(target: Target, admitted: list[str]) -> socket.socket:
    for address in admitted[:2]:
        with suppress(OSError):
            return socket.create_connection((address, target.port), timeout=CONNECT_S)
    raise Failed(f"{target.host} does not answer on port {target.port}")


@contextmanager
def _ended_after(raw: socket.socket, seconds: float) -> Iterator[None]:
    """The socket's own timeout begins anew with each byte; this one does not."""
    # A twin of our own: TLS takes the first one over.
    twin = socket.socket(fileno=os.dup(raw.fileno()))

    def end() -> None:
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        twin.close()


def _resolved(host: str, port: int, within_s: float) -> list[str]:
    if _NUMERIC.fullmatch(host):
        with suppress(OSError):  # 2130706433, 0x7f.1 and their like, which the resolver takes for addresses, too
            return [socket.inet_ntoa(socket.inet_aton(host))]
    try:
        found = _resolver().submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(within_s)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise Failed(f"{host} has no address") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _resolver() -> ThreadPoolExecutor:
    """Names are asked for in threads, because the system's resolver has no deadline that we could set."""
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolver")


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
