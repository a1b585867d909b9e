"""`/api/instances/{id}/logs` and `/api/logs`: writing one or a thousand, reading and finding them again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.tenancy import CREW
from instances import lifecycle, logs, services
from instances.api.serializers import LogSerializer, PlacedLogSerializer
from instances.entries import DATA_BYTES, ENTRIES_AT_MOST, Entry, PlacedEntry
from instances.models import Instance, Log
from instances.providers.base import Refused
from sites.models import Site
from tests import make
from tests.instances.conftest import principal_of_new_site
from tests.instances.test_api import Api

NOBODY = "0198b2c4-0000-7000-8000-000000000000"
ENTRY = {"log_type": "system", "message": "m"}
PICTURE = "iVBORw0KGgo" + "A" * 2000


@pytest.fixture
def api(world):
    return Api(world.principal)


@pytest.fixture
def path(world):
    return f"/api/instances/{world.ask().pk}/logs"


def messages(answer):
    return [entry["message"] for entry in answer["results"]]


def test_an_entry_comes_back_as_it_was_written_everywhere(world, api, path):
    sent = {
        "log_type": "tool_result",
        "level": "warn",
        "message": "Grüße 你好 €😀",
        "details": {"nested": [1, 2.5, None, True, {"a": "b"}], "big": 2**62},
        "tool_name": "bash",
        "tool_call_id": "call-1",
        "tool_args": {"command": "ls"},
        "tool_result": {"exit_code": 0},
        "is_error": True,
        "duration_ms": 12.5,
        "tokens_used": {"input": 5},
        "artifacts": ["shots/1.png", {"key": "x"}],
    }
    written = api("POST", path, sent, status=201)
    assert {name: written[name] for name in sent} == sent
    assert (written["user_id"], written["agent_id"], written["parent_log"]) == (
        str(world.principal.user_id),
        None,
        None,
    )
    assert api.response["Location"] == f"/api/logs/{written['id']}"
    assert api("GET", path, status=200)["results"] == [written]
    assert api("GET", "/api/logs", status=200)["results"] == [written]
    assert api("GET", f"/api/logs/{written['id']}", status=200) == written
    assert list(written) == list(LogSerializer().fields)
    assert written == json.loads(json.dumps(LogSerializer(Log.everywhere.get()).data, default=str))


def test_what_is_left_out_has_its_default_and_the_document_says_the_same_fields():
    writable = {name for name, field in LogSerializer().fields.items() if not field.read_only}
    assert writable == set(Entry.__struct_fields__)
    placed = {name for name, field in PlacedLogSerializer().fields.items() if not field.read_only}
    assert placed == set(PlacedEntry.__struct_fields__)
    needed = {name for name, field in PlacedLogSerializer().fields.items() if field.required}
    assert needed == {"log_type", "message", "instance_id"}


def test_a_thousand_entries_are_written_in_order_by_one_insert(world, api, path):
    sent = [{**ENTRY, "message": f"line {number}", "details": {"n": number}} for number in range(ENTRIES_AT_MOST)]
    with CaptureQueriesContext(connection) as queries:
        answer = api("POST", path, sent, status=201)
    assert sum("INSERT INTO instances_log" in query["sql"] for query in queries) == 1
    assert (answer["count"], len(set(answer["ids"]))) == (1000, 1000)
    rows = list(Log.everywhere.order_by("id"))
    assert [str(row.pk) for row in rows] == answer["ids"]
    assert [row.details["n"] for row in rows] == list(range(1000))
    assert {row.level for row in rows} == {"info"}
    assert messages(api("GET", f"{path}?limit=2", status=200)) == ["line 999", "line 998"]


def test_the_number_of_statements_does_not_grow_with_the_entries(world, api, path):
    api("GET", path, status=200)  # finds the key, which is remembered
    counts = []
    for number in (1, 2, 500):
        with CaptureQueriesContext(connection) as queries:
            api("POST", path, [ENTRY] * number, status=201)
        counts.append(len(queries))
    assert len(set(counts)) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "log_type"),
        ({"log_type": "odd", "message": "m"}, "log_type"),
        ({"log_type": "system"}, "message"),
        ({**ENTRY, "message": ""}, "message"),
        ({**ENTRY, "message": 5}, "message"),
        ({**ENTRY, "level": "loud"}, "level"),
        ({**ENTRY, "unknown": 1}, "unknown"),
        ({**ENTRY, "id": NOBODY}, "id"),
        ({**ENTRY, "user_id": NOBODY}, "user_id"),
        ({**ENTRY, "created_at": "2020-01-01T00:00:00Z"}, "created_at"),
        ({**ENTRY, "details": []}, "details"),
        ({**ENTRY, "details": None}, "details"),
        ({**ENTRY, "is_error": "true"}, "is_error"),
        ({**ENTRY, "duration_ms": -1}, "duration_ms"),
        ({**ENTRY, "tool_name": "x" * 101}, "tool_name"),
        ({**ENTRY, "artifacts": [1] * 101}, "artifacts"),
        ({**ENTRY, "parent_log": "x"}, "parent_log"),
        ({**ENTRY, "parent_log": NOBODY}, "parent_log"),
        ({**ENTRY, "message": "x" * (64 * 1024 + 1)}, "message"),
        ({**ENTRY, "details": {"text": "a b " * (DATA_BYTES // 4)}}, "non_field_errors"),
        ({**ENTRY, "tool_result": {"base64": PICTURE}}, "non_field_errors"),
        ({**ENTRY, "message": "data:image/jpeg;base64," + "A" * 1000}, "non_field_errors"),
        (7, "non_field_errors"),
        (None, "non_field_errors"),
        ([], "non_field_errors"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_one_bad_entry_among_good_ones_writes_none_and_is_named(api, path, wrong, field):
    answer = api("POST", path, [ENTRY, ENTRY, wrong, ENTRY], status=400)
    assert (answer["details"]["index"], list(answer["details"]["fields"])) == (2, [field])
    assert answer["error"].startswith("[2]")
    if isinstance(wrong, dict):
        alone = api("POST", path, wrong, status=400)
        assert list(alone["details"]["fields"]) == [field] and "index" not in alone["details"]
    assert Log.everywhere.count() == 0


@pytest.mark.parametrize("body", [[], [ENTRY] * (ENTRIES_AT_MOST + 1), "text", 5, None])
def test_what_is_neither_an_entry_nor_a_list_of_some_is_a_400(api, path, body):
    api("POST", path, body, status=400)
    assert Log.everywhere.count() == 0


def test_a_parent_must_be_of_the_same_instance(world, api, path):
    parent = api("POST", path, ENTRY, status=201)["id"]
    child = api("POST", path, {**ENTRY, "parent_log": parent}, status=201)
    assert child["parent_log"] == parent
    assert api("GET", f"{path}?parent_log={parent}", status=200)["results"] == [child]
    elsewhere = f"/api/instances/{world.ask().pk}/logs"
    answer = api("POST", elsewhere, [{**ENTRY, "parent_log": parent}], status=400)
    assert answer["details"] == {"index": 0, "fields": {"parent_log": ["No such entry in this instance's log."]}}


def test_entries_for_several_instances_are_written_at_once(world, api):
    one, two = world.ask(name="one"), world.ask(name="two")
    sent = [{**ENTRY, "instance_id": str(which.pk), "message": str(n)} for n, which in enumerate((one, two, one))]
    answer = api("POST", "/api/logs", sent, status=201)
    assert answer["count"] == 3
    assert messages(api("GET", f"/api/logs?instance_id={one.pk}", status=200)) == ["2", "0"]
    assert messages(api("GET", f"/api/instances/{two.pk}/logs", status=200)) == ["1"]
    single = api("POST", "/api/logs", sent[1], status=201)
    assert single["instance_id"] == str(two.pk)


def test_a_foreign_instance_among_them_is_named_and_nothing_is_written(world, api):
    stranger = principal_of_new_site()
    foreign = make_instance_of(stranger)
    mine = world.ask()
    for unknown in (foreign.pk, uuid4()):
        sent = [{**ENTRY, "instance_id": str(mine.pk)}, {**ENTRY, "instance_id": str(unknown)}]
        answer = api("POST", "/api/logs", sent, status=400)
        assert answer["details"] == {"index": 1, "fields": {"instance_id": ["No such instance."]}}
    api("POST", "/api/logs", ENTRY, status=400)
    assert Log.everywhere.count() == 0


def make_instance_of(principal):
    instance = Instance(
        site_id=principal.site_id,
        name="other",
        user_id=principal.user_id,
        created_by_id=principal.user_id,
        provider="fake",
        status_since=datetime.fromisoformat("2026-01-01T00:00:00Z"),
    )
    instance.save(using=CREW)
    return instance


def test_another_site_sees_none_of_it(world, api, path):
    written = api("POST", path, ENTRY, status=201)
    stranger = Api(principal_of_new_site())
    assert stranger("GET", "/api/logs", status=200)["results"] == []
    stranger("GET", f"/api/logs/{written['id']}", status=404)
    stranger("GET", path, status=404)
    stranger("POST", path, [ENTRY], status=404)
    assert Log.everywhere.count() == 1


def test_reading_and_writing_logs_are_rights_of_their_own(world, path):
    site = Site.objects.using(CREW).get(pk=world.principal.site_id)
    reader, writer = make.client(site, "viewer"), make.client(site, scopes=["logs:write"])
    assert (reader.get("/api/logs").status_code, reader.post(path, ENTRY).status_code) == (200, 403)
    assert (writer.get("/api/logs").status_code, writer.post(path, ENTRY).status_code) == (403, 201)


def test_an_agents_key_writes_in_its_name(world, path):
    site = Site.objects.using(CREW).get(pk=world.principal.site_id)
    agent = make.agent(site)
    client = make.client(site, acts_for=agent)
    assert client.post(path, ENTRY).json()["agent_id"] == str(agent.pk)
    assert client.get(f"/api/logs?agent_id={agent.pk}").json()["count"] == 1
    assert client.get(f"/api/logs?agent_id={uuid4()}").json()["count"] == 0


@pytest.fixture
def various(api, path):
    """Six entries, one a message of one letter, oldest first."""
    api(
        "POST",
        path,
        [
            {"log_type": "system", "message": "a"},
            {"log_type": "tool_call", "message": "b", "tool_name": "bash", "tool_call_id": "1"},
            {"log_type": "tool_result", "message": "c", "tool_name": "Bash-like", "is_error": True, "level": "error"},
            {"log_type": "thinking", "message": "d", "level": "debug"},
            {"log_type": "error", "message": "e", "is_error": True, "level": "critical"},
            {"log_type": "thinking", "message": "f 100% _real_"},
        ],
        status=201,
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "fedcba"),
        ("log_type=thinking", "fd"),
        ("log_type=thinking&log_type=error", "fed"),
        ("level=error&level=critical", "ec"),
        ("is_error=true", "ec"),
        ("is_error=false", "fdba"),
        ("tool_name=bash", "b"),
        ("tool_call_id=1", "b"),
        ("search=BASH", "cb"),
        ("search=100%25", "f"),
        ("search=_real_", "f"),
        ("search=nothing", ""),
        ("log_type=thinking&level=debug", "d"),
        ("created_after=2020-01-01T00:00:00Z", "fedcba"),
        ("created_before=2020-01-01T00:00:00Z", ""),
        ("created_after=0001-01-01T00:00:00Z&created_before=9999-12-31T23:59:59Z", "fedcba"),
    ],
)
def test_each_filter_finds_what_it_says(various, api, path, query, found):
    for where in (path, "/api/logs"):
        assert "".join(text[0] for text in messages(api("GET", f"{where}?{query}", status=200))) == found


@pytest.mark.parametrize(
    "query",
    ["level=loud", "log_type=odd", "is_error=yes", "agent_id=x", "created_after=x", "nothing=1", "ordering=message"],
)
def test_a_filter_that_is_wrong_is_a_400(api, path, query):
    for where in (path, "/api/logs"):
        assert api("GET", f"{where}?{query}", status=400)["code"] == "INVALID"


def test_a_moment_divides_to_the_microsecond(various, api, path):
    """The bound on the id, which has milliseconds, must not decide."""
    api("POST", path, ENTRY, status=201)
    at = datetime.fromisoformat(api("GET", f"{path}?limit=1", status=200)["results"][0]["created_at"])
    for moment, after, before in ((at, 1, 6), (at + timedelta(microseconds=1), 0, 7)):
        text = moment.isoformat().replace("+00:00", "Z")
        assert api("GET", f"{path}?created_after={text}", status=200)["count"] == after
        assert api("GET", f"{path}?created_before={text}", status=200)["count"] == before


def test_a_list_costs_the_same_statements_for_one_row_and_for_many(world, api, path):
    counts = []
    for number in (1, 50):
        api("POST", path, [ENTRY] * number, status=201)
        for where in (path, "/api/logs"):
            with CaptureQueriesContext(connection) as queries:
                api("GET", f"{where}?cursor=&limit=40", status=200)
            counts.append((where, len(queries)))
    assert counts[:2] == counts[2:]


def test_the_whole_log_is_walked_by_cursor(api, path):
    api("POST", path, [{**ENTRY, "message": str(number)} for number in range(25)], status=201)
    seen, link = [], f"{path}?cursor=&limit=10"
    while link:
        page = api("GET", link, status=200)
        seen += messages(page)
        link = page["next"] and "/api/" + page["next"].partition("/api/")[2]
    assert seen == [str(number) for number in reversed(range(25))]


def test_entries_can_be_neither_changed_nor_deleted(api, path):
    written = api("POST", path, ENTRY, status=201)
    for method in ("PUT", "PATCH", "DELETE"):
        assert api(method, f"/api/logs/{written['id']}", {"message": "other"})["code"] == "METHOD_NOT_ALLOWED"
    assert api("GET", f"/api/logs/{written['id']}", status=200) == written


def test_a_deleted_instances_log_stays_in_the_sites(world, api):
    instance = world.ask()
    path = f"/api/instances/{instance.pk}/logs"
    written = api("POST", path, ENTRY, status=201)
    api("DELETE", f"/api/instances/{instance.pk}", status=202)
    assert world.settle(instance).status == "deleted"
    api("GET", path, status=404)
    api("POST", path, ENTRY, status=404)
    assert api("GET", "/api/logs", status=200)["results"] == [written]


def test_a_machine_that_vanishes_leaves_an_entry_of_the_platform(world, api):
    instance = world.running()
    world.provider.machines.clear()
    assert world.settle(instance).status == "error"
    (entry,) = api("GET", f"/api/instances/{instance.pk}/logs", status=200)["results"]
    assert (entry["log_type"], entry["level"], entry["is_error"]) == ("system", "error", True)
    assert (entry["user_id"], entry["agent_id"]) == (None, None)
    assert entry["message"] == world.read(instance).status_reason
    event = api("GET", f"/api/instances/{instance.pk}/events", status=200)["results"][-1]
    assert entry["details"] == {
        "event": "vanished",
        "number": event["number"],
        "status_from": "running",
        "status": "error",
    }


def test_giving_up_and_an_alarm_leave_an_entry_each_and_what_goes_well_leaves_none(world, later, monkeypatch):
    instance = world.running()
    assert Log.everywhere.count() == 0
    world.provider.fail_next["create"] = [Refused("no such size")]
    refused = world.settle(world.ask())
    assert [log.message for log in Log.everywhere.filter(instance=refused)] == [refused.status_reason]
    monkeypatch.setattr(type(world.provider), "destroy", lambda self, handle: None)
    services.request_deletion(world.principal, instance.pk)
    world.settle(instance)
    later(400)
    for _ in range(3):
        world.step(instance)
    (alarm,) = Log.everywhere.filter(instance=instance)
    assert (alarm.details["event"], alarm.details["status"], alarm.is_error) == ("alarm", "deleting", True)


def test_every_failure_of_the_lifecycle_is_an_event_that_exists():
    kinds = {event for _, event in lifecycle.TABLE} | {"alarm"}
    assert kinds >= lifecycle.FAILURES
    assert {target for (_, event), target in lifecycle.TABLE.items() if event in lifecycle.FAILURES} == {"error"}


def test_one_way_of_writing_json_serves_lists_and_streams(world, api, path):
    written = api("POST", path, ENTRY, status=201)
    assert json.loads(json.dumps(logs.as_json(Log.everywhere.get()))) == written
