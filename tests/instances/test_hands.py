"""Batches, files and the environment over the API: what comes back, what is logged, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from guest.protocol import actions
from instances.guestlink import GuestRefused
from instances.models import Instance, Log
from sites.models import Site
from tests import make
from tests.instances.conftest import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(world: World) -> Instance:
    return world.running(environment_variables={"KEPT": "old"})


@pytest.fixture
def client(world: World) -> APIClient:
    return make.client(Site.objects.using("crew").get(pk=world.principal.site_id))


def _post(client: APIClient, desk: Instance, body: Any) -> Any:
    return client.post(f"/api/instances/{desk.pk}/actions", body)


def _rows(desk: Instance) -> list[Log]:
    return list(Log.everywhere.filter(instance=desk).order_by("id"))


def test_a_batch_does_each_in_turn_and_takes_one_picture(world: World, client: APIClient, desk: Instance) -> None:
    several = [{"type": "move", "x": 1, "y": 2}, {"type": "bash", "command": "ls"}]
    answer = _post(client, desk, {"actions": several, "screenshot": {"type": "screenshot", "format": "jpeg"}})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert [result["type"] for result in body["results"]] == ["move", "bash"]
    assert body["results"][1]["shell"]["stdout"] == "out"
    assert body["screenshot"]["image"]["format"] == "jpeg"
    assert [row.tool_name for row in _rows(desk)] == ["move", "bash", "screenshot"]
    assert _post(client, desk, several).json()["screenshot"] is None


@pytest.mark.parametrize(("stop", "begun"), [(True, 2), (False, 3)])
def test_a_failure_ends_a_batch_or_does_not(
    world: World, client: APIClient, desk: Instance, stop: bool, begun: int
) -> None:
    world.guests.fail_after = 1
    world.guests.fail_next.append(GuestRefused("failed", "no wheel"))
    body = {"actions": [{"type": "click"}] * 3, "stop_on_failure": stop}
    results = _post(client, desk, body).json()["results"]
    assert len(results) == begun == len(_rows(desk))
    assert results[1]["error"] == {"error": "no wheel", "code": "GUEST_FAILED", "details": {}}
    assert "error" not in results[0]


@pytest.mark.parametrize(
    "body",
    [
        {"actions": []},
        [],
        {"actions": [{"type": "click"}] * 101},
        {"actions": [{"type": "fly"}]},
        {"actions": [{"type": "click"}], "more": 1},
        {"actions": [{"type": "bash", "command": "x", "timeout_s": 600}, {"type": "wait", "duration_ms": 1000}]},
        {"actions": [{"type": "click"}], "screenshot": {"type": "click"}},
    ],
)
def test_a_bad_batch_begins_nothing(world: World, client: APIClient, desk: Instance, body: Any) -> None:
    assert _post(client, desk, body).status_code == 400
    assert world.guests.acted == [] and _rows(desk) == []


def test_a_batch_on_a_machine_that_does_not_run_is_a_409(world: World, client: APIClient) -> None:
    assert _post(client, world.ask(), [{"type": "click"}]).status_code == 409


def test_no_log_row_has_a_file_s_content_or_a_variable_s_value(world: World, client: APIClient, desk: Instance) -> None:
    for body in (
        {"type": "write_file", "path": "a", "content": "SECRET"},
        {"type": "write_file", "path": "a", "data": "U0VDUkVU"},
        {"type": "edit", "command": "create", "path": "a", "file_text": "SECRET"},
        {"type": "edit", "command": "str_replace", "path": "a", "old_str": "SECRET", "new_str": "SECRET"},
        {"type": "set_environment", "variables": {"TOKEN": "SECRET"}},
        {"type": "get_environment"},
        {"type": "type", "text": "SECRET"},
        {"type": "navigate", "url": "https://example.com/?token=SECRET#SECRET"},
        {"type": "read_file", "path": "a"},
    ):
        assert _post(client, desk, body).status_code == 200
    written = "".join(f"{row.message}{row.tool_args}{row.tool_result}" for row in _rows(desk))
    assert len(_rows(desk)) == 9 and "TOKEN" in written
    assert "SECRET" not in written and "U0VDUkVU" not in written and "secret" not in written


def test_what_an_action_says_comes_back(client: APIClient, desk: Instance) -> None:
    assert _post(client, desk, {"type": "edit", "command": "view", "path": "a"}).json()["text"] == "done"
    assert _post(client, desk, {"type": "read_file", "path": "a"}).json()["file"]["text"] == "content"
    assert _post(client, desk, {"type": "list_files"}).json()["entries"] == [{"name": "a", "kind": "file", "size": 1}]
    assert "text" not in _post(client, desk, {"type": "click"}).json()


def test_variables_are_kept_with_the_instance(world: World, client: APIClient, desk: Instance) -> None:
    _post(client, desk, {"type": "set_environment", "variables": {"NEW": "1"}})
    _post(client, desk, {"type": "unset_environment", "names": ["KEPT", "NEVER"]})
    row = world.read(desk)
    assert row.environment_variables == {"NEW": "1"} and row.environment_names == ["NEW"]
    world.settle(row)
    assert world.guests.environments[row.machine] == {"NEW": "1"}
    many = {f"V{number}": "" for number in range(100)}
    for refused in (many, {"A\n": "1"}):  # a guest would never take the second, at no start to come
        assert _post(client, desk, {"type": "set_environment", "variables": refused}).status_code == 400
    assert world.read(desk).environment_names == ["NEW"]


def test_whoever_may_act_but_not_write_changes_no_variable(world: World, desk: Instance) -> None:
    site = Site.objects.using("crew").get(pk=world.principal.site_id)
    client = make.client(site, scopes=["instances:read", "instances:act"])
    answer = _post(client, desk, {"type": "set_environment", "variables": {"A": "1"}})
    assert (answer.status_code, answer.json()["details"]) == (403, {"scope": "instances:write"})
    assert world.read(desk).environment_names == ["KEPT"]


def test_a_file_comes_and_goes_as_bytes(world: World, client: APIClient, desk: Instance) -> None:
    address = f"/api/instances/{desk.pk}/files?path=a.bin"
    sent = client.generic("PUT", f"{address}&append=true", b"\x00\xff", "image/png")
    assert (sent.status_code, sent.json()["size"]) == (200, 2), sent.content
    assert world.guests.acted[-1][1] == actions.WriteFile(path="a.bin", data=b"\x00\xff", append=True)
    got = client.get(f"{address}&offset=3&length=4", headers={"accept": "image/png"})
    assert (got.content, got.headers["X-File-Size"]) == (b"content", "7")
    assert world.guests.acted[-1][1] == actions.ReadFile(path="a.bin", offset=3, length=4)
    for wrong in ("?path=", "?path=a&offset=x", "?path=a&length=0", "?path=a&more=1", ""):
        assert client.get(f"/api/instances/{desk.pk}/files{wrong}").status_code == 400
    too_long = client.generic("PUT", address, b"x" * (2 * 1024 * 1024 + 1), "application/octet-stream")
    assert too_long.status_code == 413
