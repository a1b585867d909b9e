"""Saved logins of browsers: kept sealed, shown to nobody, loaded where they are asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from common.errors import Conflict, Forbidden, GuestFailed
from common.tenancy import site_scope
from guest.protocol import browser_state
from instances import browser_states
from instances.guestlink import GuestRefused, GuestUnreachable
from instances.models import BrowserState, Instance, Log
from sites.models import AuditEntry
from sites.roles import SCOPES_OF_ROLE, Role
from tests.instances.conftest import World, principal_of_new_site
from tests.instances.test_api import Api

pytestmark = pytest.mark.django_db
LOGIN = {
    "cookies": [{"name": "sid", "value": "Secret0", "domain": ".shop.example", "path": "/", "secure": True}],
    "origins": [{"origin": "https://shop.example", "localStorage": [{"name": "cart", "value": "Secret1"}]}],
}
TOO_MUCH = {"name": "a", "value": "Secret2" * 200_000}


@pytest.fixture
def api(world: World) -> Api:
    return Api(world.principal)


@pytest.fixture
def machine(world: World) -> Instance:
    """A running browser that is logged in."""
    instance = world.running(instance_type="browser")
    world.guests.browsers[instance.machine] = browser_state.parse(LOGIN)
    return instance


def test_a_login_is_saved_from_one_browser_and_loaded_into_another(api: Any, world: World, machine: Instance) -> None:
    saved = api("POST", f"/api/instances/{machine.pk}/browser/save", {"name": "shop"}, status=201)
    assert (saved["name"], saved["hosts"], saved["cookies"], saved["origins"]) == ("shop", ["shop.example"], 1, 1)
    assert saved["instance_id"] == str(machine.pk)
    other = world.running(instance_type="browser")
    loaded = api("POST", f"/api/instances/{other.pk}/browser/load", {"browser_state_id": saved["id"]}, status=200)
    assert loaded == saved
    assert world.guests.browsers[other.machine] == world.guests.browsers[machine.machine]
    said = list(Log.everywhere.order_by("id").values_list("instance_id", "message"))
    assert said == [
        (machine.pk, "Saved the browser's state as shop."),
        (other.pk, "Loaded the state shop into the browser."),
    ]
    entries = AuditEntry.everywhere.filter(target_type="browserstate").order_by("id")
    assert list(entries.values_list("action", "details")) == [
        ("browser_state.saved", {"cookies": 1, "origins": 1}),
        ("browser_state.loaded", {"instance_id": str(other.pk)}),
    ]


def test_no_answer_shows_what_was_uploaded(api: Any, world: World) -> None:
    made = api("POST", "/api/browser-states", {"name": "mine", "state": LOGIN}, status=201)
    path = f"/api/browser-states/{made['id']}"
    answers = [made, api("GET", path, status=200), api("GET", "/api/browser-states?host=shop.example", status=200)]
    answers.append(api("PATCH", path, {"name": "ours"}, status=200))
    assert answers[2]["results"] == [made] and answers[3]["name"] == "ours"
    assert "Secret" not in json.dumps(answers)
    row = BrowserState.everywhere.get()
    assert [cookie["value"] for cookie in row.state["cookies"]] == ["Secret0"], "sealed, and there"
    api("DELETE", path, status=204)
    api("GET", path, status=404)
    assert not BrowserState.everywhere.exists()


@pytest.mark.parametrize(
    ("state", "place"),
    [
        ({"cookies": [{"name": "a", "value": 1, "domain": "x"}]}, "$.cookies[0].value"),
        ({"cookies": [{"name": "a", "value": "v", "domain": "x", "sameSite": "Secret2"}]}, "$.cookies[0].sameSite"),
        ({"origins": [{"origin": "file:///Secret2"}]}, "$.origins[0].origin"),
        ({"origins": [{"origin": "https://a", "localStorage": [TOO_MUCH]}]}, "bytes"),
        ({"origins": [{"origin": "https://Secret2 Secret2"}]}, "$.origins[0].origin"),
        ({"cookies": [{"name": "a", "value": "v", "domain": "Secret2\n"}]}, "$.cookies[0].domain"),
        ({"cookies": "Secret2"}, "$.cookies"),
    ],
)
def test_what_is_no_state_is_refused_without_being_repeated(api: Any, state: dict[str, Any], place: str) -> None:
    refused = api("POST", "/api/browser-states", {"name": "bad", "state": state}, status=400)
    assert place in refused["error"] and "Secret2" not in json.dumps(refused)
    assert not BrowserState.everywhere.exists()


def test_what_a_machine_says_of_itself_is_kept_or_refused_and_never_a_fault_of_ours(
    api: Any, world: World, machine: Instance
) -> None:
    path = f"/api/instances/{machine.pk}/browser/save"
    world.guests.browsers[machine.machine] = browser_state.parse({"origins": [{"origin": "https://["}]})
    assert api("POST", path, {"name": "odd"}, status=201)["hosts"] == ["["]
    with pytest.raises(browser_state.BadState):
        browser_state.parse({"cookies": [{"name": "a", "value": "v", "domain": "shop\x00"}]})


def test_a_name_is_taken_once_unless_it_is_replaced(api: Any, world: World, machine: Instance) -> None:
    path = f"/api/instances/{machine.pk}/browser/save"
    first = api("POST", path, {"name": "shop"}, status=201)
    api("POST", path, {"name": "shop"}, status=409)
    world.guests.browsers[machine.machine] = browser_state.parse({"cookies": LOGIN["cookies"] * 2})
    second = api("POST", path, {"name": "shop", "replace": True}, status=201)
    assert (second["id"], second["cookies"], second["origins"]) == (first["id"], 2, 0)
    other = api("POST", "/api/browser-states", {"name": "other", "state": {}}, status=201)
    api("PUT", f"/api/browser-states/{other['id']}", {"name": "shop"}, status=409)


def test_only_a_running_browser_has_a_state(api: Any, world: World) -> None:
    desk = world.running(instance_type="ubuntu")
    resting = world.ask(instance_type="browser")
    body = {"name": "none"}
    assert api("POST", f"/api/instances/{desk.pk}/browser/save", body, status=409)["code"] == "NO_BROWSER"
    assert "pending" in api("POST", f"/api/instances/{resting.pk}/browser/save", body, status=409)["error"]
    api("POST", f"/api/instances/{uuid4()}/browser/save", body, status=404)
    unknown = {"browser_state_id": str(uuid4())}
    browser = world.running(instance_type="browser")
    assert "state" in api("POST", f"/api/instances/{browser.pk}/browser/load", unknown, status=404)["error"]


@pytest.mark.parametrize("error", [GuestRefused("failed", "no browser"), GuestUnreachable("away", was_sent=True)])
def test_a_browser_that_does_not_take_it_leaves_an_error_in_the_log(
    world: World, machine: Instance, error: Exception
) -> None:
    row = browser_states.save_state(world.principal, machine.pk, name="shop")
    world.guests.fail_next.append(error)
    with pytest.raises(GuestFailed):
        browser_states.load_state(world.principal, machine.pk, row.pk)
    newest = Log.everywhere.order_by("-id").first()
    assert newest is not None and (newest.is_error, newest.level) == (True, "error")


def test_another_site_s_state_is_no_state(api: Any, world: World, machine: Instance) -> None:
    stranger = principal_of_new_site()
    foreign = browser_states.upload_state(stranger, name="theirs", state=LOGIN)
    api("GET", f"/api/browser-states/{foreign.pk}", status=404)
    api("DELETE", f"/api/browser-states/{foreign.pk}", status=404)
    api("POST", f"/api/instances/{machine.pk}/browser/load", {"browser_state_id": str(foreign.pk)}, status=404)
    assert world.guests.browsers[machine.machine] == browser_state.parse(LOGIN)


def test_a_viewer_sees_names_and_uses_nothing(world: World, machine: Instance) -> None:
    row = browser_states.save_state(world.principal, machine.pk, name="shop")
    viewer = replace(world.principal, role=Role.VIEWER, scopes=SCOPES_OF_ROLE[Role.VIEWER])
    with site_scope(viewer.site_id):
        assert [state.name for state in browser_states.states_of(viewer)] == ["shop"]
    for act in (
        lambda: browser_states.upload_state(viewer, name="a", state={}),
        lambda: browser_states.save_state(viewer, machine.pk, name="a"),
        lambda: browser_states.load_state(viewer, machine.pk, row.pk),
    ):
        with pytest.raises(Forbidden):
            act()


def test_a_site_keeps_so_many_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_states, "STATES_AT_MOST", 1)
    browser_states.upload_state(world.principal, name="a", state={})
    with pytest.raises(Conflict):
        browser_states.upload_state(world.principal, name="b", state={})
