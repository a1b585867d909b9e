"""Time limits at the guest door, with the clock's part made short."""

from __future__ import annotations

import asyncio
import tomllib
from typing import Any

import pytest

from common import tokens
from gateway import VERSION, guests, relay
from gateway.guests import GuestDoor
from gateway.presence import Step
from gateway.registry import Registry
from gateway.relay import NO_HELLO, SILENT, Guest
from gateway.streams import Streams
from guest.protocol import frames
from tests.gateway.fake_guest import hello
from tests.gateway.rig import ROOT

SCOPE = {
    "type": "websocket",
    "path": "/guest/i-1",
    "headers": [(b"authorization", b"Bearer " + tokens.derive("s", purpose="guest", subject="i-1").encode())],
}


class Notes:
    """Stands for the presence: keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def note(self, guest: Guest, step: Step) -> None:
        self.steps.append(step)


async def converse(*frames_sent: bytes) -> tuple[list[dict[str, Any]], Notes, Registry]:
    """What the door says to a peer that sends these frames and then nothing more."""
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    for frame in frames_sent:
        incoming.put_nowait({"type": "websocket.receive", "bytes": frame})
    said: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        said.append(message)

    notes, registry = Notes(), Registry()
    door = GuestDoor(secret="s", registry=registry, presence=notes, streams=Streams())  # type: ignore[arg-type]
    await asyncio.wait_for(door(SCOPE, incoming.get, send), 5)  # type: ignore[arg-type]
    return said, notes, registry


async def test_a_connection_without_hello_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "HELLO_WITHIN_S", 0.05)

    said, notes, _ = await converse()

    assert [message["type"] for message in said] == ["websocket.accept", "websocket.close"]
    assert said[-1]["code"] == NO_HELLO.code
    assert notes.steps == []


async def test_a_guest_without_a_sign_of_life_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "SILENCE_S", 0.05)

    said, notes, registry = await converse(frames.encode(hello()), frames.encode({"kind": "heartbeat"}))

    assert said[-1]["code"] == SILENT.code
    assert notes.steps == [Step.CLAIM, Step.KEEP, Step.FORGET]
    assert len(registry) == 0


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert project["project"]["version"] == VERSION
