"""The hub: one Redis connection per process, from which every stream of that process hears its nudges."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

import redis.asyncio
from django.conf import settings
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from common.realtime.publish import PREFIX

log = logging.getLogger(__name__)

PING_EVERY_S = 10.0
DEAD_AFTER_S = 25.0
"""Without a byte for this long, pongs included, the connection is taken for lost."""
CONNECT_S = 5.0
BACKOFF_S = (0.05, 2.0)
_EARLY_S = 0.002


class Listener:
    """One client's ear, for one task to wait by. Any number of nudges between two waits are one wake; a slow client
    costs one flag.

    By hand, for hundreds wait at once: an Event within a timeout takes three times as long, most of it for timers that
    are set only to be cancelled. This one's timer is left alone, and looks when it is over whether it is time.
    """

    def __init__(self, hub: Hub, channels: Sequence[str]) -> None:
        self.hub = hub
        self.channels = tuple(dict.fromkeys(channels))
        self._is_woken = False
        self._waiting: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    async def wait(self, timeout_s: float) -> bool:
        """True as soon as there was a nudge since the last wait, False after `timeout_s` without one."""
        woken = self._is_woken or await self._nudge(asyncio.get_running_loop(), timeout_s)
        if woken and not self.hub.ended:
            self._is_woken = False
        return woken

    def wake(self) -> None:
        self._is_woken = True
        self._settle(True)

    async def _nudge(self, loop: asyncio.AbstractEventLoop, timeout_s: float) -> bool:
        self._deadline = loop.time() + timeout_s
        if self._timer is None or self._timer.when() > self._deadline:
            self._stop_timer()
            self._timer = loop.call_at(self._deadline, self._look_at_the_clock, loop)
        self._waiting = loop.create_future()
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def _look_at_the_clock(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._deadline - loop.time() > _EARLY_S:
            self._timer = loop.call_at(self._deadline, self._look_at_the_clock, loop)
        else:
            self._settle(False)

    def _settle(self, woken: bool) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(woken)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def age(self) -> tuple[int, ...]:
        """Grows with every nudge on the channels: what was read at an equal age was read after the same nudges."""
        return self.hub.ages(self.channels)

    def close(self) -> None:
        """Stop listening. Harmless when repeated."""
        self._stop_timer()
        self.hub.forget(self)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Room:
    """The listeners of one channel. Its age comes from the hub's one clock, so a room made anew is never younger."""

    def __init__(self, clock: Iterator[int]) -> None:
        self.listeners: set[Listener] = set()
        self._clock = clock
        self.age = next(clock)

    def wake(self) -> None:
        self.age = next(self._clock)
        for listener in self.listeners:
            listener.wake()


class Hub:
    """Belongs to one event loop. Redis may go and come back: then all listeners are woken once, to catch up."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._rooms: dict[str, _Room] = {}
        self._clock = itertools.count(1)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connected = False
        self.ended = False
        self.shared: dict[Any, list[asyncio.Future[Any]]] = {}
        """Fetches under way, each with those who wait for it; see `follow`."""

    def listen(self, channels: Sequence[str]) -> Listener:
        """Start to listen; use it as a context manager, or `close` it.

        It does not wait for Redis: once the subscription stands, the listener is woken, so that nothing which was
        published in between is missed.
        """
        listener = Listener(self, channels)
        for channel in listener.channels:
            if channel not in self._rooms:
                self._rooms[channel] = _Room(self._clock)
            self._rooms[channel].listeners.add(listener)
        self._changed.set()
        if self.ended:
            listener.wake()
        elif self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return listener

    def forget(self, listener: Listener) -> None:
        for channel in listener.channels:
            room = self._rooms.get(channel)
            if room is None:
                continue
            room.listeners.discard(listener)
            if not room.listeners:
                del self._rooms[channel]
                self._changed.set()

    @property
    def channels(self) -> set[str]:
        """The channels that somebody listens on."""
        return set(self._rooms)

    def ages(self, channels: Sequence[str]) -> tuple[int, ...]:
        return tuple(room.age if (room := self._rooms.get(channel)) else 0 for channel in channels)

    def end(self) -> None:
        """The process is going: every stream ends now, and its client comes back to the next process."""
        self.ended = True
        self._wake_all()

    async def aclose(self) -> None:
        """Drop the connection. A later `listen` opens it again, unless the hub was ended."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        delay_s = BACKOFF_S[0]
        while True:
            try:
                await self._converse()
            except* (RedisError, OSError) as errors:
                if self.connected or delay_s == BACKOFF_S[0]:
                    log.warning("the hub lost redis, streams poll until it is back: %s", errors.exceptions[0])
            delay_s = BACKOFF_S[0] if self.connected else min(delay_s * 2, BACKOFF_S[1])
            self.connected = False
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))

    async def _converse(self) -> None:
        connection = _connection(self._url)
        try:
            async with asyncio.timeout(CONNECT_S):
                await connection.connect()  # type: ignore[no-untyped-call]
            async with asyncio.TaskGroup() as both:
                both.create_task(self._keep_subscribed(connection))
                both.create_task(self._hear(connection))
        finally:
            await connection.disconnect(nowait=True)

    async def _keep_subscribed(self, connection: AbstractConnection) -> None:
        """The connection's only writer: makes Redis know the channels that the rooms know."""
        known: set[str] = set()
        while True:
            self._changed.clear()
            wanted = self.channels
            if fresh := wanted - known:
                await connection.send_command("SUBSCRIBE", *_named(fresh), check_health=False)
            if stale := known - wanted:
                await connection.send_command("UNSUBSCRIBE", *_named(stale), check_health=False)
            known = wanted
            await self._wait_for_change(connection)

    async def _wait_for_change(self, connection: AbstractConnection) -> None:
        while True:
            try:
                async with asyncio.timeout(PING_EVERY_S):
                    await self._changed.wait()
                return
            except TimeoutError:
                await connection.send_command("PING", check_health=False)

    async def _hear(self, connection: AbstractConnection) -> None:
        """The connection's only reader. A confirmed subscription wakes like a nudge: something may have been missed."""
        while True:
            message = await connection.read_response(timeout=DEAD_AFTER_S)
            kind, channel = bytes(message[0]), message[1]
            if kind in {b"message", b"subscribe"}:
                self.connected = True
                if room := self._rooms.get(channel.decode().removeprefix(PREFIX)):
                    room.wake()

    def _wake_all(self) -> None:
        for room in self._rooms.values():
            room.wake()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def current() -> Hub:
    """The running loop's hub; made at the first call, connected at the first `listen`."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(settings.REDIS_URL)
    return _hubs[loop]


def running() -> bool:
    """Whether the running loop has a hub already."""
    return asyncio.get_running_loop() in _hubs


def _named(channels: set[str]) -> list[str]:
    return [PREFIX + channel for channel in sorted(channels)]


def _connection(url: str) -> AbstractConnection:
    # Bare and without retries: a reconnect must go through `_run`, which subscribes anew and wakes everybody. Without
    # a socket timeout, because redis-py then sends through `asyncio.wait_for`, which swallows cancellation before 3.12;
    # `_hear` sets the limit for both directions.
    pool = redis.asyncio.ConnectionPool.from_url(
        url, protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=None, socket_keepalive=True
    )
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    return connection
