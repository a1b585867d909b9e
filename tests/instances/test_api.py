"""`/api/instances` as a client sees it; the provider and the guest are doubles, everything else is real."""

from __future__ import annotations

import base64
import json
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from common.tenancy import CREW
from instances import lifecycle, services
from instances.guestlink import GuestBusy, GuestRefused, GuestTimedOut, GuestUnreachable
from instances.models import Instance, Log
from plans.models import Plan
from sites.keys import make_key
from tests.instances.conftest import principal_of_new_site

JSON = "application/json"
NOBODY = "0198b2c4-0000-7000-8000-000000000000"


class Api:
    """A client with a key; answers are (status, decoded body)."""

    def __init__(self, principal):
        _, self.key = make_key(site_id=principal.site_id, user_id=principal.user_id, name="test", using=CREW)
        self.http = Client(headers={"authorization": f"Bearer {self.key}"})

    def __call__(self, method, path, body=None, *, status=None, **headers):
        response = self.http.generic(
            method, path, body if isinstance(body, bytes) else _dump(body), JSON, headers=headers
        )
        if status is not None:
            assert response.status_code == status, (response.status_code, response.content[:2000])
        self.response = response
        return response.json() if "json" in response.get("Content-Type", "") else response.content


def _dump(body):
    return b"" if body is None else json.dumps(body).encode()


@pytest.fixture
def api(world):
    return Api(world.principal)


@pytest.fixture
def stranger(world):
    return Api(principal_of_new_site())


def test_create_answers_at_once_and_shows_names_of_variables_only(world, api):
    body = {
        "site_id": str(world.principal.site_id),
        "user_id": str(world.principal.user_id),
        "name": "a desk",
        "instance_type": "ubuntu",
        "configuration": {"width": 1024, "colour": "blue"},
        "environment_variables": {"TOKEN": "s3cret-value"},
    }
    created = api("POST", "/api/instances", body, status=201)
    assert (created["status"], created["environment_variables"]) == ("pending", ["TOKEN"])
    assert created["configuration"] == {"width": 1024, "colour": "blue"}
    assert world.looked == [Instance.everywhere.get().pk]
    fetched = api("GET", f"/api/instances/{created['id']}", status=200)
    assert fetched == created
    assert b"s3cret-value" not in api.response.content


def test_names_of_variables_are_told_without_opening_a_seal(api, monkeypatch):
    created = api("POST", "/api/instances", {"name": "b", "environment_variables": {"B": "1", "A": "2"}}, status=201)
    path = f"/api/instances/{created['id']}"
    monkeypatch.setattr("common.secrets.unseal", lambda sealed: pytest.fail("a seal was opened"))
    assert api("GET", "/api/instances", status=200)["results"][0]["environment_variables"] == ["A", "B"]
    assert api("PUT", path, {"environment_variables": {"C": "3"}}, status=200)["environment_variables"] == ["C"]
    assert api("PUT", path, {"name": "c"}, status=200)["environment_variables"] == ["C"]
    monkeypatch.undo()
    assert Instance.everywhere.get().environment_variables == {"C": "3"}


def test_the_default_type_is_browser_and_the_default_user_the_caller(world, api):
    created = api("POST", "/api/instances", {"name": "b"}, status=201)
    assert (created["instance_type"], created["user_id"]) == ("browser", str(world.principal.user_id))


def test_a_trailing_slash_is_neither_needed_nor_refused(api):
    for path in ("/api/instances", "/api/instances/"):
        created = api("POST", path, {"name": "x"}, status=201)
        assert api("GET", f"/api/instances/{created['id']}", status=200) == created
        assert api("GET", f"/api/instances/{created['id']}/", status=200) == created


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": 5},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "x\u0000y"},
        {"name": "x", "unknown": 1},
        {"name": "x", "provider_ref": "mine"},
        {"name": "x", "cdp_url": "ws://evil"},
        {"name": "x", "provider_instance_id": "i-1"},
        {"name": "x", "status": "error"},
        {"name": "x", "status": 3},
        {"name": "x", "instance_type": "plan9"},
        {"name": "x", "user_id": "not-a-uuid"},
        {"name": "x", "user_id": NOBODY},
        {"name": "x", "agent_id": NOBODY},
        {"name": "x", "configuration": []},
        {"name": "x", "configuration": {"width": 10**30}},
        {"name": "x", "configuration": {"width": True}},
        {"name": "x", "configuration": {"on_loss": "explode"}},
        {"name": "x", "configuration": {"k": "v" * 20_000}},
        {"name": "x", "environment_variables": {"BAD NAME": "x"}},
        {"name": "x", "environment_variables": {"A": 1}},
        {"name": "x", "tools_enabled": ["rm"]},
        [],
        "text",
        None,
    ],
    ids=lambda body: str(body)[:50],
)
def test_a_bad_body_is_a_400_in_our_shape_and_makes_nothing(world, api, body):
    answer = api("POST", "/api/instances", body, status=400)
    assert set(answer) == {"error", "code", "details", "request_id"}
    assert Instance.everywhere.count() == 0


@pytest.mark.parametrize(
    "raw", [b"{", b'{"name": "\xff"}', b'{"name": NaN}', b'{"name": "\\ud800"}', b"[" * 5000, b'{"name": 1e999}']
)
def test_what_is_no_json_is_a_400(world, api, raw):
    api("POST", "/api/instances", raw, status=400)
    assert Instance.everywhere.count() == 0


def test_a_body_of_ten_megabytes_is_a_413(world, api):
    answer = api("POST", "/api/instances", b'{"name": "' + b"x" * 10_000_000 + b'"}', status=413)
    assert answer["code"]
    assert Instance.everywhere.count() == 0


def test_a_foreign_site_in_the_body_is_not_found(world, api):
    api("POST", "/api/instances", {"name": "x", "site_id": str(uuid4())}, status=404)
    assert Instance.everywhere.count() == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/start"),
        ("POST", "/stop"),
        ("POST", "/restart"),
        ("POST", "/retry"),
        ("GET", "/wait"),
        ("GET", "/screenshot"),
        ("POST", "/actions"),
        ("GET", "/events"),
        ("GET", "/logs"),
        ("POST", "/logs"),
        ("GET", "/plans"),
        ("POST", "/plans"),
    ],
)
def test_a_foreign_instance_and_one_that_does_not_exist_answer_alike(world, stranger, method, path):
    instance = world.running()
    bodies = {
        "/actions": {"type": "click"},
        "/logs": {"log_type": "system", "message": "m"},
        "/plans": {"title": "t", "plan_type": "task"},
    }
    answers = []
    for instance_id in (instance.pk, uuid4()):
        answer = stranger(method, f"/api/instances/{instance_id}{path}", bodies.get(path), status=404)
        answers.append({**answer, "request_id": ""})
    assert answers[0] == answers[1]
    assert world.read(instance).status == "running"
    assert (Log.everywhere.count(), Plan.everywhere.count()) == (0, 0)


def test_lists_are_newest_first_filtered_and_of_one_site(world, api, stranger):
    first, second = world.running(name="one"), world.ask(name="two", instance_type="windows")
    listed = api("GET", "/api/instances", status=200)
    assert [row["id"] for row in listed["results"]] == [str(second.pk), str(first.pk)]
    assert (listed["count"], listed["next"], listed["previous"]) == (2, None, None)
    assert api("GET", "/api/instances?status=running", status=200)["count"] == 1
    assert api("GET", "/api/instances?instance_type=windows", status=200)["count"] == 1
    assert api("GET", "/api/instances?name=ON", status=200)["results"][0]["id"] == str(first.pk)
    page = api("GET", "/api/instances?limit=1", status=200)
    assert len(page["results"]) == 1 and page["next"]
    assert stranger("GET", "/api/instances", status=200)["results"] == []


def test_a_filter_by_another_site_shows_nothing_of_it(world, stranger):
    world.running()
    answer = stranger("GET", f"/api/instances?site_id={world.principal.site_id}")
    assert stranger.response.status_code in (400, 404)
    unknown = stranger("GET", f"/api/instances?site_id={uuid4()}")
    assert {**answer, "request_id": ""} == {**unknown, "request_id": ""}


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=-1", "limit=501", "offset=-1", "status=what", "colour=blue", "name=%00"]
)
def test_a_bad_query_is_a_400(api, query):
    assert api("GET", f"/api/instances?{query}", status=400)["code"] == "INVALID"


def test_put_changes_what_is_sent_and_never_the_status(world, api):
    instance = world.running()
    path = f"/api/instances/{instance.pk}"
    assert api("PUT", path, {"name": "renamed"}, status=200)["name"] == "renamed"
    for field, value in {"provider_ref": "x", "cdp_url": "x", "status": "error", "incarnation": 9}.items():
        api("PUT", path, {field: value}, status=400)
    stopped = api("PUT", path, {"status": "stopped"}, status=200)
    assert (stopped["status"], stopped["desired_state"]) == ("running", "stopped")
    assert world.settle(instance).status == "stopped"


def test_a_stale_if_match_is_refused_and_changes_nothing(world, api):
    instance = world.running()
    path = f"/api/instances/{instance.pk}"
    api("GET", path, status=200)
    etag = api.response["ETag"]
    api("PATCH", path, {"name": "two"}, status=200, **{"if-match": etag})
    api("PATCH", path, {"name": "three"}, status=412, **{"if-match": etag})
    assert world.read(instance).name == "two"


def test_orders_are_accepted_with_202(world, api):
    instance = world.running()
    path = f"/api/instances/{instance.pk}"
    assert api("POST", f"{path}/stop", status=202)["desired_state"] == "stopped"
    world.settle(instance)
    api("POST", f"{path}/restart", status=409)
    api("POST", f"{path}/retry", status=409)
    api("POST", f"{path}/start", status=202)
    assert api("DELETE", path, status=202)["desired_state"] == "deleted"
    api("DELETE", path, status=202)
    world.settle(instance)
    api("GET", path, status=404)
    api("DELETE", path, status=404)


def test_an_action_reaches_the_guest_and_leaves_a_log_row(world, api):
    instance = world.running()
    path = f"/api/instances/{instance.pk}/actions"
    done = api("POST", path, {"type": "click", "x": 5, "y": 6, "count": 2}, status=200)
    assert (done["type"], done["cursor"], done["shell"]) == ("click", None, None)
    shell = api("POST", path, {"type": "bash", "command": "true"}, status=200)["shell"]
    assert shell == {"stdout": "out", "stderr": "", "exit_code": 0, "timed_out": False, "truncated": False}
    picture = api("POST", path, {"type": "screenshot", "format": "jpeg"}, status=200)["image"]
    assert base64.b64decode(picture["base64"]) == b"picture"
    logs = api("GET", f"/api/instances/{instance.pk}/logs", status=200)["results"]
    assert [row["tool_name"] for row in logs] == ["screenshot", "bash", "click"]
    assert all(row["log_type"] == "user_action" for row in logs)
    assert "base64" not in str(logs) and "picture" not in str(logs)
    assert world.read(instance).total_commands_executed == 3
    assert [type(action).__name__ for _, action in world.guests.acted] == ["Click", "Bash", "Screenshot"]


def test_what_is_typed_is_not_logged(world, api):
    instance = world.running()
    api("POST", f"/api/instances/{instance.pk}/actions", {"type": "type", "text": "hunter2-password"}, status=200)
    assert "hunter2" not in str(list(Log.everywhere.values()))


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"type": "fly"},
        {"type": "click", "x": -1, "y": 1},
        {"type": "click", "x": "5"},
        {"type": "click", "x": 10**20, "y": 1},
        {"type": "click", "unknown": 1},
        {"type": "bash", "command": ""},
        {"type": "bash", "command": "x\u0000y"},
        {"type": "type", "text": "x" * 20_001},
        {"type": "wait", "duration_ms": 10**9},
        {"type": "press", "keys": []},
        [],
        "click",
    ],
    ids=lambda action: str(action)[:40],
)
def test_a_bad_action_is_a_400_and_reaches_no_guest(world, api, action):
    instance = world.running()
    answer = api("POST", f"/api/instances/{instance.pk}/actions", action, status=400)
    assert set(answer) == {"error", "code", "details", "request_id"}
    assert world.guests.acted == []


def test_an_action_on_what_does_not_run_is_a_409(world, api):
    instance = world.ask()
    answer = api("POST", f"/api/instances/{instance.pk}/actions", {"type": "click"}, status=409)
    assert answer["details"] == {"status": "pending"}
    api("GET", f"/api/instances/{instance.pk}/screenshot", status=409)


def test_what_is_about_to_be_deleted_takes_no_action_though_its_machine_still_runs(world, api):
    instance = world.running()
    api("POST", f"/api/instances/{instance.pk}/actions", {"type": "click"}, status=200)
    api("DELETE", f"/api/instances/{instance.pk}", status=202)
    answer = api("POST", f"/api/instances/{instance.pk}/actions", {"type": "click"}, status=409)
    assert answer["details"] == {"status": "deleting"}
    api("GET", f"/api/instances/{instance.pk}/screenshot", status=409)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (GuestUnreachable("lost"), 502, "GUEST_UNREACHABLE"),
        (GuestTimedOut("late"), 504, "GUEST_TIMEOUT"),
        (GuestBusy("full"), 429, "GUEST_BUSY"),
        (GuestRefused("bad_action", "outside the screen of 1280x800"), 400, "BAD_ACTION"),
        (GuestRefused("unsupported", "not here"), 400, "UNSUPPORTED"),
        (GuestRefused("failed", "it broke"), 502, "GUEST_FAILED"),
    ],
)
def test_a_fault_of_the_guest_is_said_as_what_it_is_and_logged(world, api, fault, status, code):
    instance = world.running()
    world.guests.fail_next.append(fault)
    answer = api("POST", f"/api/instances/{instance.pk}/actions", {"type": "click"}, status=status)
    assert answer["code"] == code
    assert Log.everywhere.get().is_error


def test_a_screenshot_is_the_picture_itself(world, api):
    instance = world.running()
    assert api("GET", f"/api/instances/{instance.pk}/screenshot", status=200) == b"picture"
    assert api.response["Content-Type"] == "image/png"
    api("GET", f"/api/instances/{instance.pk}/screenshot?format=jpeg&quality=30", status=200)
    assert api.response["Content-Type"] == "image/jpeg"
    for query in ("format=gif", "format=jpeg&quality=0", "quality=x", "size=3"):
        api("GET", f"/api/instances/{instance.pk}/screenshot?{query}", status=400)


def test_wait_answers_when_it_is_so_and_says_when_it_cannot_be(world, api, later):
    instance = world.running()
    path = f"/api/instances/{instance.pk}/wait"
    assert api("GET", f"{path}?status=running&timeout_s=0", status=200)["status"] == "running"
    assert api("GET", f"{path}?status=stopped&timeout_s=0.1", status=408)["details"]["status"] == "running"
    for query in ("status=what", "timeout_s=x", "timeout_s=999", "timeout_s=nan", "colour=blue"):
        api("GET", f"{path}?{query}", status=400)
    world.provider.machines.clear()
    world.settle(instance)
    assert "The machine" in api("GET", f"{path}?status=running", status=409)["error"]
    api("POST", f"/api/instances/{instance.pk}/retry", status=202)
    api("GET", f"{path}?status=running&timeout_s=0.1", status=408)


def test_events_are_listed_by_number(world, api):
    instance = world.running()
    events = api("GET", f"/api/instances/{instance.pk}/events", status=200)["results"]
    assert [event["kind"] for event in events] == ["requested", "ordered", "created", "guest_ready"]
    later = api("GET", f"/api/instances/{instance.pk}/events?after=3", status=200)["results"]
    assert [event["number"] for event in later] == [4]
    api("GET", f"/api/instances/{instance.pk}/events?after=x", status=400)


def test_a_log_entry_needs_type_and_message_and_no_level(world, api):
    instance = world.running()
    path = f"/api/instances/{instance.pk}/logs"
    entry = api("POST", path, {"log_type": "thinking", "message": "hm", "details": {"a": 1}}, status=201)
    assert (entry["level"], entry["details"], entry["instance_id"]) == ("info", {"a": 1}, str(instance.pk))
    child = api("POST", path, {"log_type": "tool_call", "message": "x", "parent_log": entry["id"]}, status=201)
    assert child["parent_log"] == entry["id"]
    for bad in (
        {},
        {"log_type": "odd", "message": "m"},
        {"log_type": "system"},
        {"log_type": "system", "message": "m", "level": "loud"},
    ):
        api("POST", path, bad, status=400)
    api("POST", path, {"log_type": "system", "message": "m", "parent_log": str(uuid4())}, status=400)
    assert api("GET", f"{path}?log_type=thinking", status=200)["count"] == 1
    assert api("GET", f"{path}?level=error", status=200)["count"] == 0


def test_a_plan_takes_site_and_user_from_the_instance_and_the_caller(world, api):
    instance = world.running()
    path = f"/api/instances/{instance.pk}/plans"
    plan = api("POST", path, {"title": "t", "plan_type": "task", "steps": [{"title": "one"}]}, status=201)
    assert (plan["status"], plan["priority"], plan["site_id"]) == ("pending", 5, str(world.principal.site_id))
    for bad in ({"title": "t"}, {"title": "t", "plan_type": "task", "priority": 11}, {"plan_type": "task"}):
        api("POST", path, bad, status=400)
    assert api("GET", f"{path}?plan_type=task&status=pending", status=200)["count"] == 1
    assert api("GET", f"{path}?plan_type=objective", status=200)["count"] == 0


def test_a_viewer_reads_and_does_nothing(world):
    viewer = Api(principal_of_new_site("viewer"))
    viewer("GET", "/api/instances", status=200)
    viewer("POST", "/api/instances", {"name": "x"}, status=403)
    assert Instance.everywhere.count() == 0


def test_the_number_of_statements_of_a_list_does_not_grow_with_its_rows(world, api):
    api("GET", "/api/instances", status=200)
    with CaptureQueriesContext(connection) as few:
        api("GET", "/api/instances", status=200)
    for number in range(5):
        world.ask(name=f"n{number}")
    with CaptureQueriesContext(connection) as many:
        assert len(api("GET", "/api/instances", status=200)["results"]) == 5
    assert len(many) == len(few) <= 4


def test_a_lost_broker_costs_a_create_nothing(world, api, monkeypatch):
    monkeypatch.undo()
    instance = world.ask()
    assert world.read(instance).look_again_at is not None
    assert lifecycle.claim(instance.pk, only_if_due=True) is not None


def test_a_member_of_the_site_can_be_named_and_a_stranger_cannot(world, api):
    other = principal_of_new_site()
    api("POST", "/api/instances", {"name": "x", "user_id": str(other.user_id)}, status=400)
    assert services.request_instance(world.principal, name="y", user_id=world.principal.user_id).name == "y"
