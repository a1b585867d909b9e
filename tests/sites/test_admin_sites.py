"""Which site the admin shows to its own people, by which role, and how far they reach there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common.tenancy import CREW
from sites.models import Agent, AuditEntry, Membership, Site, User
from tests import make

pytestmark = pytest.mark.django_db

AGENTS = reverse("admin:sites_agent_changelist")
CHOICE = reverse("admin:choose_site")
AT_THE_DOOR = {"django_session", "sites_user", "sites_membership", "sites_site"} | {
    *("django_content_type", "auth_permission", "auth_group", "auth_group_permissions"),
    *("sites_user_groups", "sites_user_user_permissions"),
}
"""Asked before the site is known: who somebody is, where they belong, and what the platform lets them."""


def _signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def _staff_of(*places: Site, role: str = "admin") -> tuple[User, Client]:
    user = make.user(is_staff=True)
    for place in places:
        make.member(place, role, who=user)
    return user, _signed_in(user)


def _change(user: User) -> str:
    return reverse("admin:sites_user_change", args=[user.pk])


def test_a_member_of_several_sites_sees_one_and_chooses_another() -> None:
    first, second, foreign = make.site("First"), make.site("Second"), make.site("Foreign")
    rows = {place: make.agent(place, f"agent of {place.name}") for place in (first, second, foreign)}
    _, browser = _staff_of(first, second)
    shown = browser.get(AGENTS).content
    assert b"agent of First" in shown and b"agent of Second" not in shown and CHOICE.encode() in shown
    assert b"Second" in browser.get(CHOICE).content and b"Foreign" not in browser.get(CHOICE).content
    assert browser.post(CHOICE, {"site_id": str(second.pk)}).status_code == 302
    shown = browser.get(AGENTS).content
    assert b"agent of Second" in shown and b"agent of First" not in shown
    assert browser.get(reverse("admin:sites_agent_change", args=[rows[first].pk])).status_code == 302


@pytest.mark.parametrize("wanted", ["foreign", "no id at all"])
def test_a_site_that_is_not_theirs_can_not_be_chosen(wanted: str) -> None:
    ours, foreign = make.site("Ours"), make.site("Foreign")
    make.agent(foreign, "agent of Foreign")
    _, browser = _staff_of(ours)
    told = browser.post(CHOICE, {"site_id": str(foreign.pk) if wanted == "foreign" else wanted}, follow=True)
    assert b"No such site." in told.content and b"agent of Foreign" not in browser.get(AGENTS).content


def test_a_choice_ends_with_the_membership() -> None:
    first, second = make.site("First"), make.site("Second")
    make.agent(second, "agent of Second")
    user, browser = _staff_of(first, second)
    browser.post(CHOICE, {"site_id": str(second.pk)})
    assert b"agent of Second" in browser.get(AGENTS).content
    Membership.everywhere.filter(user=user, site=second).delete()
    assert b"agent of Second" not in browser.get(AGENTS).content


def test_staff_of_no_site_see_no_row() -> None:
    make.agent(make.site(), "agent of Foreign")
    user, browser = _staff_of()
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="sites"))
    shown = browser.get(AGENTS)
    assert shown.status_code == 200 and b"agent of Foreign" not in shown.content
    assert b"You belong to no site" in browser.get(reverse("admin:index")).content


@pytest.mark.parametrize("path", [AGENTS, f"{AGENTS}?q=a", reverse("admin:sites_agent_add"), reverse("admin:index")])
def test_a_sites_own_people_are_served_as_a_request_and_an_operator_as_crew(path: str) -> None:
    site = make.site()
    make.agent(site)
    for browser, role in ((_staff_of(site)[1], "default"), (_operator(), CREW)):
        with (
            CaptureQueriesContext(connections[CREW]) as by_crew,
            CaptureQueriesContext(connections["default"]) as by_app,
        ):
            assert browser.get(path).status_code == 200
        asked = {"default": _tables(by_app), CREW: _tables(by_crew)}
        other = CREW if role == "default" else "default"
        assert asked[role] and asked[other] <= AT_THE_DOOR, asked


def _operator() -> Client:
    return _signed_in(make.user(is_staff=True, is_superuser=True))


def _tables(captured: CaptureQueriesContext) -> set[str]:
    return {name for query in captured for name in re.findall(r'(?:FROM|JOIN|INTO) "?(\w+)"?', query["sql"])}


def test_what_a_site_does_is_in_its_history_and_not_in_anothers() -> None:
    site = make.site()
    row = make.agent(site, "old")
    user, browser = _staff_of(site, role="owner")
    page = reverse("admin:sites_agent_change", args=[row.pk])
    for client, name in ((browser, "by staff"), (_operator(), "by operator")):
        assert client.post(page, {"name": name, "is_active": "on"}).status_code == 302
    history = reverse("admin:sites_agent_history", args=[row.pk])
    assert browser.get(history).content.count(b"Changed Name") == 1
    assert _operator().get(history).content.count(b"Changed Name") == 2
    written = AuditEntry.everywhere.filter(site=site, action="admin.agent.changed")
    assert written.count() == 2 and user.pk in written.values_list("user_id", flat=True)


@pytest.mark.parametrize("who", ["member", "of another site, too", "staff", "superuser"])
def test_nobody_but_their_own_site_sets_a_persons_email_and_password(who: str) -> None:
    site = make.site()
    user, browser = _staff_of(site)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="sites"))
    rights: dict[str, Any] = {"staff": {"is_staff": True}, "superuser": {"is_superuser": True}}.get(who, {})
    person = make.member(site, "viewer", who=make.user("before@example.com", **rights)).user
    if who == "of another site, too":
        make.member(make.site(), who=person)
    browser.post(_change(person), {"email": "after@example.com", "name": "Taken", "is_active": "on"})
    password = {"password1": "another good one", "password2": "another good one", "usable_password": "true"}
    set_password = browser.post(reverse("admin:auth_user_password_change", args=[person.pk]), password)
    person.refresh_from_db()
    theirs = who == "member"
    assert person.email == ("after@example.com" if theirs else "before@example.com")
    assert set_password.status_code == (302 if theirs else 403)
    assert person.check_password("another good one") is theirs


def test_when_a_person_came_in_last_is_the_operators_to_know() -> None:
    """It may have been for another site."""
    site = make.site()
    person = make.member(site, "viewer", who=make.user(last_login=datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC))).user
    people = reverse("admin:sites_user_changelist")
    for browser, may in ((_staff_of(site, role="viewer")[1], False), (_operator(), True)):
        shown = browser.get(people).content + browser.get(_change(person)).content
        assert (b"2001" in shown) is may
        assert browser.get(f"{people}?last_login__isnull=0").status_code == (200 if may else 400)


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_nothing_of_a_password_is_shown_to_who_may_not_set_it(role: str) -> None:
    site = make.site()
    person = make.member(site, "viewer").user
    page = _staff_of(site, role=role)[1].get(_change(person)).content
    algorithm, _, salt, hashed = person.password.split("$")
    assert person.email.encode() in page
    assert not any(part[:6].encode() in page for part in (algorithm, salt, hashed))


HIDDEN = {
    "sites_apikey": "key_hash__startswith=a",
    "sites_user": "last_login__isnull=1",
    "sites_site": "updated_at__isnull=0",
    "instances_instance": "environment_variables__isnull=0",
    "instances_webhook": "secret__isnull=0",
}


@pytest.mark.parametrize("page", HIDDEN)
def test_a_sites_own_people_filter_by_what_they_are_shown(page: str) -> None:
    _, browser = _staff_of(make.site(), role="owner")
    address = reverse(f"admin:{page}_changelist")
    assert browser.get(f"{address}?{HIDDEN[page]}").status_code == 400
    assert browser.get(f"{address}?pk={make.new_id()}").status_code == 200


def test_who_may_edit_people_of_a_site_makes_and_deletes_none() -> None:
    site = make.site()
    user, browser = _staff_of(site)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="sites"))
    person = make.member(site).user
    assert browser.get(reverse("admin:sites_user_add")).status_code == 403
    assert browser.post(reverse("admin:sites_user_delete", args=[person.pk]), {"post": "yes"}).status_code == 403
    assert browser.get(reverse("admin:sites_site_add")).status_code == 403
    assert browser.post(reverse("admin:sites_site_delete", args=[site.pk]), {"post": "yes"}).status_code == 403
    user.user_permissions.set(Permission.objects.all())
    assert browser.get(reverse("admin:auth_group_add")).status_code == 403
    page = browser.get(_change(person)).content
    assert b"user_permissions" not in page and b'name="is_superuser"' not in page and b'name="is_staff"' not in page


def test_what_a_service_refuses_for_one_of_many_is_not_half_done() -> None:
    site = make.site()
    _, browser = _staff_of(site, role="admin")
    owner, viewer = make.member(site, "owner"), make.member(site, "viewer")
    chosen = {"action": "delete_selected", "_selected_action": [str(viewer.pk), str(owner.pk)], "post": "yes"}
    told = browser.post(reverse("admin:sites_membership_changelist"), chosen, follow=True)
    assert b"can decide on that role" in told.content
    assert Membership.everywhere.filter(pk__in=[owner.pk, viewer.pk]).count() == 2
    assert not Agent.everywhere.exists()
