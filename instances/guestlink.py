"""The hub's way to its guests, and the only one: asks them through the gateway that holds their connection."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import urllib3
from msgspec import Struct
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from common import tracing
from common.logs import request_id
from guest.protocol import frames
from guest.protocol.actions import AnyAction, is_input, longest_s, to_builtins
from guest.protocol.hello import Configure, Hello
from guest.protocol.results import Result

_CONNECT_WITHIN_S = 1.0
_CONFIGURE_WITHIN_S = 10.0
# The gateway keeps the deadline and says so; this much later it counts as stuck itself.
_GATEWAY_GRACE_S = 2.0
_REMEMBERED_S = 1.0
_REMEMBERED_AT_MOST = 4_096
_CONNECTIONS_KEPT = 64
_ASKED_AT_ONCE = 1_000
_PREFIX_BYTES = 4


class GuestError(Exception):
    """What was asked of a guest did not come about, or nobody can say whether it did."""


class GuestUnreachable(GuestError):
    """No guest is connected, or its connection or the gateway went away.

    `was_sent` is false where the guest certainly has not heard what was asked: then it may be asked again.
    """

    def __init__(self, message: str, *, was_sent: bool = False) -> None:
        super().__init__(message)
        self.was_sent = was_sent


class GuestTimedOut(GuestError):
    """The guest did not answer in time. It may have done what was asked, or may be doing it still."""


class GuestBusy(GuestError):
    """Too many calls wait for this guest; it has not heard this one."""


class GuestDriven(GuestError):
    """A person drives this desktop by its live view just now; `label` is who. The guest has not heard this call."""

    def __init__(self, label: str) -> None:
        super().__init__(f"{label or 'Somebody'} drives this desktop just now")
        self.label = label


class GuestRefused(GuestError):
    """The guest said no: `code` is `bad_action`, `unsupported` or `failed`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Answer:
    """`blob` holds a picture's bytes where `result.image` describes one; `took_ms` is the whole round trip."""

    result: Result
    blob: bytes
    took_ms: float


@dataclass(frozen=True, slots=True)
class Presence:
    """A connected guest; `at` is when it said hello on its present connection."""

    boot_id: str
    hello: Hello
    at: datetime


class _Held(Struct, frozen=True):
    """What the gateway wrote to Redis about a guest."""

    gateway: str
    hello: Hello
    at: datetime


class _Shown(Struct, frozen=True):
    """What the gateway says of a guest when it is asked."""

    hello: Hello
    since: datetime


class _Error(Struct, frozen=True):
    code: str
    message: str


class _Reply(Struct, frozen=True):
    """Typed, so that JSON a guest wrote becomes the objects we expect or none at all."""

    ok: bool
    result: Result | None = None
    error: _Error = _Error("failed", "the guest gave no reason")


class Driver(Struct, frozen=True):
    """Somebody who drives a desktop by its live view; `since` is when they took over."""

    label: str
    since: datetime


class _Driving(Struct, frozen=True):
    driver: Driver | None = None


class _Refusal(Struct, frozen=True):
    error: _Error


_driving = msgspec.json.Decoder(_Driving)
_refusal = msgspec.json.Decoder(_Refusal)
_held = msgspec.json.Decoder(_Held)
_shown = msgspec.json.Decoder(_Shown)
_reply = msgspec.json.Decoder(_Reply)


class GuestLink:
    """Synchronous and thread-safe; one for a process is enough. Connections are made when first needed and kept.

    It finds a guest's gateway in Redis and remembers it for a second. Where Redis cannot say, it asks the gateway of
    this host, `gateway_dir`'s. What was sent is never sent twice: an action is not idempotent.
    """

    def __init__(self, *, redis_url: str, gateway_dir: Path | None) -> None:
        self._redis = Redis.from_url(
            redis_url, socket_connect_timeout=0.5, socket_timeout=1.0, retry=Retry(NoBackoff(), 1)
        )
        self._nearest = f"unix:{gateway_dir.absolute() / 'internal.sock'}" if gateway_dir else None
        self._remembered: dict[str, tuple[str, float]] = {}
        self._pools: dict[tuple[int, str], _UnixPool] = {}

    def act(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer:
        """Have the guest do `action`; waits as long as the action may rightly take, and `grace_s`.

        Raises:
            GuestUnreachable, GuestTimedOut, GuestBusy, GuestRefused: see there what has happened then.
            GuestDriven: the action is input, and a person drives.
        """
        started = time.perf_counter()
        deadline_s = longest_s(action) + grace_s
        result, blob = self._call(incarnation, "act", to_builtins(action), deadline_s, is_input=is_input(action))
        return Answer(result, blob, took_ms=(time.perf_counter() - started) * 1000)

    def configure(self, incarnation: str, configure: Configure) -> None:
        """Tell the guest what its shells find in their environment. Twice is the same as once.

        Raises:
            GuestUnreachable, GuestTimedOut, GuestBusy, GuestRefused: as for `act`.
        """
        self._call(incarnation, "configure", msgspec.to_builtins(configure), _CONFIGURE_WITHIN_S)

    def presence(self, incarnation: str) -> Presence | None:
        """The connected guest, or None where it is known that none is.

        Raises:
            GuestUnreachable: neither Redis nor the gateway can say; nothing may be concluded.
        """
        try:
            held = self._held(incarnation)
        except RedisError:
            return self._seen_by_gateway(incarnation)
        if held is not None:
            return Presence(held.hello.boot_id, held.hello, held.at)
        try:  # a Redis that was emptied knows of no guest until each has sent its next heartbeat
            return self._seen_by_gateway(incarnation)
        except GuestUnreachable:
            return None

    def boot_ids(self, incarnations: Sequence[str]) -> Mapping[str, str]:
        """The boot id of each of these guests that is connected, as far as Redis tells: one question for a thousand.

        A Redis that was emptied lately leaves guests out; ask for one's `presence` before anything is concluded.

        Raises:
            GuestUnreachable: Redis does not answer.
        """
        found: dict[str, str] = {}
        try:
            for batch in (incarnations[at : at + _ASKED_AT_ONCE] for at in range(0, len(incarnations), _ASKED_AT_ONCE)):
                values = self._redis.mget([f"gateway:guest:{incarnation}" for incarnation in batch])
                known = ((name, _decoded(value)) for name, value in zip(batch, values, strict=True))
                found |= {name: held.hello.boot_id for name, held in known if held is not None}
        except RedisError as error:
            raise GuestUnreachable("Redis does not answer") from error
        return found

    def driver(self, incarnation: str) -> Driver | None:
        """Who drives this machine's desktop by hand, or None. Raises `GuestUnreachable`."""
        return self._drive("GET", incarnation, None)

    def drive(self, incarnation: str, viewer: str, *, force: bool) -> None:
        """Let a connected viewer drive, and nobody else. Twice is the same as once.

        Raises:
            GuestDriven: another one drives, and it was not by force.
            GuestUnreachable: this viewer is not connected, or may only watch, or the gateway is away.
        """
        self._drive("POST", incarnation, {"viewer": viewer, "force": force})

    def give_back(self, incarnation: str, viewer: str) -> None:
        """This viewer drives no more. Raises `GuestUnreachable`."""
        self._drive("DELETE", incarnation, {"viewer": viewer})

    def _drive(self, method: str, incarnation: str, wish: dict[str, Any] | None) -> Driver | None:
        body = msgspec.json.encode(wish) if wish is not None else None
        path = f"/guests/{incarnation}/driver"
        try:
            status, data = self._exchange(method, self._address(incarnation), path, body, read_within_s=3.0)
        except GuestTimedOut as error:
            raise GuestUnreachable(str(error)) from error
        if status == 409:
            raise GuestDriven(_refusal.decode(data).error.message)
        if status != 200:
            raise GuestUnreachable("this page is not connected to the machine just now")
        return _driving.decode(data).driver

    def _call(
        self, incarnation: str, verb: str, args: dict[str, Any], deadline_s: float, *, is_input: bool = False
    ) -> tuple[Result, bytes]:
        body = frames.encode({"verb": verb, "args": args})
        address = self._address(incarnation)
        try:
            return self._ask(address, incarnation, body, deadline_s, is_input)
        except GuestUnreachable as error:
            self._remembered.pop(incarnation, None)
            if error.was_sent:
                raise
            elsewhere = self._address(incarnation)
            if elsewhere == address:
                raise
        return self._ask(elsewhere, incarnation, body, deadline_s, is_input)

    def _ask(
        self, address: str, incarnation: str, body: bytes, deadline_s: float, is_input: bool
    ) -> tuple[Result, bytes]:
        path = f"/guests/{incarnation}/call?deadline_s={deadline_s:.3f}{'&input=1' if is_input else ''}"
        with tracing.span("guest.call", kind="client"):
            status, data = self._exchange("POST", address, path, body, read_within_s=deadline_s + _GATEWAY_GRACE_S)
        if status >= 500:
            raise GuestUnreachable(f"the gateway failed with status {status}", was_sent=True)
        if status >= 400:
            raise GuestRefused("bad_action", f"the gateway did not take the call (status {status})")
        return _result_in(data)

    def _seen_by_gateway(self, incarnation: str) -> Presence | None:
        if self._nearest is None:
            raise GuestUnreachable("Redis does not answer, and no gateway of this host is known")
        status, data = self._exchange("GET", self._nearest, f"/guests/{incarnation}", None, read_within_s=2.0)
        if status == 404:
            return None
        try:
            shown: _Shown = _shown.decode(data)
        except msgspec.MsgspecError as error:
            raise GuestUnreachable(f"the gateway cannot be understood (status {status})") from error
        return Presence(shown.hello.boot_id, shown.hello, shown.since)

    def _exchange(
        self, method: str, address: str, path: str, body: bytes | None, *, read_within_s: float
    ) -> tuple[int, bytes]:
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

    def _address(self, incarnation: str) -> str:
        address, until = self._remembered.get(incarnation, ("", 0.0))
        if time.monotonic() < until:
            return address
        try:
            held = self._held(incarnation)
        except RedisError:
            held = None
        found = held.gateway if held is not None else self._nearest
        if found is None:
            raise GuestUnreachable("no guest of this incarnation is connected")
        if len(self._remembered) >= _REMEMBERED_AT_MOST:
            self._remembered.clear()
        self._remembered[incarnation] = (found, time.monotonic() + _REMEMBERED_S)
        return found

    def _held(self, incarnation: str) -> _Held | None:
        """Raises `RedisError` where Redis cannot say."""
        value: Any = self._redis.get(f"gateway:guest:{incarnation}")
        return _decoded(value)

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


def _decoded(value: Any) -> _Held | None:
    """Raises `RedisError` where it is no presence that we understand."""
    if value is None:
        return None
    try:
        held: _Held = _held.decode(value)
        return held
    except msgspec.MsgspecError as error:
        raise RedisError("a presence that cannot be read") from error


def _result_in(data: bytes) -> tuple[Result, bytes]:
    end = _PREFIX_BYTES + int.from_bytes(data[:_PREFIX_BYTES], "big")
    try:
        reply: _Reply = _reply.decode(memoryview(data)[_PREFIX_BYTES:end])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise GuestRefused("failed", "the guest's answer cannot be understood") from error
    if reply.ok:
        return reply.result or Result(), data[end:]
    raise _raised(reply.error)


def _raised(error: _Error) -> GuestError:
    match error.code:
        case "not_connected":
            return GuestUnreachable(error.message)
        case "disconnected":
            return GuestUnreachable(error.message, was_sent=True)
        case "timeout":
            return GuestTimedOut(error.message)
        case "driven":
            return GuestDriven(error.message)
        case "busy":
            return GuestBusy(error.message)
        case _:
            return GuestRefused(error.code, error.message)


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
