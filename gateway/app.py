"""The gateway put together: its three doors, what stands behind them, and the order in which they open and close."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from common.tunnel import Tunnels
from gateway import sockets
from gateway.announce import Announcer
from gateway.bearers import Bearers
from gateway.cdp import CdpDoor
from gateway.config import Config
from gateway.doors import Door, guest_door, http_door, public_door
from gateway.driving import Driving
from gateway.guests import GuestDoor
from gateway.health import Health
from gateway.internal import InternalDoor
from gateway.logs import event
from gateway.picture_events import PictureEventsDoor
from gateway.pictures import FramesDoor
from gateway.presence import Presence
from gateway.public import TUNNELLED, PublicDoor
from gateway.registry import Registry
from gateway.relay import REPLACED
from gateway.streams import Streams
from gateway.views import ViewDoor

_LAST_WORDS_S = 2.0
MAX_TUNNELS = 2_000

log = logging.getLogger(__name__)


async def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT; a second signal cuts short what is still being waited for.

    Raises:
        sockets.Taken: another gateway serves this directory.
        OSError: a port is taken, or the directory cannot be written.
    """
    sockets.make_directories(ours=config.directory, guests=config.guest_socket.parent)
    with sockets.sole_holder(config.lock), _listening(config) as listeners:
        await _Gateway(config).serve(listeners)


@dataclass(frozen=True, slots=True)
class _Listeners:
    guests: list[socket.socket]
    internal: socket.socket
    public: socket.socket


@contextmanager
def _listening(config: Config) -> Iterator[_Listeners]:
    def on_path(path: Path, mode: int) -> socket.socket:
        return held.enter_context(sockets.listening_on_path(path, birthplace=config.directory, mode=mode))

    def on_port(host: str, port: int) -> socket.socket:
        return held.enter_context(sockets.listening_on_port(host, port))

    with ExitStack() as held:
        public = on_port(config.public_host, config.public_port)
        guests = [] if config.guest_port is None else [on_port(config.guest_host, config.guest_port)]
        internal = on_path(config.internal_socket, 0o600)
        yield _Listeners([on_path(config.guest_socket, 0o666), *guests], internal, public)


class _Gateway:
    def __init__(self, config: Config) -> None:
        registry = Registry()
        health = Health(registry)
        streams = Streams()
        driving = Driving()
        bearers = Bearers()
        self._announcer = Announcer(config.broker_url)
        self._presence = Presence(
            config.redis_url,
            address=f"unix:{config.internal_socket}",
            news=self._tell,
            superseded=lambda guest: guest.end(REPLACED),
        )
        self._is_going = False
        self._guests = guest_door(
            GuestDoor(secret=config.secret, registry=registry, presence=self._presence, streams=streams)
        )
        self._internal = http_door(InternalDoor(registry=registry, health=health, driving=driving, bearers=bearers))
        secret = config.secret
        cdp = CdpDoor(secret=secret, registry=registry, streams=streams, bearers=bearers, scheme=config.scheme)
        views = ViewDoor(secret=secret, registry=registry, streams=streams, bearers=bearers, driving=driving)
        frames = FramesDoor(secret=secret, registry=registry, streams=streams, bearers=bearers)
        events = PictureEventsDoor(secret=secret, registry=registry, streams=streams, bearers=bearers)
        public = PublicDoor(health=health, cdp=cdp, views=views, frames=frames, picture_events=events)
        self._tunnels = Tunnels(public.tunnel, at_most=MAX_TUNNELS)
        self._public = public_door(public, self._tunnels, TUNNELLED)

    async def serve(self, listeners: _Listeners) -> None:
        self._announcer.start()
        writing = asyncio.create_task(self._presence.write_for_ever())
        internal = self._internal.opened_on(listeners.internal)
        public = self._public.opened_on(listeners.public)
        guests = self._guests.opened_on(*listeners.guests)
        event(log, "gateway open", port=listeners.public.getsockname()[1])
        await self._until_told_to_stop(internal, public, guests, writing)
        event(log, "gateway closing")
        self._is_going = True
        # The hub first, while its guests are still here to answer what was asked.
        await _closed(self._internal, internal)
        self._tunnels.end()
        await asyncio.gather(_closed(self._public, public), _closed(self._guests, guests))
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        await self._say_last_words()

    def _tell(self, incarnation: str) -> None:
        # Our own going is no news of a machine: its guest will redial and be announced by the next gateway.
        if not self._is_going:
            self._announcer.announce(incarnation)

    async def _until_told_to_stop(self, *parts: asyncio.Task[None]) -> None:
        """Or until a part ends by itself, which none should."""
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, told)
        waiting = asyncio.create_task(told.wait())
        await asyncio.wait({waiting, *parts}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    def _on_signal(self, told: asyncio.Event) -> None:
        if told.is_set():
            for door in (self._internal, self._public, self._guests):
                door.close(at_once=True)
        told.set()

    async def _say_last_words(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await self._presence.end()
        await asyncio.to_thread(self._announcer.stop, within_s=_LAST_WORDS_S)


async def _closed(door: Door, serving: asyncio.Task[None]) -> None:
    door.close()
    await serving
