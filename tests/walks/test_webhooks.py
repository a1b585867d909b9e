"""A webhook on the running platform: beat and worker tell a real receiver what happens, within seconds."""

from __future__ import annotations

from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from infra.embedded.processes import wait_until
from tests.stack import Stack
from tests.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.stack


def test_what_happens_to_an_instance_is_told_within_seconds(stack: Stack) -> None:
    with stack.client() as client, receiving() as receiver:
        hook = client.post("/api/webhooks", json={"url": receiver.url}).raise_for_status().json()
        desk = client.post("/api/instances", json={"name": "told of", "instance_type": "ubuntu"}).json()["id"]
        wait_until(lambda: "instance.requested" in _kinds(receiver, desk), timeout_s=20, what="the first message")
        client.delete(f"/api/instances/{desk}").raise_for_status()
        wait_until(lambda: "instance.gone" in _kinds(receiver, desk), timeout_s=60, what="the last message")
        client.delete(f"/api/webhooks/{hook['id']}").raise_for_status()
    numbers = [told["data"]["number"] for told in _told_of(receiver, desk)]
    assert numbers == list(range(1, len(numbers) + 1)), "in order, none missed, none twice"
    for heard in receiver.heard:
        Verifier(hook["secret"]).verify(heard.body, heard.headers)


def _kinds(receiver: Receiver, desk: str) -> list[str]:
    return [told["type"] for told in _told_of(receiver, desk)]


def _told_of(receiver: Receiver, desk: str) -> list[dict[str, Any]]:
    """What it heard of this instance: others of the site may be on their way as well."""
    return [heard.json for heard in receiver.heard if heard.json["data"]["instance_id"] == desk]
