"""The admin: superusers see every site, other staff their own, and nobody a key's hash."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from sites import keys
from sites.models import Agent, ApiKey, AuditEntry, Membership, Site, User
from tests import make

pytestmark = pytest.mark.django_db

PAGES = ["site", "user", "membership", "agent", "apikey"]


@pytest.fixture
def operator() -> Client:
    """The browser of somebody who runs the platform and belongs to no site."""
    return _browser(make.user(is_staff=True, is_superuser=True))


def _browser(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def _staff_of(site: Site) -> Client:
    user = make.member(site, who=make.user(is_staff=True)).user
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="sites"))
    return _browser(user)


def _row(page: str, site: Site) -> object:
    match page:
        case "site":
            return site
        case "user":
            return make.member(site).user
        case "membership":
            return make.member(site)
        case "agent":
            return make.agent(site)
    return make.key(site)[0]


def _change(page: str, row: object) -> str:
    return reverse(f"admin:sites_{page}_change", args=[row.pk])


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_drawn(operator: Client, page: str) -> None:
    row = _row(page, make.site("Somewhere"))
    for path in (
        reverse(f"admin:sites_{page}_changelist"),
        reverse(f"admin:sites_{page}_changelist") + "?q=some",
        reverse(f"admin:sites_{page}_add"),
        _change(page, row),
        reverse(f"admin:sites_{page}_history", args=[row.pk]),
    ):
        assert operator.get(path).status_code == 200, path
    if page != "apikey":
        assert operator.get(reverse(f"admin:sites_{page}_delete", args=[row.pk])).status_code == 200
    assert operator.get(reverse("admin:index")).status_code == 200
    assert operator.get(reverse("admin:auth_group_changelist")).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_staff_of_a_site_see_and_choose_within_it(page: str) -> None:
    ours, theirs = make.site("Ours"), make.site("Theirs")
    mine, foreign = _row(page, ours), _row(page, theirs)
    browser = _staff_of(ours)
    listed = browser.get(reverse(f"admin:sites_{page}_changelist")).content
    assert str(mine.pk).encode() in listed and str(foreign.pk).encode() not in listed
    assert browser.get(_change(page, mine)).status_code == 200
    assert browser.get(_change(page, foreign)).status_code == 302
    assert browser.post(reverse(f"admin:sites_{page}_delete", args=[foreign.pk]), {"post": "yes"}).status_code in {
        302,
        403,
    }
    if page != "site":
        assert b"Theirs" not in browser.get(reverse(f"admin:sites_{page}_add")).content
    assert type(foreign)._base_manager.using("crew").filter(pk=foreign.pk).exists()


def test_staff_can_not_make_themselves_superusers() -> None:
    site = make.site()
    browser = _staff_of(site)
    me = User.objects.get(is_staff=True)
    fields = {"email": me.email, "name": "Me", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert browser.post(_change("user", me), fields).status_code == 302
    me.refresh_from_db()
    assert me.name == "Me" and not me.is_superuser
    boss = make.member(site, who=make.user(is_staff=True, is_superuser=True)).user
    assert browser.post(reverse("admin:auth_user_password_change", args=[boss.pk])).status_code == 403


def test_a_row_is_made_in_the_site_that_was_chosen(operator: Client) -> None:
    site = make.site()
    made = operator.post(
        reverse("admin:sites_agent_add"),
        {"for_site": str(site.pk), "name": "Ada", "description": "", "is_active": "on"},
    )
    assert made.status_code == 302
    agent = Agent.everywhere.get()
    assert (agent.site_id, agent.name) == (site.pk, "Ada")
    assert LogEntry.objects.get().object_id == str(agent.pk)
    assert b"Added" in operator.get(reverse("admin:sites_agent_history", args=[agent.pk])).content


def test_nobody_becomes_a_member_twice(operator: Client) -> None:
    site, user = make.site(), make.user()
    wanted = {"for_site": str(site.pk), "user": str(user.pk), "role": "viewer"}
    assert operator.post(reverse("admin:sites_membership_add"), wanted).status_code == 302
    again = operator.post(reverse("admin:sites_membership_add"), wanted)
    assert again.status_code == 200 and b"a member of this site already" in again.content
    assert Membership.everywhere.count() == 1


def test_a_person_is_made_with_an_email_in_lower_case(operator: Client) -> None:
    fields = {"email": "Ada@Example.com", "name": "Ada", "password1": make.PASSWORD, "password2": make.PASSWORD}
    assert operator.post(reverse("admin:sites_user_add"), fields).status_code == 302
    ada = User.objects.get(email="ada@example.com")
    assert ada.check_password(make.PASSWORD)
    page = reverse("admin:auth_user_password_change", args=[ada.pk])
    assert operator.get(page).status_code == 200
    other = {"password1": "another good one", "password2": "another good one", "usable_password": "true"}
    assert operator.post(page, other).status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("another good one")


def test_a_key_is_shown_once_and_its_hash_never(operator: Client) -> None:
    site = make.site()
    holder = make.member(site, "operator")
    wanted = {"for_site": str(site.pk), "name": "CI", "user": str(holder.user_id), "scopes": ["instances:read"]}
    made = operator.post(reverse("admin:sites_apikey_add"), wanted, follow=True)
    (secret,) = re.findall(rb"key[a-z2-7]{12}_[A-Za-z0-9_-]{43}", made.content)
    principal = keys.find_principal(secret.decode())
    assert (principal.site_id, principal.scopes) == (site.pk, {"instances:read"})
    row = ApiKey.everywhere.get()
    later = (
        operator.get(_change("apikey", row)).content + operator.get(reverse("admin:sites_apikey_changelist")).content
    )
    assert secret not in later and bytes(row.key_hash).hex().encode() not in later and b"key_hash" not in later


def test_a_key_that_the_service_refuses_is_not_made(operator: Client) -> None:
    site, stranger = make.site(), make.user()
    wanted = {"for_site": str(site.pk), "name": "CI", "user": str(stranger.pk)}
    refused = operator.post(reverse("admin:sites_apikey_add"), wanted, follow=True)
    assert b"Not a member of this site." in refused.content
    assert not ApiKey.everywhere.exists() and not LogEntry.objects.exists()


def test_chosen_keys_are_revoked_once_that_is_confirmed(operator: Client) -> None:
    row, secret = make.key(make.site())
    chosen = {"action": "revoke", "_selected_action": [str(row.pk)]}
    asked = operator.post(reverse("admin:sites_apikey_changelist"), chosen)
    assert b"for good" in asked.content and keys.find_principal(secret)
    operator.post(reverse("admin:sites_apikey_changelist"), {**chosen, "confirmed": "yes"}, follow=True)
    with pytest.raises(keys.NotSignedIn):
        keys.find_principal(secret)


def test_one_key_is_revoked_from_its_page_which_saves_nothing(operator: Client) -> None:
    row, secret = make.key(make.site())
    page = operator.get(_change("apikey", row)).content
    order = reverse("admin:sites_apikey_order", args=[row.pk, "revoke"])
    assert order.encode() in page and b'name="_save"' not in page
    assert b"for good" in operator.get(order).content and keys.find_principal(secret)
    told = operator.post(order, follow=True)
    assert b"Revoke: asked for" in told.content and order.encode() not in told.content
    with pytest.raises(keys.NotSignedIn):
        keys.find_principal(secret)


def test_a_change_in_the_admin_ends_a_remembered_key(operator: Client) -> None:
    site = make.site("Open")
    _, secret = make.key(site)
    assert keys.find_principal(secret)
    closed = operator.post(_change("site", site), {"name": "Closed", "time_zone": "UTC"})
    assert closed.status_code == 302
    with pytest.raises(keys.NotSignedIn):
        keys.find_principal(secret)


QUERIES = ["name__regex=(", "created_at__year=999999999999", "prefix__regex=((", "scopes__contains=x", "id__exact=none"]


@pytest.mark.parametrize("query", QUERIES)
def test_a_filter_that_makes_no_sense_is_told_so(operator: Client, query: str) -> None:
    make.key(make.site())
    told = operator.get(f"{reverse('admin:sites_apikey_changelist')}?{query}", follow=True)
    assert told.status_code == 200 and told.redirect_chain
    assert b"makes no sense" in told.content or b"e=1" in told.redirect_chain[-1][0].encode()


def test_an_email_that_somebody_of_another_site_has_is_told_to_clash() -> None:
    site, taken = make.site(), make.member(make.site()).user
    person = make.member(site, "viewer").user
    fields = {"email": taken.email, "name": "Taken", "is_active": "on"}
    told = _staff_of(site).post(_change("user", person), fields, follow=True)
    assert told.status_code == 200 and b"clashes with what is there" in told.content
    assert User.objects.get(pk=person.pk).name == person.name


def test_a_site_gets_no_time_zone_that_there_is_not(operator: Client) -> None:
    site = make.site()
    fields = {"name": "Renamed", "is_active": "on", "quota_per_type": "{}"}
    refused = operator.post(_change("site", site), {**fields, "time_zone": "Mars/Olympus"})
    assert refused.status_code == 200 and b"No such time zone" in refused.content
    assert operator.post(_change("site", site), {**fields, "time_zone": "Europe/Berlin"}).status_code == 302
    assert Site.objects.using("crew").get(pk=site.pk).time_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        *((empty, {}) for empty in ("", "{}", "[]", "null")),
        ('{"windows": 5}', {"windows": 5}),
        *((bad, None) for bad in ("[" * 9_999, '{"\\ud800": 1}', "[1]", "5")),
    ],
)
def test_quotas_are_numbers_by_name_or_are_refused(operator: Client, typed: str, kept: dict[str, int] | None) -> None:
    site = make.site(quota_per_type={"ubuntu": 1})
    fields = {"name": "Renamed", "is_active": "on", "time_zone": "UTC", "quota_per_type": typed}
    assert operator.post(_change("site", site), fields).status_code == (200 if kept is None else 302)
    assert Site.objects.using("crew").get(pk=site.pk).quota_per_type == ({"ubuntu": 1} if kept is None else kept)


@pytest.mark.parametrize("old", [make.PASSWORD, "not this one"])
def test_a_password_of_ones_own_is_changed_by_the_old_one_and_leaves_an_entry(old: str) -> None:
    site = make.site()
    person = make.member(site, "viewer", who=make.user(is_staff=True)).user
    wanted = {"old_password": old, "new_password1": "another good one", "new_password2": "another good one"}
    done = _browser(person).post(reverse("admin:password_change"), wanted)
    assert done.status_code == (302 if old == make.PASSWORD else 200)
    person.refresh_from_db()
    assert person.check_password("another good one") is (old == make.PASSWORD)
    written = AuditEntry.everywhere.filter(site=site, user_id=person.pk, action="password_changed")
    assert written.exists() is (old == make.PASSWORD)


def test_a_stranger_does_not_get_in() -> None:
    for browser in (Client(), _browser(make.member(make.site()).user)):
        assert browser.get(reverse("admin:sites_site_changelist")).status_code == 302
