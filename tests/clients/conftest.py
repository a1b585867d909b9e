"""Clients of the real application, in this process, and of a platform that says what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from common.realtime.follow import release_connections
from common.tenancy import CREW
from orchestrator.wsgi import application
from orchestrator_client import AsyncClient, Client
from orchestrator_client.retries import Retries
from sites.keys import make_key
from sites.roles import SCOPES_OF_ROLE, Role
from tests.instances.conftest import World, world

__all__ = ["world"]

URL = "http://localhost:8000"
KEY = "keyabcdefghijkl_a-secret-of-forty-characters"
Answering = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Whoever runs the tests may have a profile; it is not to be used, nor changed."""
    for name in ("ORCHESTRATOR_URL", "ORCHESTRATOR_API_KEY", "ORCHESTRATOR_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "settings" / "profiles.json"
    monkeypatch.setenv("ORCHESTRATOR_PROFILES", str(path))
    return path


@pytest.fixture
def secret(world: World) -> str:
    """A key of the world's site, with all that an owner may do."""
    _, made = make_key(
        site_id=world.principal.site_id,
        user_id=world.principal.user_id,
        name="test",
        scopes=sorted(SCOPES_OF_ROLE[Role.OPERATOR]),
        using=CREW,
    )
    return made


@pytest.fixture
def client(secret: str) -> Iterator[Client]:
    """A client of the real application."""
    with httpx.Client(transport=httpx.WSGITransport(application)) as http, Client(URL, secret, http=http) as made:
        yield made


@pytest.fixture
def asynchronous(secret: str) -> AsyncClient:
    """The asynchronous client of the same."""
    return AsyncClient(URL, secret, http=httpx.AsyncClient(transport=InThreads()))


class InThreads(httpx.AsyncBaseTransport):
    """The application by WSGI, in a thread, since its views may not run where an event loop does."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            plain = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
            with httpx.Client(transport=httpx.WSGITransport(application)) as http:
                answer = http.send(plain)
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        finally:
            release_connections()


def played(answer: Answering, **options: object) -> Client:
    """A client of a platform that answers as `answer` does. It hardly pauses between attempts."""
    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Client(URL, KEY, http=http, retries=Retries(first_pause_s=0.001), **options)


def refusal(status: int, code: str, *, retry_after: str | None = None) -> httpx.Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    body = {"error": "No.", "code": code, "details": {"why": "because"}, "request_id": "r-1"}
    return httpx.Response(status, json=body, headers=headers)
