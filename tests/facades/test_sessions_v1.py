"""The sessions' dialect: its unmodified client reads every answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from scrapybara import Scrapybara
from scrapybara.core.api_error import ApiError
from scrapybara.errors import UnprocessableEntityError

from facades.sessions_v1 import views
from guest.protocol import actions as ours
from guest.protocol.browser_state import BrowserState, Cookie
from instances.guestlink import GuestRefused
from instances.models import Instance
from tests.instances.conftest import World

pytestmark = pytest.mark.django_db
LOGIN = BrowserState(cookies=[Cookie(name="sid", value="s3cret", domain="shop.example")])


@pytest.fixture
def sdk(world: World, key: str, django_over_httpx: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Scrapybara:
    monkeypatch.setattr(views, "WAITED_S", 0.0)
    return Scrapybara(base_url="http://localhost", api_key=key, httpx_client=django_over_httpx)


@pytest.fixture
def desk(world: World, sdk: Scrapybara) -> Any:
    """A running ubuntu instance, as its client has it."""
    started = sdk.start_ubuntu(timeout_hours=2, resolution=[800, 600])
    assert started.status == "deploying"
    instance = world.settle(Instance.everywhere.get())
    world.guests.arrive(instance.machine)
    world.settle(instance)
    return sdk.get(started.id)


def test_an_instance_lives_and_ends(world: World, sdk: Scrapybara, desk: Any) -> None:
    assert (desk.status, type(desk).__name__) == ("running", "UbuntuInstance")
    assert [each.id for each in sdk.get_instances()] == [desk.id]
    row = Instance.everywhere.get()
    assert (row.timeout_ms, row.configuration) == (7_200_000, {"width": 800, "height": 600})
    assert "/view#" in desk.get_stream_url().stream_url
    desk.pause()
    world.settle(row)
    assert sdk.get(desk.id).status == "paused"
    desk.resume()
    world.settle(row)
    assert sdk.get(desk.id).status == "running"
    assert desk.stop().status == desk.stop().status == sdk.get(desk.id).status == "terminated"


def test_logins_are_kept_for_other_browsers(world: World, sdk: Scrapybara) -> None:
    assert sdk.get_auth_states() == []
    instance = world.running(instance_type="browser")
    world.guests.browsers[instance.machine] = LOGIN
    browser: Any = sdk.get(str(instance.pk))
    saved = browser.save_auth(name="shop")
    unnamed = browser.save_auth()
    assert (saved.status, saved.name) == ("success", "shop") and unnamed.name
    assert [(state.id, state.name) for state in sdk.get_auth_states()] == [
        (unnamed.auth_state_id, unnamed.name),
        (saved.auth_state_id, "shop"),
    ]
    world.guests.browsers[instance.machine] = BrowserState()
    assert browser.authenticate(auth_state_id=saved.auth_state_id).status == "success"
    assert world.guests.browsers[instance.machine] == LOGIN
    world.guests.browsers[instance.machine] = BrowserState(cookies=LOGIN.cookies * 2)
    changed = browser.modify_auth(auth_state_id=saved.auth_state_id, name="shop, twice")
    assert (changed.auth_state_id, changed.name) == (saved.auth_state_id, "shop, twice")
    browser.authenticate(auth_state_id=saved.auth_state_id)
    assert len(world.guests.browsers[instance.machine].cookies) == 2


def test_logins_that_are_not_there_are_refused(world: World, sdk: Scrapybara, desk: Any) -> None:
    browser: Any = sdk.get(str(world.running(instance_type="browser").pk))
    for state, status in ((str(uuid4()), 404), ("shop", 422)):
        with pytest.raises((ApiError, UnprocessableEntityError)) as refused:
            browser.authenticate(auth_state_id=state)
        assert refused.value.status_code == status
    with pytest.raises(ApiError) as no_browser:
        desk.browser.save_auth()
    assert no_browser.value.status_code == 409


@pytest.mark.parametrize(
    ("sent", "done"),
    [
        ({"action": "move_mouse", "coordinates": [1, 2]}, [ours.Move(x=1, y=2)]),
        (
            {"action": "click_mouse", "button": "right", "coordinates": [1, 2], "num_clicks": 2, "hold_keys": ["ctrl"]},
            [ours.Click(x=1, y=2, button="right", count=2, modifiers=["ctrl"])],
        ),
        (
            {"action": "drag_mouse", "path": [[1, 2], [3, 4]], "hold_keys": ["shift"]},
            [
                ours.Press(keys=["shift"], action="down"),
                ours.Drag(path=[ours.Point(x=1, y=2), ours.Point(x=3, y=4)]),
                ours.Press(keys=["shift"], action="up"),
            ],
        ),
        ({"action": "scroll", "delta_y": 3.0}, [ours.Scroll(direction="down", amount=3)]),
        (
            {"action": "scroll", "delta_x": -2, "coordinates": [5, 6]},
            [ours.Scroll(direction="left", amount=2, x=5, y=6)],
        ),
        (
            {"action": "press_key", "keys": ["ctrl", "c"], "duration": 0.5},
            [ours.Press(keys=["ctrl", "c"], hold_ms=500)],
        ),
        ({"action": "type_text", "text": "héllo"}, [ours.Type(text="héllo")]),
        ({"action": "wait", "duration": 0.01}, [ours.Wait(duration_ms=10)]),
    ],
)
def test_each_computer_action_is_ours_and_shows_the_screen(
    world: World, desk: Any, sent: dict[str, Any], done: list[Any]
) -> None:
    assert base64.b64decode(desk.computer(**sent).base_64_image) == b"picture"
    assert [action for _, action in world.guests.acted] == [*done, ours.Screenshot()]
    assert desk.computer(**sent, screenshot=False).base_64_image is None


def test_what_the_machine_says_comes_back(world: World, desk: Any) -> None:
    assert base64.b64decode(desk.screenshot().base_64_image) == b"picture"
    assert base64.b64decode(desk.computer(action="take_screenshot").base_64_image) == b"picture"
    assert desk.computer(action="get_cursor_position").output == "X=1,Y=2"
    assert desk.bash(command="ls").output == "out"
    assert desk.edit(command="view", path="a.txt").output == "done"
    assert desk.file(command="read", path="a.txt").output == "content"
    desk.file(command="write", path="a.txt", content="new")
    assert world.guests.acted[-1][1] == ours.WriteFile(path="a.txt", content="new")
    assert desk.upload(file=("a.bin", b"\x00\xff"), path="b.bin").filename == "a.bin"
    assert world.guests.acted[-1][1] == ours.WriteFile(path="b.bin", data=b"\x00\xff")


@pytest.fixture
def upload(desk: Any, key: str, django_over_httpx: httpx.Client) -> Callable[..., httpx.Response]:
    """The form as any client may send it."""

    def post(content: bytes = b"content", *, once: str = "", **parts: Any) -> httpx.Response:
        headers = {"x-api-key": key, **({"Idempotency-Key": once} if once else {})}
        form = {"file": ("f.bin", content), **parts}
        return django_over_httpx.post(f"/v1/instance/{desk.id}/upload", headers=headers, files=form)

    return post


def test_a_form_whose_path_is_no_text_is_refused_and_writes_nothing(
    world: World, upload: Callable[..., httpx.Response]
) -> None:
    for parts in ({"path": ("a.txt", b"a")}, {"path": (None, b"x" * 5_000)}, {"path": (None, b"")}, {}):
        answer = upload(**parts)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID"), answer.text
    assert world.guests.acted == []


def test_the_same_idempotency_key_is_not_good_for_a_file_of_other_content(
    world: World, upload: Callable[..., httpx.Response]
) -> None:
    sent = [b"content", b"content", b"other"]
    statuses = [upload(content, once="a-key", path=(None, b"a.txt")).status_code for content in sent]
    assert statuses == [200, 200, 409]
    assert [action for _, action in world.guests.acted] == [ours.WriteFile(path="a.txt", data=b"content")]


def test_variables_are_set_and_taken_away(world: World, desk: Any) -> None:
    assert desk.env.set(variables={"A": "1", "B": "2"}).status == "success"
    assert desk.env.delete(keys=["A"]).status == "success"
    assert Instance.everywhere.get().environment_names == ["B"]
    assert desk.env.get().variables == {"A": "secret"}


def test_what_the_machine_refuses_is_text_and_what_we_refuse_is_an_error(
    world: World, sdk: Scrapybara, desk: Any
) -> None:
    world.guests.fail_next.append(GuestRefused("failed", "no screen"))
    assert desk.computer(action="move_mouse", coordinates=[1, 1], screenshot=False).error == "no screen"
    with pytest.raises(UnprocessableEntityError) as wrong:
        desk.computer(action="move_mouse", coordinates=[1])
    assert wrong.value.body.detail[0].loc[0] == "body"
    with pytest.raises(UnprocessableEntityError):
        sdk.start_ubuntu(resolution=[1, 1])
    with pytest.raises(ApiError) as absent:
        sdk.get("a1b2c3d4-e5f6-4890-a234-567890abcdef")
    assert (absent.value.status_code, absent.value.body["code"]) == (404, "NOT_FOUND")
    desk.stop()
    world.settle(Instance.everywhere.get())
    with pytest.raises(ApiError) as ended:
        desk.bash(command="ls")
    assert ended.value.status_code in (404, 409)
