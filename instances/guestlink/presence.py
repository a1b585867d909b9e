"""Where guests are held, as far as Redis tells; what it said of one is remembered for a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from guest.protocol.hello import Hello
from instances.guestlink.errors import GuestUnreachable

_REMEMBERED_S = 1.0
_REMEMBERED_AT_MOST = 4_096
_ASKED_AT_ONCE = 1_000


class Held(Struct, frozen=True):
    """What a gateway wrote to Redis about a guest; `gateway` is that gateway's address."""

    gateway: str
    hello: Hello
    at: datetime


_held = msgspec.json.Decoder(Held)


class Whereabouts:
    """Thread-safe. Where Redis cannot say, a guest is sought at `nearest`, the gateway of this host."""

    def __init__(self, *, redis_url: str, nearest: str | None) -> None:
        self._redis = Redis.from_url(
            redis_url, socket_connect_timeout=0.5, socket_timeout=1.0, retry=Retry(NoBackoff(), 1)
        )
        self._nearest = nearest
        self._remembered: dict[str, tuple[str, float]] = {}

    def held(self, incarnation: str) -> Held | None:
        """Raises `RedisError` where Redis cannot say."""
        value: Any = self._redis.get(f"gateway:guest:{incarnation}")
        return _decoded(value)

    def boot_ids(self, incarnations: Sequence[str]) -> Mapping[str, str]:
        """The boot id of each of these guests that is connected. Raises `GuestUnreachable`: Redis does not answer."""
        found: dict[str, str] = {}
        try:
            for batch in (incarnations[at : at + _ASKED_AT_ONCE] for at in range(0, len(incarnations), _ASKED_AT_ONCE)):
                values = self._redis.mget([f"gateway:guest:{incarnation}" for incarnation in batch])
                known = ((name, _decoded(value)) for name, value in zip(batch, values, strict=True))
                found |= {name: held.hello.boot_id for name, held in known if held is not None}
        except RedisError as error:
            raise GuestUnreachable("Redis does not answer") from error
        return found

    def address(self, incarnation: str) -> str:
        """The gateway to ask for this guest. Raises `GuestUnreachable` where none is known."""
        return self._remembers(incarnation) or self._found(incarnation)

    async def address_soon(self, incarnation: str) -> str:
        """`address` for an event loop: Redis is asked by a thread, once a second."""
        return self._remembers(incarnation) or await asyncio.to_thread(self._found, incarnation)

    def _remembers(self, incarnation: str) -> str:
        address, until = self._remembered.get(incarnation, ("", 0.0))
        return address if time.monotonic() < until else ""

    def _found(self, incarnation: str) -> str:
        try:
            held = self.held(incarnation)
        except RedisError:
            held = None
        found = held.gateway if held is not None else self._nearest
        if found is None:
            raise GuestUnreachable("no guest of this incarnation is connected")
        if len(self._remembered) >= _REMEMBERED_AT_MOST:
            self._remembered.clear()
        self._remembered[incarnation] = (found, time.monotonic() + _REMEMBERED_S)
        return found

    def forget(self, incarnation: str) -> None:
        """Look anew when this guest is next sought."""
        self._remembered.pop(incarnation, None)


def _decoded(value: Any) -> Held | None:
    """Raises `RedisError` where it is no presence that we understand."""
    if value is None:
        return None
    try:
        held: Held = _held.decode(value)
        return held
    except msgspec.MsgspecError as error:
        raise RedisError("a presence that cannot be read") from error
