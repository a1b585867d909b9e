"""The virtual desktops' dialect: the unmodified client parses every answer, and no answer is one it cannot parse."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cyberdesk import CyberdeskClient, actions
from django.db import OperationalError
from django.test import Client

from common.errors import TooMany, Unavailable
from facades import doors
from facades.desktop_v1 import views
from facades.desktop_v1.errors import LISTED
from guest.protocol import actions as ours
from instances.guestlink import GuestBusy, GuestRefused, GuestTimedOut, GuestUnreachable
from instances.models import Instance
from orchestrator import frontdoor
from tests import make
from tests.instances.conftest import World

pytestmark = pytest.mark.django_db
ABSENT = "a1b2c3d4-e5f6-4890-a234-567890abcdef"


@pytest.fixture
def sdk(world: World, key: str, django_over_httpx: httpx.Client) -> CyberdeskClient:
    return _sdk(key, django_over_httpx)


def _sdk(key: str, over: httpx.Client) -> CyberdeskClient:
    client = CyberdeskClient(api_key=key, base_url="http://localhost")
    client.client.set_httpx_client(over)
    return client


def _asked(world: World) -> Instance:
    return Instance.everywhere.get(site_id=world.principal.site_id)


def _running(world: World, sdk: CyberdeskClient) -> str:
    """A running desktop's id."""
    made = sdk.launch_desktop()
    instance = world.settle(_asked(world))
    world.guests.arrive(instance.machine)
    assert world.settle(instance).status == "running"
    return str(made.id)


def test_a_desktop_lives_and_ends(world: World, sdk: CyberdeskClient) -> None:
    made = sdk.launch_desktop(timeout_ms=3_600_000)
    assert made.status == "pending"
    assert sdk.get_desktop(made.id).status == "pending"
    instance = world.settle(_asked(world))
    world.guests.arrive(instance.machine)
    world.settle(instance)
    seen = sdk.get_desktop(made.id)
    assert (seen.status, "/view#" in seen.stream_url) == ("running", True)
    assert abs(seen.timeout_at - seen.created_at - timedelta(hours=1)) < timedelta(seconds=5)
    assert instance.instance_type == "browser"

    assert sdk.terminate_desktop(str(made.id)).status == "terminated"
    assert sdk.get_desktop(made.id).status == "terminated"
    world.settle(instance)
    assert not world.provider.machines
    assert sdk.get_desktop(made.id).status == "terminated"
    assert sdk.terminate_desktop(str(made.id)).status == "terminated"


def test_a_desktop_is_gone_when_its_time_is_over(world: World, sdk: CyberdeskClient, later: Any) -> None:
    made = sdk.launch_desktop(timeout_ms=60_000)
    instance = world.settle(_asked(world))
    world.guests.arrive(instance.machine)
    world.settle(instance)
    assert len(world.provider.machines) == 1
    later(61)
    world.settle(instance)
    assert sdk.get_desktop(made.id).status == "terminated"
    assert not world.provider.machines


@pytest.mark.parametrize(
    ("sent", "done"),
    [
        (actions.click_mouse(), ours.Click()),
        (actions.click_mouse(x=5, y=6, num_of_clicks=2), ours.Click(x=5, y=6, count=2)),
        (actions.click_mouse(x=5), ours.Click()),
        (actions.click_mouse(x=5, y=6, num_of_clicks=0), ours.Move(x=5, y=6)),
        (actions.click_mouse(button=actions.ClickMouseButton.RIGHT), ours.Click(button="right")),
        (
            actions.click_mouse(click_type=actions.ClickMouseActionType.DOWN, num_of_clicks=3),
            ours.Click(action="down"),
        ),
        (actions.scroll(actions.ScrollDirection.DOWN, 100), ours.Scroll(direction="down", amount=100)),
        (actions.scroll(actions.ScrollDirection.UP, 9_000), ours.Scroll(direction="up", amount=500)),
        (actions.scroll(actions.ScrollDirection.LEFT, -1), ours.Scroll(direction="left", amount=1)),
        (actions.move_mouse(7, 8), ours.Move(x=7, y=8)),
        (actions.drag_mouse(1, 2, 3, 4), ours.Drag(path=[ours.Point(x=1, y=2), ours.Point(x=3, y=4)])),
        (actions.type_text("héllo 你好"), ours.Type(text="héllo 你好")),
        (actions.press_keys("Enter"), ours.Press(keys=["Enter"])),
        (actions.press_keys(["Control", "c"]), ours.Press(keys=["Control", "c"])),
        (
            actions.press_keys("shift", actions.PressKeyActionType.UP),
            ours.Press(keys=["shift"], action="up"),
        ),
        (actions.wait(250), ours.Wait(duration_ms=250)),
    ],
)
def test_each_action_is_one_of_ours(world: World, sdk: CyberdeskClient, sent: Any, done: ours.AnyAction) -> None:
    desktop = _running(world, sdk)
    assert sdk.execute_computer_action(desktop, sent).output == ""
    assert [action for _, action in world.guests.acted] == [done]


def test_what_is_looked_at_comes_back(world: World, sdk: CyberdeskClient) -> None:
    desktop = _running(world, sdk)
    assert sdk.execute_computer_action(desktop, actions.screenshot()).base64_image == "cGljdHVyZQ=="
    cursor = sdk.execute_computer_action(desktop, actions.get_cursor_position())
    assert cursor.output.splitlines()[:2] == ["X=1", "Y=2"]
    assert sdk.execute_bash_action(desktop, "ls").output == "out"
    assert world.guests.acted[0][1] == ours.Screenshot(format="jpeg")


def test_no_click_at_no_place_does_nothing_but_asks_for_a_running_desktop(world: World, sdk: CyberdeskClient) -> None:
    desktop = _running(world, sdk)
    assert sdk.execute_computer_action(desktop, actions.click_mouse(num_of_clicks=0)).output == ""
    sdk.terminate_desktop(desktop)
    world.settle(_asked(world))
    assert sdk.execute_computer_action(desktop, actions.click_mouse(num_of_clicks=0)).status == "error"
    assert world.guests.acted == []


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (GuestRefused("failed", "no screen"), 502, "Action execution failed via gateway: no screen"),
        (GuestRefused("bad_action", "9,9 is not on the screen"), 400, "Validation failed: 9,9 is not on the screen"),
        (GuestTimedOut("late"), 502, "Action execution failed via gateway"),
        (GuestUnreachable("gone"), 502, "Action execution failed via gateway"),
        (GuestBusy("busy"), 429, "too many actions"),
    ],
)
def test_the_machine_s_refusals_are_the_page_s(
    world: World, sdk: CyberdeskClient, fault: Exception, status: int, words: str
) -> None:
    desktop = _running(world, sdk)
    world.guests.fail_next.append(fault)
    parsed = sdk.execute_computer_action(desktop, actions.move_mouse(1, 1))
    assert type(parsed).__name__.endswith(f"Response{status}")
    assert (parsed.status, words in parsed.error) == ("error", True), parsed.error


def test_acting_on_a_desktop_that_does_not_run_says_how_it_is(world: World, sdk: CyberdeskClient) -> None:
    made = sdk.launch_desktop()
    refused = sdk.execute_computer_action(str(made.id), actions.screenshot())
    assert refused.error == "Instance is not running (status: pending). Cannot perform action."
    refused = sdk.execute_bash_action(str(made.id), "ls")
    assert refused.error == "Instance is not running (status: pending). Cannot execute command."


def test_who_may_not_is_told_so_in_the_page_s_words(
    world: World, sdk: CyberdeskClient, key_of: Any, django_over_httpx: httpx.Client
) -> None:
    desktop = str(sdk.launch_desktop().id)
    nobody = _sdk("keyabcdefghijkl_" + "x" * 43, django_over_httpx)
    viewer = _sdk(key_of(world.principal, "viewer"), django_over_httpx)
    stranger = _sdk(make.key(make.site())[1], django_over_httpx)
    assert nobody.launch_desktop().error == "Invalid API key"
    assert type(viewer.terminate_desktop(desktop)).__name__.endswith("Response403")
    assert viewer.get_desktop(desktop).status == "pending"
    theirs, absent = stranger.get_desktop(desktop), stranger.get_desktop(ABSENT)
    assert theirs.error == absent.error == "Desktop instance not found or user not authorized."
    without = django_over_httpx.get(f"/v1/desktop/{desktop}", headers={"authorization": f"Bearer {sdk.api_key}"})
    assert (without.status_code, without.json()["error"]) == (401, "Invalid API key")


def _fits(answer: Any) -> dict[str, Any]:
    """Each refusal: JSON, a status of the page, the two fields that the client takes out."""
    body = json.loads(answer.content)
    assert answer.status_code in LISTED, (answer.status_code, body)
    assert answer.headers["content-type"] == "application/json"
    assert body["status"] == "error" and isinstance(body["error"], str) and body["error"]
    assert "location" not in answer.headers
    return body


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "", None, {}, 404),
        ("DELETE", f"/{ABSENT}", None, {}, 404),
        ("OPTIONS", "", None, {}, 404),
        ("PUT", f"/{ABSENT}/stop", b"{}", {}, 404),
        ("GET", "/not-a-uuid", None, {}, 404),
        ("GET", "/", None, {}, 404),
        ("POST", f"/{ABSENT}/fly", b"{}", {}, 404),
        ("GET", f"/{ABSENT}/computer-action/more", None, {}, 404),
        ("POST", "", b"{", {}, 400),
        ("POST", "", b"[]", {}, 400),
        ("POST", "", b'{"timeout_ms": "soon"}', {}, 400),
        ("POST", "", b'{"timeout_ms": -1}', {}, 400),
        ("POST", "", b'{"timeout_ms": 1e300}', {}, 400),
        ("POST", "", b'{"timeout_ms": 9999999999999999999999}', {}, 400),
        ("POST", "", b"x" * (2 * 1024 * 1024 + 1), {}, 400),
        ("POST", "", b"\xff\xfe", {"Content-Type": "text/plain"}, 400),
        ("GET", f"/{ABSENT}?a=%00", None, {}, 400),
        ("POST", f"/{ABSENT}/computer-action", b"", {}, 400),
        ("POST", f"/{ABSENT}/computer-action", b'{"type": "fly"}', {}, 400),
        ("POST", f"/{ABSENT}/computer-action", b'{"type": "press_keys", "keys": []}', {}, 400),
        ("POST", f"/{ABSENT}/computer-action", b'{"type": "move_mouse", "x": 1}', {}, 400),
        ("POST", f"/{ABSENT}/bash-action", b'{"command": ""}', {}, 400),
        ("POST", f"/{ABSENT}/bash-action", b"{}", {"Accept": "text/html"}, 400),
        ("POST", "", b"{}", {"x-api-key": "no key"}, 401),
        ("POST", "", b"{}", {"Host": "elsewhere.example"}, 400),
    ],
)
def test_no_refusal_is_one_that_the_client_cannot_parse(
    key: str, django_over_httpx: httpx.Client, method: str, path: str, body: Any, headers: Any, status: int
) -> None:
    answer = django_over_httpx.request(
        method, f"/v1/desktop{path}", content=body, headers={"x-api-key": key, **headers}
    )
    _fits(answer)
    assert answer.status_code == status, answer.content
    assert not Instance.everywhere.exists()


def test_a_bad_field_is_named(key: str, django_over_httpx: httpx.Client) -> None:
    sent = {"type": "move_mouse", "x": 1}
    answer = django_over_httpx.post(f"/v1/desktop/{ABSENT}/computer-action", json=sent, headers={"x-api-key": key})
    assert _fits(answer)["error"] == "Validation failed: y: Required"
    sent = {"type": "drag_mouse", "start": {"x": 1, "y": 2}, "end": {"x": "far", "y": 2}}
    answer = django_over_httpx.post(f"/v1/desktop/{ABSENT}/computer-action", json=sent, headers={"x-api-key": key})
    assert _fits(answer)["error"].startswith("Validation failed: end.x: Expected `int`")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (RuntimeError("a secret"), 500),
        (OperationalError("the database is away"), 502),
        (Unavailable(retry_after_s=3), 502),
        (TooMany(retry_after_s=3), 429),
    ],
)
def test_a_crash_and_a_throttle_speak_the_dialect_too(
    key: str, django_over_httpx: httpx.Client, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(views.services, "request_instance", fail)
    answer = django_over_httpx.post("/v1/desktop", headers={"x-api-key": key})
    body = _fits(answer)
    assert answer.status_code == status and "secret" not in body["error"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert (status == 500) == ("retry-after" not in answer.headers)


def test_a_body_without_type_or_content_is_a_desktop_of_a_day(world: World, key: str) -> None:
    client = Client(headers={"x-api-key": key})
    for body in ({}, {"data": b"{}", "content_type": "text/plain"}, {"data": b'{"timeout_ms": null, "new": 1}'}):
        answer = client.generic("POST", "/v1/desktop/", **body)
        assert answer.status_code == 200, answer.content
        seen = client.get(f"/v1/desktop/{answer.json()['id']}", headers={"accept": "text/html"}).json()
        assert seen["timeout_at"][:10] > seen["created_at"][:10]


async def test_what_the_front_door_refuses_is_in_the_dialect_s_words() -> None:
    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    for path, words in (("/v1/desktop", "Validation failed"), ("/api/instances", "larger")):
        sent.clear()
        await frontdoor._answer({"path": path}, send, frontdoor.TooLarge("The body is larger than 5 bytes."))  # type: ignore[typeddict-item]
        assert words in json.loads(sent[1]["body"])["error"]
        assert sent[0]["status"] == (400 if path == "/v1/desktop" else 413)


def test_other_addresses_are_left_alone() -> None:
    body = {"error": "e", "code": "C", "details": {}, "request_id": "r"}
    assert doors.rephrase("/v1/desktops", 405, body) == (405, body)
    assert doors.rephrase("/api/v1/desktop", 405, body) == (405, body)
