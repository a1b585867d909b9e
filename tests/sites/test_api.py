"""Sites, people, agents and keys over REST, as a client with a key sees them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from common.tenancy import CREW
from sites.models import Agent, ApiKey, Site
from tests import make

pytestmark = pytest.mark.django_db

NOUNS = ["sites", "users", "memberships", "agents", "keys"]


def _without_id(answer: Any) -> bytes:
    return answer.content.replace(answer.headers["X-Request-ID"].encode(), b"-")


@pytest.mark.parametrize("noun", NOUNS)
def test_a_list_shows_its_site_only(noun: str) -> None:
    ours, theirs = make.site("ours"), make.site("theirs")
    for site in (ours, theirs):
        make.agent(site)
    make.key(theirs)
    seen = make.client(ours).get(f"/api/{noun}").json()
    assert seen["count"] == len(seen["results"]) == 1
    (row,) = seen["results"]
    assert row.get("site_id", row["id"]) == str(ours.pk) or noun == "users"


@pytest.mark.parametrize("noun", NOUNS)
def test_foreign_unknown_and_malformed_ids_get_the_same_404(noun: str) -> None:
    ours, theirs = make.site(), make.site()
    foreign = {
        "sites": theirs.pk,
        "users": make.member(theirs).user_id,
        "memberships": make.member(theirs).pk,
        "agents": make.agent(theirs).pk,
        "keys": make.key(theirs)[0].pk,
    }[noun]
    client = make.client(ours)
    answers = [
        client.get(f"/api/{noun}/{foreign}"),
        client.get(f"/api/{noun}/{make.new_id()}"),
        client.get(f"/api/{noun}/not-a-uuid"),
        client.get(f"/api/{noun}?site_id={theirs.pk}"),
        client.get(f"/api/{noun}?site_id={make.new_id()}"),
        client.get("/api/no/such/route"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({_without_id(answer) for answer in answers}) == 1
    assert answers[0].json()["code"] == "NOT_FOUND"


def test_naming_another_site_writes_nothing_and_naming_ones_own_is_fine() -> None:
    ours, theirs = make.site(), make.site()
    client = make.client(ours)
    for foreign in (theirs.pk, make.new_id()):
        in_body = client.post("/api/agents", {"name": "a", "site_id": str(foreign)})
        in_header = client.post("/api/agents", {"name": "a"}, HTTP_X_SITE=str(foreign))
        assert (in_body.status_code, in_header.status_code) == (404, 404)
    assert client.post("/api/agents", {"name": "a", "site_id": 5}).status_code == 400
    assert not Agent.everywhere.exists()
    assert client.post("/api/agents", {"name": "a", "site_id": str(ours.pk)}).json()["site_id"] == str(ours.pk)


def test_a_change_of_nothing_makes_no_new_version() -> None:
    client = make.client(make.site())
    made = client.post("/api/agents", {"name": "a"})
    same = client.put(f"/api/agents/{made.json()['id']}", {})
    assert (same.status_code, same.headers["ETag"]) == (200, made.headers["ETag"])


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_another_sites_rows_can_not_be_changed(method: str) -> None:
    agent = make.agent(make.site(), "theirs")
    answer = getattr(make.client(make.site()), method)(f"/api/agents/{agent.pk}", {"name": "taken"})
    assert answer.status_code == 404
    assert Agent.everywhere.get(pk=agent.pk).name == "theirs"


@pytest.mark.parametrize("path", [f"/api/{noun}" for noun in NOUNS] + ["/api/me", "/api/users/me"])
def test_without_a_key_there_is_one_401(path: str) -> None:
    anonymous, unknown = make.client_with("").get(path), make.client_with("keyabcdefghijkl_" + "x" * 43).get(path)
    assert anonymous.status_code == unknown.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
    assert anonymous.json()["code"] == "NOT_AUTHENTICATED"
    assert _without_id(anonymous) == _without_id(unknown)


@pytest.mark.parametrize(
    "header", [{"HTTP_AUTHORIZATION": "Bearer {}"}, {"HTTP_AUTHORIZATION": "{}"}, {"HTTP_X_API_KEY": "{}"}]
)
def test_a_key_is_read_from_either_header(header: dict[str, str]) -> None:
    site = make.site()
    _, secret = make.key(site, "viewer")
    client = make.client_with("")
    client.credentials(**{name: value.format(secret) for name, value in header.items()})
    me = client.get("/api/me").json()
    assert (me["site_id"], me["role"], me["via"]) == (str(site.pk), "viewer", "key")
    assert me["scopes"] == sorted(me["scopes"]) and "instances:read" in me["scopes"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_agent_is_made_read_changed_and_deleted(slash: str) -> None:
    client = make.client(make.site(), "operator")
    made = client.post(f"/api/agents{slash}", {"name": "Ada", "description": "Counts."})
    assert made.status_code == 201, made.content
    here = f"/api/agents/{made.json()['id']}{slash}"
    assert client.get(here).json() == made.json()
    changed = client.put(here, {"name": "Bea"})
    assert (changed.status_code, changed.json()["name"], changed.json()["description"]) == (200, "Bea", "Counts.")
    assert client.patch(here, {"is_active": False}).json()["is_active"] is False
    gone = client.delete(here)
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get(here).status_code == 404


def test_what_a_client_read_it_may_send_back_whole() -> None:
    client = make.client(make.site())
    made = client.post("/api/agents", {"name": "Ada"}).json()
    again = client.put(f"/api/agents/{made['id']}", {**made, "name": "Bea"})
    assert (again.status_code, again.json()["name"]) == (200, "Bea")


def test_a_stale_version_changes_nothing() -> None:
    client = make.client(make.site())
    agent = make.agent(Site.objects.using(CREW).get(), "first")
    here = f"/api/agents/{agent.pk}"
    tag = client.get(here).headers["ETag"]
    changed = client.patch(here, {"name": "second"}, HTTP_IF_MATCH=tag)
    assert changed.status_code == 200 and changed.headers["ETag"] != tag
    for method in ("patch", "put", "delete"):
        refused = getattr(client, method)(here, {"name": "third"}, HTTP_IF_MATCH=tag)
        assert (refused.status_code, refused.json()["code"]) == (412, "PRECONDITION_FAILED")
    assert Agent.everywhere.get().name == "second"
    assert client.patch(here, {"name": "third"}, HTTP_IF_MATCH="*").status_code == 200


def test_a_key_is_shown_in_the_answer_to_its_making_and_nowhere_else() -> None:
    site = make.site()
    client = make.client(site, "admin")
    made = client.post("/api/keys", {"name": "CI", "scopes": ["instances:read"]})
    assert made.status_code == 201 and made.headers["Cache-Control"] == "no-store"
    secret = made.json()["api_key"]
    assert make.client_with(secret).get("/api/me").json()["scopes"] == ["instances:read"]
    shown = client.get(f"/api/keys/{made.json()['id']}").content + client.get("/api/keys").content
    assert secret.encode() not in shown and b"hash" not in shown and b"api_key" not in shown
    assert client.delete(f"/api/keys/{made.json()['id']}").status_code == 204
    assert make.client_with(secret).get("/api/me").status_code == 401
    assert ApiKey.everywhere.get(pk=made.json()["id"]).revoked_at is not None


def test_keys_are_listed_by_whether_they_work() -> None:
    site = make.site()
    client = make.client(site)
    revoked = client.post("/api/keys", {"name": "old"}).json()["id"]
    client.delete(f"/api/keys/{revoked}")
    listed = {value: client.get(f"/api/keys?usable={value}").json() for value in ("true", "false")}
    assert [row["id"] for row in listed["false"]["results"]] == [revoked]
    assert listed["true"]["count"] == 1
    assert client.get("/api/keys?usable=perhaps").status_code == 400


def test_a_viewer_is_told_which_scope_they_lack() -> None:
    client = make.client(make.site(), "viewer")
    refused = client.post("/api/agents", {"name": "no"})
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert refused.json()["details"] == {"scope": "agents:write"}
    assert not Agent.everywhere.exists()


def test_members_come_and_go_over_rest() -> None:
    site = make.site()
    client = make.client(site)
    person = client.post("/api/users", {"email": "p@example.com", "role": "viewer"})
    assert person.status_code == 201 and "password" not in person.json()
    (membership,) = client.get(f"/api/memberships?user_id={person.json()['id']}").json()["results"]
    here = f"/api/memberships/{membership['id']}"
    assert client.patch(here, {"role": "operator"}).json()["role"] == "operator"
    assert client.delete(here).status_code == 204
    assert client.get(f"/api/users/{person.json()['id']}").status_code == 404
    assert client.post("/api/memberships", {"email": "p@example.com"}).json()["role"] == "viewer"


def test_a_site_is_renamed_by_its_owner_alone() -> None:
    site = make.site("Old")
    here = f"/api/sites/{site.pk}"
    assert make.client(site, "admin").patch(here, {"name": "New"}).status_code == 403
    owner = make.client(site)
    assert owner.patch(here, {"name": "New", "time_zone": "Europe/Berlin"}).json()["name"] == "New"
    assert owner.patch(here, {"time_zone": "Mars/Base"}).status_code == 400
    assert owner.patch(here, {"is_active": True}).status_code == 200  # sent back as read; it changes nothing
    assert owner.delete(here).status_code == 405


def test_a_refused_commit_is_a_409_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    site = make.site()
    client, foreign = make.client(site), make.agent(make.site())
    monkeypatch.setattr("sites.selectors.agent_of", lambda *_: foreign)  # so that only the deferred key holds
    refused = client.post("/api/keys", {"name": "smuggled", "agent_id": str(foreign.pk)})
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert not ApiKey.everywhere.filter(name="smuggled").exists()


@pytest.mark.parametrize("noun", NOUNS)
def test_a_lists_queries_do_not_grow_with_its_rows(noun: str) -> None:
    site = make.site()
    client = make.client(site)
    client.get(f"/api/{noun}")
    for _ in range(5):
        make.agent(site)
        make.key(site)
    with CaptureQueriesContext(connections["default"]) as asked, CaptureQueriesContext(connections[CREW]) as by_crew:
        assert client.get(f"/api/{noun}").status_code == 200
    statements = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
    assert len(statements) == 2, statements  # the site's setting and the page
    assert len(by_crew) == 0
