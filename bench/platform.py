"""The platform that is measured, one of our own or one that runs already; and a lean client for it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import urllib3

from bench.line import Line
from infra.client import Credentials
from infra.progress import say, step
from tests.stack import Stack, started_stack

_READY_WITHIN_S = 150
_GONE_WITHIN_S = 60


class Refused(Exception):
    """The platform answered otherwise than it should; the text is its answer."""


class Platform:
    """REST over kept connections. What is measured goes by `quickly` and `ask_nothing`, with a client of next to no
    cost of its own; all else by urllib3."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._http = urllib3.connection_from_url(url, headers=headers, maxsize=1, retries=False)
        self._line = Line(url, key)

    def close(self) -> None:
        self._http.close()
        self._line.close()

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        """The answer's body. Raises `Refused` where it is no success."""
        sent = None if body is None else json.dumps(body).encode()
        answer = self._http.urlopen(method, path, body=sent, timeout=_READY_WITHIN_S + 10, redirect=False)
        if answer.status >= 400:
            raise Refused(f"{method} {path}: {answer.status} {answer.data[:500].decode(errors='replace')}")
        return answer.data

    def ask_nothing(self) -> None:
        """An address that does not exist: what a request costs before anybody looks at it."""
        self._line.ask("GET", "/api/nothing")

    def quickly(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The answer's body. Raises `Refused` where it is no success."""
        status, said = self._line.ask(method, path, body)
        if status >= 400:
            raise Refused(f"{method} {path}: {status} {said[:500].decode(errors='replace')}")
        return said

    def act(self, instance_id: str, action: dict[str, Any]) -> Any:
        return json.loads(self.call("POST", f"/api/instances/{instance_id}/actions", action))

    def request(self, flavour: str) -> str:
        """A new instance's id."""
        wanted = {"name": f"bench {flavour}", "instance_type": flavour}
        return str(json.loads(self.call("POST", "/api/instances", wanted))["id"])

    def await_status(self, instance_id: str, status: str, *, within_s: int = _READY_WITHIN_S) -> None:
        """By one request that the platform answers when the instance is there."""
        self.call("GET", f"/api/instances/{instance_id}/wait?status={status}&timeout_s={within_s}")

    def delete(self, instance_id: str) -> None:
        """And until its machine is gone, so that its end falls into no other measurement."""
        self.call("DELETE", f"/api/instances/{instance_id}")
        self.await_status(instance_id, "deleted", within_s=_GONE_WITHIN_S)

    @contextlib.contextmanager
    def instance(self, flavour: str) -> Iterator[str]:
        """A running instance's id; deleted at the end."""
        instance_id = self.request(flavour)
        try:
            self.await_status(instance_id, "running")
            yield instance_id
        finally:
            self.delete(instance_id)

    def history(self, instance_id: str) -> list[dict[str, Any]]:
        """Its events, the oldest first."""
        events: list[dict[str, Any]] = json.loads(self.call("GET", f"/api/instances/{instance_id}/events"))["results"]
        return sorted(events, key=lambda event: event["number"])


@contextlib.contextmanager
def platform(credentials: Path | None) -> Iterator[Platform]:
    """The one whose credentials lie in that file, or one of our own that is gone afterwards."""
    with contextlib.ExitStack() as ending:
        known = Credentials.read(credentials) if credentials else ending.enter_context(_own()).credentials
        client = Platform(known.url, known.api_key)
        ending.callback(client.close)
        yield client


@contextlib.contextmanager
def _own() -> Iterator[Stack]:
    with contextlib.ExitStack() as ending:
        with step("A platform of our own"):
            stack = ending.enter_context(started_stack(durable=True))
        say()
        yield stack
