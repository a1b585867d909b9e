"""Members who sign in: over REST, with CSRF, in one of several sites, and on the browsable pages."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import Client

from tests import make

pytestmark = pytest.mark.django_db

HTML = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}


def _signed_in(user: object) -> Client:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(user)
    return browser


def _csrf(browser: Client) -> dict[str, str]:
    browser.get("/api/agents", **HTML)
    return {"HTTP_X_CSRFTOKEN": browser.cookies["csrftoken"].value}


def test_signing_in_and_out_by_the_form() -> None:
    site = make.site()
    user = make.member(site).user
    browser = Client()
    assert b"Sign in" in browser.get("/api/login").content
    wrong = browser.post("/api/login", {"username": user.email, "password": "wrong"})
    assert wrong.status_code == 200 and b'role="alert"' in wrong.content
    right = browser.post("/api/login", {"username": user.email.upper(), "password": make.PASSWORD})
    assert right.status_code == 302
    assert browser.get("/api/me").json()["via"] == "session"
    assert browser.post("/api/logout").status_code == 302
    assert browser.get("/api/me").status_code == 401


def test_a_session_changes_nothing_without_its_csrf_token() -> None:
    browser = _signed_in(make.member(make.site()).user)
    refused = browser.post("/api/agents", {"name": "a"}, "application/json")
    assert refused.status_code == 403 and "CSRF" in refused.json()["error"]
    made = browser.post("/api/agents", {"name": "a"}, "application/json", **_csrf(browser))
    assert made.status_code == 201


def test_the_only_site_needs_no_naming_and_several_do() -> None:
    first, second = make.site("First"), make.site("Second")
    user = make.member(first, "viewer").user
    browser = _signed_in(user)
    assert browser.get("/api/me").json()["site_id"] == str(first.pk)
    make.member(second, "admin", who=user)
    unsaid = browser.get("/api/agents")
    assert (unsaid.status_code, unsaid.json()["code"]) == (400, "SITE_REQUIRED")
    assert unsaid.json()["details"]["sites"] == [
        {"id": str(first.pk), "name": "First"},
        {"id": str(second.pk), "name": "Second"},
    ]
    by_header = browser.get("/api/me", HTTP_X_SITE=str(second.pk))
    assert by_header.json()["role"] == "admin"
    assert browser.get(f"/api/me?site_id={first.pk}").json()["role"] == "viewer"
    in_body = browser.post(
        "/api/memberships",
        {"site_id": str(second.pk), "email": make.user().email},
        "application/json",
        HTTP_X_CSRFTOKEN=browser.get("/api/agents", HTTP_X_SITE=str(second.pk), **HTML).cookies["csrftoken"].value,
    )
    assert in_body.status_code == 201, in_body.content


def test_naming_another_site_is_not_found_and_nonsense_not_valid() -> None:
    browser = _signed_in(make.member(make.site()).user)
    foreign = browser.get("/api/me", HTTP_X_SITE=str(make.site().pk))
    unknown = browser.get("/api/me", HTTP_X_SITE=str(make.new_id()))
    assert foreign.status_code == unknown.status_code == 404
    assert browser.get("/api/me", HTTP_X_SITE="nonsense").status_code == 400


def test_a_person_sees_all_their_sites_and_each_by_its_id() -> None:
    first, second = make.site("First"), make.site("Second")
    make.site("Foreign")
    user = make.member(first).user
    make.member(second, "viewer", who=user)
    make.member(make.site("Closed", is_active=False), who=user)
    browser = _signed_in(user)
    assert [row["name"] for row in browser.get("/api/sites").json()["results"]] == ["Second", "First"]
    assert browser.get(f"/api/sites/{second.pk}").json()["name"] == "Second"
    token = browser.get("/api/sites", **HTML)
    assert token.status_code == 200 and b"First" in token.content


def test_somebody_without_a_site_is_told_so() -> None:
    browser = _signed_in(make.user())
    refused = browser.get("/api/agents")
    assert refused.status_code == 403 and "member" in refused.json()["error"]


def test_a_person_renames_themself_and_a_key_does_not() -> None:
    site = make.site()
    membership = make.member(site)
    browser = _signed_in(membership.user)
    renamed = browser.patch("/api/users/me", {"name": "Ada"}, "application/json", **_csrf(browser))
    assert renamed.json()["name"] == "Ada"
    key = make.client(site, membership=membership)
    assert key.patch("/api/users/me", {"name": "Eve"}).status_code == 403
    assert key.get("/api/users/me").json()["name"] == "Ada"


@pytest.mark.parametrize("noun", ["sites", "users", "memberships", "agents", "keys", "me"])
def test_a_browser_gets_a_page_and_everybody_else_json(noun: str) -> None:
    site = make.site()
    make.agent(site, "Ada <b>")
    browser = _signed_in(make.member(site).user)
    page = browser.get(f"/api/{noun}", **HTML)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    assert b"Ada <b>" not in page.content
    assert browser.get(f"/api/{noun}").headers["Content-Type"] == "application/json"
    assert browser.get(f"/api/{noun}", HTTP_ACCEPT="application/json").json()


def test_a_page_offers_what_the_role_allows() -> None:
    site = make.site()
    agent = make.agent(site, "Ada")
    for role, offered in (("operator", True), ("viewer", False)):
        browser = _signed_in(make.member(site, role).user)
        assert (b'data-method="DELETE"' in browser.get(f"/api/agents/{agent.pk}", **HTML).content) is offered
        form = browser.get("/api/agents", **HTML).content
        assert (b'data-method="POST"' in form) is offered
    assert b'class="key">"name"' in browser.get(f"/api/agents/{agent.pk}", **HTML).content


@pytest.mark.parametrize("path", [f"/api/agents/{UUID(int=0)}", "/api/agents?nonsense=1", "/api/keys"])
def test_an_error_page_is_drawn_after_the_fault(path: str) -> None:
    browser = _signed_in(make.member(make.site(), "viewer").user)
    page = browser.get(path, **HTML)
    assert page.status_code in {400, 403, 404} and b"request_id" in page.content


def test_pages_for_strangers_and_for_members_of_several_sites_are_drawn_too() -> None:
    assert Client().get("/api/agents", **HTML).status_code == 401
    user = make.member(make.site()).user
    make.member(make.site(), who=user)
    page = _signed_in(user).get("/api/agents", **HTML)
    assert page.status_code == 400 and b"SITE_REQUIRED" in page.content
