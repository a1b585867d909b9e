"""Where each guest is held, as the hub reads it from Redis: one key a guest, alive as long as its guest is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.logs import event
from gateway.relay import Guest

TTL_S = 15
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_BATCH = 500

# Both leave alone what another connection wrote since, here or on another gateway: the newest one wins.
_KEEP = """
local held = redis.call('get', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
_FORGET = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"

log = logging.getLogger(__name__)


class Step(Enum):
    """`CLAIM` writes over whatever is there, `KEEP` prolongs our own, `FORGET` removes our own."""

    CLAIM = "claim"
    KEEP = "keep"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class _Note:
    """`told`: the news of it went out although Redis did not answer, and need not go out again."""

    step: Step
    value: bytes
    guest: Guest
    told: bool = False


class Presence:
    """Writes behind: notes are taken at once and written by one task, the newest note of a guest only.

    While Redis is away the notes wait; nothing else does. `news` is called with an incarnation when a claim or a
    removal is written (so that who hears it finds it), or when Redis failed to take it. `superseded` is called with
    a guest whose key another gateway has written over.
    """

    def __init__(
        self, redis_url: str, *, address: str, news: Callable[[str], None], superseded: Callable[[Guest], None]
    ) -> None:
        self._redis = Redis.from_url(
            redis_url, socket_connect_timeout=1.0, socket_timeout=2.0, retry=Retry(NoBackoff(), 1)
        )
        self._address = address
        self._news = news
        self._superseded = superseded
        self._notes: dict[str, _Note] = {}
        self._some = asyncio.Event()

    def note(self, guest: Guest, step: Step) -> None:
        """Have `step` done for this guest soon. Never waits, never fails."""
        noted = self._notes.get(guest.incarnation)
        if step is Step.KEEP and noted is not None and noted.step is Step.CLAIM:
            return
        self._notes[guest.incarnation] = _Note(step, self._value(guest), guest)
        self._some.set()

    async def write_for_ever(self) -> None:
        """The one writer. Runs until cancelled."""
        pause_s = 0.0
        while True:
            await self._some.wait()
            if await self._write_batch():
                if pause_s:
                    event(log, "redis is back")
                pause_s = 0.0
                continue
            if not pause_s:
                event(log, "redis is away", level=logging.WARNING, waiting=len(self._notes))
            pause_s = min(max(pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def end(self) -> None:
        """Write what is noted, if Redis takes it, and let go of the connections."""
        while self._notes and await self._write_batch():
            pass
        await self._redis.aclose()

    async def _write_batch(self) -> bool:
        batch = {incarnation: self._notes.pop(incarnation) for incarnation in list(self._notes)[:_BATCH]}
        if not self._notes:
            self._some.clear()
        try:
            written = await self._executed(list(batch.items()))
        except (RedisError, OSError) as error:
            event(log, "presence not written", level=logging.DEBUG, why=type(error).__name__)
            self._put_back(batch)
            self._tell(batch)
            return False
        self._tell(batch)
        for note, done in zip(batch.values(), written, strict=True):
            if note.step is Step.KEEP and done == 0:
                self._superseded(note.guest)
        return True

    async def _executed(self, notes: list[tuple[str, _Note]]) -> list[object]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for incarnation, note in notes:
                key = f"gateway:guest:{incarnation}"
                match note.step:
                    case Step.CLAIM:
                        pipeline.set(key, note.value, ex=TTL_S)
                    case Step.KEEP:
                        pipeline.eval(_KEEP, 1, key, note.value, TTL_S)
                    case Step.FORGET:
                        pipeline.eval(_FORGET, 1, key, note.value)
            return list(await pipeline.execute())

    def _tell(self, batch: dict[str, _Note]) -> None:
        for incarnation, note in batch.items():
            if note.step is not Step.KEEP and not note.told:
                self._news(incarnation)

    def _put_back(self, batch: dict[str, _Note]) -> None:
        for incarnation, note in batch.items():
            told = _Note(note.step, note.value, note.guest, told=True)
            later = self._notes.get(incarnation)
            # A heartbeat that came meanwhile must not turn a claim that was never written into a mere prolonging.
            if later is None or (later.step is Step.KEEP and note.step is Step.CLAIM):
                self._notes[incarnation] = told
        self._some.set()

    def _value(self, guest: Guest) -> bytes:
        """The same bytes for the whole connection and for no other: the moment of its hello tells them apart."""
        return msgspec.json.encode(
            {
                "gateway": self._address,
                "boot_id": guest.hello.boot_id,
                "protocol": guest.hello.protocol,
                "hello": guest.hello,
                "at": guest.since.isoformat(),
            }
        )
