"""What a journey needs: a client of the running platform, and instances that are gone after it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from PIL import Image

from infra.embedded.processes import wait_until
from tests.stack import Stack

RUNNING_WITHIN_S = 120


@dataclass
class Desk:
    """One instance over REST, as its user sees it."""

    http: httpx.Client
    id: str
    made: dict[str, Any] = field(default_factory=dict)

    def read(self) -> dict[str, Any]:
        answer = self.http.get(f"/api/instances/{self.id}")
        answer.raise_for_status()
        return answer.json()

    def order(self, what: str) -> dict[str, Any]:
        answer = self.http.post(f"/api/instances/{self.id}/{what}")
        assert answer.status_code == 202, answer.text
        return answer.json()

    def delete(self) -> None:
        answer = self.http.delete(f"/api/instances/{self.id}")
        assert answer.status_code in (202, 404), answer.text

    def wait(self, status: str, *, timeout_s: float = RUNNING_WITHIN_S) -> dict[str, Any]:
        """As a patient client: over restarts of the web process too."""
        last: list[str] = []

        def arrived() -> bool:
            try:
                answer = self.http.get(f"/api/instances/{self.id}/wait?status={status}&timeout_s=5", timeout=15)
            except httpx.HTTPError as error:
                last[:] = [repr(error)]
                return False
            last[:] = [answer.text]
            assert answer.status_code != 409, answer.text
            return answer.status_code == 200

        try:
            wait_until(arrived, timeout_s=timeout_s, what=f"{status}", every_s=0.1)
        except Exception as error:
            raise AssertionError(f"not {status}: {last}") from error
        return json.loads(last[0])

    def act(self, **action: Any) -> dict[str, Any]:
        answer = self.http.post(f"/api/instances/{self.id}/actions", json=action)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def shell(self, command: str) -> dict[str, Any]:
        return self.act(type="bash", command=command)["shell"]

    def screen(self, format: str = "png") -> Image.Image:
        answer = self.http.get(f"/api/instances/{self.id}/screenshot?format={format}")
        assert answer.status_code == 200, answer.text
        return Image.open(io.BytesIO(answer.content)).convert("RGB")

    def events(self) -> list[dict[str, Any]]:
        return self.http.get(f"/api/instances/{self.id}/events?limit=500").json()["results"]


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as client:
        yield client


@pytest.fixture
def ask(http: httpx.Client) -> Iterator[Callable[..., Desk]]:
    """`ask(instance_type, **fields)`: a new instance; deleted after the test, whatever became of it."""
    desks: list[Desk] = []

    def make(instance_type: str = "ubuntu", **fields: Any) -> Desk:
        answer = http.post("/api/instances", json={"name": "walk", "instance_type": instance_type, **fields})
        assert answer.status_code == 201, answer.text
        desks.append(Desk(http, answer.json()["id"], answer.json()))
        return desks[-1]

    yield make
    for desk in desks:
        desk.delete()
    for desk in desks:
        wait_until(
            lambda desk=desk: http.get(f"/api/instances/{desk.id}").status_code == 404,
            timeout_s=60,
            what="the instance's end",
            every_s=0.1,
        )
