"""A guest that is killed or cut off, and a network that is cut, in the middle of an action, a view and a CDP session:
clear errors, nothing that hangs past its deadline, and everything found back without help."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as ws_connect

from infra.embedded.processes import wait_until
from tests.faces.conftest import chromium
from tests.stack import Stack
from tests.walks.conftest import Desk
from tests.walks.cut import line_to
from tests.walks.test_view import live, take

pytestmark = [pytest.mark.stack, pytest.mark.machine]
SILENCE_S = 15
"""A guest that says nothing for so long counts as lost (`gateway.relay.SILENCE_S`)."""
SLACK_S = 10
GRACE_S = 7
"""Past an action's own time: the guest's grace and the gateway's."""


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """A running browser for all of these; the last of them kills it."""
    with stack.client() as http:
        made = http.post("/api/instances", json={"name": "cut", "instance_type": "browser"}).json()
        desk = Desk(http, made["id"], made)
        desk.wait("running")
        yield desk
        desk.delete()


def freeze_guest(desk: Desk, *, for_s: float) -> None:
    """Its process stands still for a while, as behind a network that is cut: nothing is said, nothing is closed."""
    desk.shell(f"setsid sh -c 'sleep 0.5; kill -STOP '$PPID'; sleep {for_s}; kill -CONT '$PPID >/dev/null 2>&1 &")


def first_refusal(desk: Desk) -> tuple[httpx.Response, float]:
    """The first action that is not done any more, and the seconds that its answer took."""
    for _ in range(500):
        started = time.monotonic()
        answer = desk.http.post(f"/api/instances/{desk.id}/actions", json={"type": "cursor_position"})
        if answer.status_code != 200:
            return answer, time.monotonic() - started
    raise AssertionError("every action was done")


def open_streams(desk: Desk, held: ExitStack) -> list[ClientConnection]:
    """One of the screen, and one of the browser's DevTools."""
    frames = desk.http.get(f"/api/instances/{desk.id}/frames").json()["url"]
    sockets = [ws_connect(url, proxy=None, max_size=None) for url in (frames, desk.read()["cdp_url"])]
    for each in sockets:
        held.enter_context(each)
    sockets[1].send('{"id": 1, "method": "Browser.getVersion"}')
    assert "result" in sockets[1].recv(timeout=20)
    return sockets


def seconds_until_closed(sockets: list[ClientConnection], *, at_most_s: float) -> float:
    started = time.monotonic()
    for each in sockets:
        with pytest.raises(ConnectionClosed):
            while True:
                each.recv(timeout=max(0.1, at_most_s - (time.monotonic() - started)))
    return time.monotonic() - started


def answers(desk: Desk) -> bool:
    sent = {"type": "bash", "command": "cat /proc/1/stat"}
    return desk.http.post(f"/api/instances/{desk.id}/actions", json=sent).status_code == 200


def test_a_guest_that_is_cut_off_is_a_clear_error_at_its_deadline_and_comes_back(desk: Desk) -> None:
    with ExitStack() as held:
        sockets = open_streams(desk, held)
        freeze_guest(desk, for_s=SILENCE_S + 8)
        refused, took_s = first_refusal(desk)
        assert (refused.status_code, refused.json()["code"]) == (504, "GUEST_TIMEOUT"), refused.text
        assert took_s < GRACE_S + SLACK_S
        seconds_until_closed(sockets, at_most_s=SILENCE_S + SLACK_S)
    wait_until(lambda: answers(desk), timeout_s=60, what="the same guest again", every_s=0.3)
    assert desk.read()["status"] == "running" and desk.read()["incarnation"] == 1
    with ExitStack() as held:
        assert len(open_streams(desk, held)) == 2


def test_a_view_over_a_network_that_is_cut_says_so_and_finds_back(desk: Desk, chromium: Browser, stack: Stack) -> None:
    with line_to(stack.url) as line:
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        link = desk.http.get(f"/api/instances/{desk.id}/view").json()["url"]
        page.goto(link.replace(stack.url, line.url))
        take(live(page))
        line.cut()
        expect(page.locator("#status")).not_to_have_text("Live", timeout=25_000)
        expect(page.locator("#headline")).to_have_text("The platform does not answer", timeout=25_000)
        line.mend()
        live(page)
        expect(page.get_by_role("button", name="Give back")).to_be_visible(timeout=30_000)
        context.close()


def test_an_action_over_a_network_that_is_cut_is_done_once_and_told_in_the_log(desk: Desk, stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    with line_to(stack.url) as line, httpx.Client(base_url=line.url, headers=headers, trust_env=False) as cut_off:
        sent: dict[str, Any] = {"type": "bash", "command": "echo once >> of-the-cut; sleep 1"}
        with pytest.raises(httpx.TimeoutException):
            line_cut_while(line, desk, lambda: cut_off.post(f"/api/instances/{desk.id}/actions", json=sent, timeout=6))
    wait_until(
        lambda: any("of-the-cut" in str(row["tool_args"]) for row in rows(desk)), timeout_s=20, what="row", every_s=0.2
    )
    assert desk.shell("cat of-the-cut")["stdout"] == "once\n"


def test_a_killed_guest_ends_its_streams_at_once_and_the_instance_is_in_error(desk: Desk) -> None:
    with ExitStack() as held:
        sockets = open_streams(desk, held)
        killer = {"type": "bash", "command": "kill -9 -1", "timeout_s": 10}
        assert desk.http.post(f"/api/instances/{desk.id}/actions", json=killer).status_code in (200, 502)
        assert seconds_until_closed(sockets, at_most_s=SLACK_S) < SLACK_S
    assert desk.wait("error", timeout_s=60)["status_reason"]
    refused = desk.http.post(f"/api/instances/{desk.id}/actions", json={"type": "cursor_position"})
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")


def rows(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.http.get(f"/api/instances/{desk.id}/logs?limit=20").json()["results"]
    return found


def line_cut_while(line: Any, desk: Desk, doing: Any) -> None:
    """Cut the line once the machine has begun what is asked over it."""
    begun = threading.Thread(target=lambda: _cut_when_begun(line, desk), daemon=True)
    begun.start()
    doing()


def _cut_when_begun(line: Any, desk: Desk) -> None:
    wait_until(lambda: "of-the-cut" in desk.shell("ls")["stdout"], timeout_s=10, what="the beginning", every_s=0.05)
    line.cut()


__all__ = ["chromium"]
