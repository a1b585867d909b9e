"""A recording of a real desktop from a warm pool: made, broken in its midst, replayed in a browser, taken along."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from infra.embedded.processes import wait_until
from tests.faces.conftest import chromium
from tests.stack import Stack
from tests.walks.conftest import RUNNING_WITHIN_S, Desk

pytestmark = [pytest.mark.stack, pytest.mark.machine]
SOON_MS = 30_000


def test_a_machine_of_a_pool_is_recorded_and_replayed(
    http: httpx.Client, ask: Callable[..., Desk], stack: Stack, chromium: Browser
) -> None:
    spec = {"name": "filmed", "instance_type": "ubuntu", "record": True, "pool_size": 1}
    template = http.post("/api/templates", json=spec).raise_for_status().json()
    warm = f"/api/templates/{template['id']}"
    wait_until(lambda: http.get(warm).json()["pool_ready"] == 1, timeout_s=RUNNING_WITHIN_S, what="a warm machine")
    assert http.get("/api/recordings").json()["results"] == [], "nobody's machine is recorded"
    desk = ask("ubuntu", template="filmed")
    http.delete(warm).raise_for_status()

    first = _until(desk, lambda row: row["frames"] >= 1, "the first frame")
    desk.act(type="click", x=400, y=300)
    desk.act(type="type", text="echo typed-canary\n")
    stack.kill("gateway")
    stack.await_healthy()
    desk.wait("running")
    _until(desk, lambda row: row["gaps"] >= 1 and row["frames"] > first["frames"], "more frames, after a gap")
    wait_until(lambda: _acts(desk), timeout_s=30, what="an action after the gateway's restart")
    http.post(f"/api/recordings/{first['id']}/stop").raise_for_status()
    row = _until(desk, lambda row: row["status"] == "finished", "its end")

    taken = http.get(f"/api/recordings/{row['id']}/zip").raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(taken)) as found:
        frames = json.loads(found.read("manifest.json"))["frames"]
        actions = [json.loads(line) for line in found.read("actions.jsonl").splitlines()]
        assert Image.open(io.BytesIO(found.read(frames[-1]["file"]))).size == (1280, 800)
    assert len(frames) == row["frames"] and {"click", "type"} <= {action["type"] for action in actions}
    assert b"typed-canary" not in json.dumps(actions).encode()
    film = http.get(f"/api/recordings/{row['id']}/video").raise_for_status().content
    assert film[4:8] == b"ftyp" and len(film) > 10_000
    _replays(chromium, http.get(f"/api/recordings/{row['id']}/replay").json()["url"], len(actions))


def _until(desk: Desk, is_so: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
    """The instance's one recording, once it is so."""
    rows: list[dict[str, Any]] = []

    def look() -> bool:
        rows[:] = desk.http.get(f"/api/instances/{desk.id}/recordings").json()["results"]
        return len(rows) == 1 and is_so(rows[0])

    wait_until(look, timeout_s=60, what=what, every_s=0.2)
    return rows[0]


def _acts(desk: Desk) -> bool:
    answer = desk.http.post(f"/api/instances/{desk.id}/actions", json={"type": "click", "x": 300, "y": 200})
    return answer.status_code == 200


def _replays(chromium: Browser, url: str, actions: int) -> None:
    """The page shows the screen and what was done, and plays to its end."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(url)
    expect(page.locator("#picture")).to_be_visible(timeout=SOON_MS)
    expect(page.locator("#actions li")).to_have_count(actions)
    page.get_by_role("button", name="typed 18 characters").click()
    expect(page.locator("#actions [aria-current=true]")).to_contain_text("typed 18 characters")
    assert page.evaluate("document.querySelector('#picture').naturalWidth") == 1280
    page.locator("#speed").select_option("8")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("body")).to_have_attribute("data-state", "paused", timeout=60_000)
    assert page.locator("#seek").input_value() == page.locator("#seek").get_attribute("max")
    page.close()
    assert complaints == []


__all__ = ["chromium"]
