"""Fixtures over the rig; guestlink's tests stand on the same ones."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.gateway.fake_guest import FakeGuest
from tests.gateway.rig import Gateway, RedisServer, until

Connect = Callable[..., Awaitable[FakeGuest]]


@pytest_asyncio.fixture(scope="session")
async def redis_server() -> AsyncIterator[RedisServer]:
    """One for all tests that leave it alone."""
    async with running_redis() as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def gateway(redis_server: RedisServer) -> AsyncIterator[Gateway]:
    """One for all tests that leave it alone."""
    async with running_gateway(redis_server.url) as running:
        yield running


@pytest_asyncio.fixture
async def own_redis() -> AsyncIterator[RedisServer]:
    """One that the test may kill."""
    async with running_redis() as server:
        yield server


@pytest_asyncio.fixture
async def own_gateway(own_redis: RedisServer) -> AsyncIterator[Gateway]:
    """One that the test may kill."""
    async with running_gateway(own_redis.url) as running:
        yield running


@pytest_asyncio.fixture
async def connect(gateway: Gateway) -> AsyncIterator[Connect]:
    """Connects a guest of that incarnation to the shared gateway; it is registered when the call returns."""
    async with connecting_to(gateway) as connected:
        yield connected


@pytest_asyncio.fixture
async def connect_to_own(own_gateway: Gateway) -> AsyncIterator[Connect]:
    """The same to the gateway that the test may kill."""
    async with connecting_to(own_gateway) as connected:
        yield connected


@asynccontextmanager
async def running_redis() -> AsyncIterator[RedisServer]:
    with _short_directory() as directory:
        server = RedisServer(directory)
        await server.start()
        try:
            yield server
        finally:
            server.client.close()
            if server.is_running():
                server.end()


@asynccontextmanager
async def running_gateway(redis_url: str, **environment: str) -> AsyncIterator[Gateway]:
    with _short_directory() as directory:
        running = Gateway(directory, redis_url, **environment)
        await running.start()
        try:
            yield running
        finally:
            if running.is_running():
                running.end()


@asynccontextmanager
async def connecting_to(gateway: Gateway) -> AsyncIterator[Connect]:
    made: list[FakeGuest] = []

    async def connected(incarnation: str, **kwargs: Any) -> FakeGuest:
        before = _hellos_heard(gateway, incarnation)
        guest = await guests.enter_async_context(FakeGuest(gateway.guest_socket, incarnation, **kwargs))
        made.append(guest)
        await until(lambda: _hellos_heard(gateway, incarnation) > before)
        return guest

    async with AsyncExitStack() as guests:
        yield connected
    if gateway.is_running():
        for guest in made:
            await until(partial(is_gone, gateway, guest.incarnation))


async def is_gone(gateway: Gateway, incarnation: str) -> bool:
    return await gateway.shown(incarnation) is None


def _hellos_heard(gateway: Gateway, incarnation: str) -> int:
    return gateway.log.read_text().count(f'guest connected incarnation="{incarnation}"')


@contextmanager
def _short_directory() -> Iterator[Path]:
    # A unix socket's path has 107 bytes at most, which pytest's own directories may exceed.
    made = Path(tempfile.mkdtemp(prefix="gw-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)
