"""The audit log: who did what to which row from where, written with the change, and by no role ever changed."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from django.contrib import admin
from django.db import ProgrammingError, connection, connections, transaction
from django.test import Client

from common import clock
from common.errors import Invalid
from common.ids import first_id_at
from common.tenancy import CREW, site_scope
from instances import services as instances
from sites import audit, retention, second_factor, services
from sites.admin_base import Audited
from sites.api import audit as audit_api
from sites.models import AuditEntry, Site
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return make.site()


def _actions(site: Site | None) -> list[str]:
    return list(AuditEntry.everywhere.filter(site=site).order_by("id").values_list("action", flat=True))


def test_who_did_what_from_where_is_written_and_shown(site: Site) -> None:
    key, secret = make.key(site)
    client = make.client_with(secret)
    made = client.post("/api/keys", {"name": "robot"}, REMOTE_ADDR="192.0.2.7", headers={"X-Request-ID": "request-1"})
    (entry,) = client.get("/api/audit?action=key.created").json()["results"]
    assert entry["target_id"] == made.json()["id"] and entry["target_type"] == "apikey"
    assert (entry["user_id"], entry["key_id"], entry["via"]) == (str(key.user_id), str(key.pk), "key")
    assert (entry["address"], entry["request_id"]) == ("192.0.2.7", "request-1")
    assert made.json()["api_key"] not in json.dumps(entry)


def test_each_change_of_people_keys_and_instances_is_there(site: Site) -> None:
    client = make.client(site)
    key = client.post("/api/keys", {"name": "robot"}).json()
    client.delete(f"/api/keys/{key['id']}")
    client.delete(f"/api/keys/{key['id']}")
    user = client.post("/api/users", {"email": "ada@example.com", "role": "viewer"}).json()
    place = client.get(f"/api/memberships?user_id={user['id']}").json()["results"][0]
    client.patch(f"/api/memberships/{place['id']}", {"role": "operator"})
    client.delete(f"/api/memberships/{place['id']}")
    invitation = client.post("/api/invitations", {"email": "grace@example.com"}).json()
    client.delete(f"/api/invitations/{invitation['id']}")
    desk = client.post("/api/instances", {"name": "desk"}).json()
    client.post(f"/api/instances/{desk['id']}/stop")
    client.delete(f"/api/instances/{desk['id']}")
    client.patch(f"/api/sites/{site.pk}", {"name": "ours"})
    assert _actions(site) == [
        "key.used_from_new_address",
        "key.created",
        "key.revoked",
        "member.created",
        "member.role_changed",
        "member.removed",
        "invitation.created",
        "invitation.revoked",
        "instance.created",
        "instance.stop_requested",
        "instance.deletion_requested",
        "site.changed",
    ]
    changed = AuditEntry.everywhere.get(action="member.role_changed")
    assert changed.details == {"user_id": user["id"], "role_from": "viewer", "role": "operator"}


def test_what_is_undone_was_never_written(site: Site) -> None:
    principal = make.principal(site)
    with pytest.raises(RuntimeError), site_scope(site.pk):
        services.create_agent(principal, name="Ada")
        raise RuntimeError
    assert _actions(site) == []
    assert make.client(site, "viewer").post("/api/keys", {"name": "robot"}).status_code == 403
    assert "key.created" not in _actions(site)


@pytest.mark.parametrize("statement", ["UPDATE sites_auditentry SET action = 'x'", "DELETE FROM sites_auditentry"])
@pytest.mark.parametrize("alias", ["default", CREW])
def test_no_role_of_ours_changes_or_deletes_an_entry(site: Site, alias: str, statement: str) -> None:
    audit.record(make.principal(site), "site.changed", site)
    for asked in (statement, "TRUNCATE sites_auditentry"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(using=alias):
            connections[alias].cursor().execute(asked)
    assert _actions(site) == ["site.changed"]


def test_an_entry_is_of_one_site_and_for_those_who_may_read_it(site: Site) -> None:
    other = make.site()
    for one in (site, other):
        audit.record(make.principal(one), "site.changed", one)
    listed = make.client(site, "admin").get("/api/audit?action=site.changed").json()["results"]
    assert [entry["target_id"] for entry in listed] == [str(site.pk)]
    assert make.client(site, "operator").get("/api/audit").status_code == 403
    assert make.client(site, "operator").get("/api/audit/export").status_code == 403
    with site_scope(site.pk), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT site_id FROM sites_auditentry")
        assert cursor.fetchall() == [(site.pk,)]
    with pytest.raises(ProgrammingError, match="row-level security"), site_scope(site.pk):
        AuditEntry(site=other, via="key", action="forged").save(using="default", force_insert=True)


def test_entries_are_found_by_what_they_say(site: Site) -> None:
    client = make.client(site)
    agent = client.post("/api/agents", {"name": "Ada"}, REMOTE_ADDR="192.0.2.9").json()
    client.delete(f"/api/agents/{agent['id']}")

    def found(query: str) -> list[str]:
        return [entry["action"] for entry in client.get(f"/api/audit?{query}").json()["results"]]

    assert found(f"target_id={agent['id']}") == ["agent.deleted", "agent.created"]
    assert found("address=192.0.2.9&target_type=agent") == ["agent.created"]
    assert found("action__startswith=agent.&search=Ada&limit=1") == ["agent.deleted"]
    assert found("created_after=2999-01-01T00:00:00Z") == []
    assert client.get("/api/audit?action__contains=a").status_code == 400


def test_the_export_is_the_list_as_a_file(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_api, "BATCH", 4)
    client = make.client(site)
    for number in range(10):
        client.post("/api/agents", {"name": f"=agent {number}"})
    listed = client.get("/api/audit?action=agent.created&limit=100").json()["results"]
    lines = b"".join(client.get("/api/audit/export?action=agent.created")).decode().splitlines()
    assert [json.loads(line) for line in lines] == listed
    answer = client.get("/api/audit/export?format=csv&action=agent.created")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(b"".join(answer).decode().splitlines()))
    assert [row["id"] for row in rows] == [entry["id"] for entry in listed]
    assert {row["target_name"][:2] for row in rows} == {"'="}, "a spreadsheet would run it"
    assert client.get("/api/audit/export?format=xml").status_code == 400
    assert client.get("/api/audit/export?nonsense=1").status_code == 400
    assert _actions(site).count("audit.exported") == 2


def test_an_export_of_nothing_is_empty(site: Site) -> None:
    client = make.client(site)
    assert b"".join(client.get("/api/audit/export?action=none")) == b""
    assert b"".join(client.get("/api/audit/export?action=none&format=csv")).count(b"\n") == 1


def test_signing_in_is_written_whether_it_works_or_not(site: Site) -> None:
    user = make.member(site).user
    for email, password in (
        (user.email, make.PASSWORD),
        (user.email, "wrong password"),
        ("nobody@example.com", "wrong password"),
        ("my secret, in the wrong field", "x"),
    ):
        Client().post("/api/login", {"username": email, "password": password}, REMOTE_ADDR="192.0.2.7")
    assert _actions(site) == ["signed_in", "sign_in_failed"]
    assert set(AuditEntry.everywhere.values_list("address", flat=True)) == {"192.0.2.7"}
    unknown = AuditEntry.everywhere.filter(site=None).order_by("id").values_list("details", flat=True)
    assert list(unknown) == [{"email": "nobody@example.com"}, {}]


def test_a_second_factor_is_written_from_its_first_code_to_its_removal(site: Site) -> None:
    user = make.member(site).user
    app = pyotp.parse_uri(second_factor.begin(user))
    with pytest.raises(Invalid):
        second_factor.confirm(user, "000000")
    codes = second_factor.confirm(user, app.now())
    browser = Client()
    browser.post("/api/login", {"username": user.email, "password": make.PASSWORD})
    assert _actions(site) == ["second_factor.set"], "a password alone signs nobody in"
    browser.post("/api/second-factor", {"code": "wrong"})
    browser.post("/api/second-factor", {"code": codes[0]})
    second_factor.replace_codes(user)
    assert second_factor.remove(user) and not second_factor.remove(user)
    assert _actions(site)[1:] == [
        "second_factor.failed",
        "second_factor.recovery_code_used",
        "signed_in",
        "second_factor.codes_replaced",
        "second_factor.removed",
    ]
    written = json.dumps(list(AuditEntry.everywhere.values_list("details", flat=True)))
    assert not any(code in written for code in (*codes, app.secret))


def test_plans_webhooks_templates_and_schedules_are_written_with_who_changed_them(site: Site, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["203.0.113.0/24"]
    client = make.client(site)
    desk = client.post("/api/instances", {"name": "desk"}).json()
    plan = client.post(f"/api/instances/{desk['id']}/plans", {"title": "tidy", "plan_type": "task"}).json()
    client.post(f"/api/plans/{plan['id']}/cancel")
    hook = client.post("/api/webhooks", {"url": "https://203.0.113.9/hook"}).json()
    client.patch(f"/api/webhooks/{hook['id']}", {"is_active": False})
    client.post(f"/api/webhooks/{hook['id']}/secret")
    client.delete(f"/api/webhooks/{hook['id']}")
    template = client.post("/api/templates", {"name": "desk"}).json()
    client.patch(f"/api/templates/{template['id']}", {"description": "a desk"})
    client.delete(f"/api/templates/{template['id']}")
    entries = AuditEntry.everywhere.filter(site=site).exclude(target_type__in=["instance", "apikey"]).order_by("id")
    assert list(entries.values_list("action", "details")) == [
        ("plan.created", {}),
        ("plan.cancelled", {}),
        ("webhook.created", {}),
        ("webhook.changed", {"fields": ["is_active"]}),
        ("webhook.secret_rotated", {}),
        ("webhook.deleted", {}),
        ("template.created", {}),
        ("template.changed", {"fields": ["description"]}),
        ("template.deleted", {}),
    ]
    assert client.get("/api/audit?action__startswith=webhook.").json()["count"] == 4


def test_a_changed_step_is_written_with_its_fields_and_without_what_stands_in_them(site: Site) -> None:
    client = make.client(site)
    desk = client.post("/api/instances", {"name": "desk"}).json()
    steps = [{"id": "a", "title": "look"}, {"id": "b", "title": "tidy"}]
    asked = {"title": "tidy", "plan_type": "task", "steps": steps}
    plan = client.post(f"/api/instances/{desk['id']}/plans", asked).json()
    for step_id, changes, status in (
        ("b", {"instructions": "the password is hunter2", "actual_output": "hunter2"}, 200),
        ("a", {"status": "skipped"}, 200),
        ("a", {"status": "completed"}, 409),
        ("c", {"status": "completed"}, 404),
    ):
        assert client.patch(f"/api/plans/{plan['id']}/steps/{step_id}", changes).status_code == status
    listed = client.get(f"/api/audit?target_id={plan['id']}&action=plan.step_changed").json()["results"]
    assert [entry["details"] for entry in listed] == [
        {"step_id": "a", "fields": ["status"]},
        {"step_id": "b", "fields": ["actual_output", "instructions"]},
    ]
    everything = AuditEntry.everywhere.filter(site=site).values_list("target_name", "details")
    assert "hunter2" not in json.dumps(list(everything))


def test_a_key_is_noticed_at_each_new_address_once(site: Site) -> None:
    client = make.client(site)
    for address in ("192.0.2.7", "192.0.2.7", "192.0.2.8", "192.0.2.7"):
        assert client.get("/api/instances", REMOTE_ADDR=address).status_code == 200
        audit._seen.clear()  # as another process, or this one after a restart
    seen = AuditEntry.everywhere.filter(site=site, action="key.used_from_new_address").order_by("id")
    assert list(seen.values_list("address", flat=True)) == ["192.0.2.7", "192.0.2.8"]


def test_what_is_done_in_the_admin_is_written(site: Site) -> None:
    operator = make.user(is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(operator)
    agent = make.agent(site)
    page = f"/admin/sites/agent/{agent.pk}/change/"
    assert browser.post(page, {"name": "Grace", "description": "", "is_active": "on"}).status_code == 302
    entry = AuditEntry.everywhere.get(site=site, action="admin.agent.changed")
    assert (entry.user_id, entry.via, entry.target_id) == (operator.pk, "console", str(agent.pk))
    listed = browser.get("/admin/sites/auditentry/")
    assert listed.status_code == 200 and b"admin.agent.changed" in listed.content
    assert browser.get(f"/admin/sites/auditentry/{entry.pk}/change/").status_code == 200
    assert browser.get("/admin/sites/auditentry/add/").status_code == 403
    assert browser.post(f"/admin/sites/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403


def test_every_page_of_the_admin_that_writes_is_written() -> None:
    operator = Client()
    operator.force_login(make.user(is_staff=True, is_superuser=True))
    request = operator.get("/admin/").wsgi_request
    writing = [page for page in admin.site._registry.values() if page.has_change_permission(request)]
    assert writing and all(isinstance(page, Audited) for page in writing), writing
    operator.post("/admin/auth/group/add/", {"name": "night shift"})
    assert _actions(None) == ["admin.group.added"]


def test_staff_of_a_site_see_its_entries_only(site: Site) -> None:
    other = make.site("Other")
    for one in (site, other):
        audit.record(make.principal(one), f"site.changed.{one.name}", one)
    browser = Client()
    browser.force_login(make.member(site, "admin", who=make.user(is_staff=True)).user)
    listed = browser.get("/admin/sites/auditentry/").content
    assert b"site.changed.Site" in listed and b"site.changed.Other" not in listed


def test_old_months_are_dropped_whole(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    retention.keep_audit()
    with connections[CREW].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'sites_auditentry'::regclass")
        (before,) = cursor.fetchone()
    assert before >= 4
    audit.record(make.principal(site), "site.changed", site)
    real = clock.now()
    assert AuditEntry.everywhere.get().pk > first_id_at(datetime(real.year, real.month, 1, tzinfo=UTC))
    monkeypatch.setattr(clock, "now", lambda: real + timedelta(days=30))
    retention.keep_audit()
    assert _actions(site) == ["site.changed"]


def test_actions_on_a_machine_are_the_logs_matter(site: Site) -> None:
    principal = make.principal(site)
    instance = instances.request_instance(principal, name="desk")
    make.client(site).post(f"/api/instances/{instance.pk}/actions", {"type": "cursor_position"})
    assert [action for action in _actions(site) if "instance" in action] == ["instance.created"]
