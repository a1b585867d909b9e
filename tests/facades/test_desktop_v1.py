"""The virtual desktops' dialect: the unmodified client parses every answer, and no answer is one it cannot parse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from cyberdesk import CyberdeskClient, actions
from django.test import Client

from guest.protocol import actions as ours
from instances.guestlink import GuestBusy, GuestRefused, GuestTimedOut, GuestUnreachable
from instances.models import Instance
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


def test_a_body_without_type_or_content_is_a_desktop_of_a_day(world: World, key: str) -> None:
    client = Client(headers={"x-api-key": key})
    for body in ({}, {"data": b"{}", "content_type": "text/plain"}, {"data": b'{"timeout_ms": null, "new": 1}'}):
        answer = client.generic("POST", "/v1/desktop/", **body)
        assert answer.status_code == 200, answer.content
        seen = client.get(f"/v1/desktop/{answer.json()['id']}", headers={"accept": "text/html"}).json()
        assert seen["timeout_at"][:10] > seen["created_at"][:10]
