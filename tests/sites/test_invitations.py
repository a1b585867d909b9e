"""Invitations: by mail, for one person, once, and never into a role above the inviter's."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import connections
from django.test import Client
from django.urls import reverse

from common import clock
from common.errors import Invalid
from sites import invitations, mailing, members, tasks
from sites.models import Invitation, Membership, Site, User
from tests import make

pytestmark = pytest.mark.django_db
ACCEPT = "/api/invitations/accept"
TOKEN = re.compile(r"/api/join#(\S+)")


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters are mailed where a test says so."""
    monkeypatch.setattr(tasks, "mail_soon", lambda _: None)


def _invited(site: Site, email: str = "new@example.com", role: str = "viewer", *, by: Any = None) -> str:
    """The token that was mailed."""
    client = by or make.client(site, "admin")
    made = client.post("/api/invitations", {"email": email, "role": role})
    assert made.status_code == 201, made.content
    mailing.mail_invitation(made.json()["id"])
    return _token()


def _token() -> str:
    found = TOKEN.search(mail.outbox[-1].body)
    assert found is not None
    return found[1]


def _accept(token: str, **body: Any) -> Any:
    return Client().post(ACCEPT, {"token": token, **body}, "application/json")


def test_somebody_new_joins_by_the_letter_and_signs_in() -> None:
    site = make.site("Ours\nand <b>mine</b>")
    token = _invited(site, "New@Example.com", "operator")
    letter = mail.outbox[-1]
    assert (letter.to, letter.subject) == (["new@example.com"], "Invitation to Ours and <b>mine</b>")
    inviter = User.objects.get(pk=Invitation.everywhere.get().invited_by_id).email
    assert f"{inviter} invites you to Ours and <b>mine</b>, as Operator." in letter.body
    joined = _accept(token, name="Neo", password=make.PASSWORD)
    assert joined.status_code == 201, joined.content
    assert (joined.json()["site_id"], joined.json()["role"]) == (str(site.pk), "operator")
    person = User.objects.get(email="new@example.com")
    assert (str(person.pk), person.name) == (joined.json()["user_id"], "Neo")
    assert person.check_password(make.PASSWORD)
    (shown,) = make.client(site, "admin").get("/api/invitations").json()["results"]
    assert (shown["status"], shown["email"]) == ("accepted", "new@example.com")


def test_a_person_known_elsewhere_joins_with_the_account_they_have() -> None:
    site, known = make.site(), make.member(make.site()).user
    token = _invited(site, known.email.upper())
    with_password = _accept(token, password="another good one")
    assert with_password.status_code == 400 and "password" in with_password.json()["details"]["fields"]
    assert _accept(token).status_code == 201
    assert Membership.everywhere.filter(site=site, user=known, role="viewer").exists()
    known.refresh_from_db(using="crew")
    assert known.check_password(make.PASSWORD)


@pytest.mark.parametrize("made", [True, False], ids=["made by others", "with a password set by others"])
def test_who_knows_somebody_elses_password_does_not_come_in_with_them(made: bool) -> None:
    ours, theirs = make.site("Ours"), make.site("Theirs")
    if made:
        body = {"email": "new@example.com", "password": make.PASSWORD}
        assert make.client(theirs).post("/api/users", body).status_code == 201
    else:
        person = make.member(theirs, "viewer", who=make.user("new@example.com")).user
        _password_set_by_staff_of(theirs, person)
    thief = _signed_in()
    added = make.client(ours).post("/api/memberships", {"email": "new@example.com"})
    assert (added.status_code, added.json()["code"]) == (409, "PASSWORD_BY_OTHERS")
    token = _invited(ours)
    assert "password" in _accept(token).json()["details"]["fields"]
    assert _accept(token, password="one of their own").status_code == 201
    assert [thief.get("/api/me").status_code, _signed_in().get("/api/me").status_code] == [401, 401]
    assert _signed_in("one of their own").get("/api/me", headers={"X-Site": str(ours.pk)}).status_code == 200
    assert make.client(make.site()).post("/api/memberships", {"email": "new@example.com"}).status_code == 201


def _password_set_by_staff_of(site: Site, person: User) -> None:
    staff = make.member(site, who=make.user(is_staff=True)).user
    staff.user_permissions.set(Permission.objects.filter(content_type__app_label="sites"))
    browser = Client()
    browser.force_login(staff)
    wanted = {"password1": make.PASSWORD, "password2": make.PASSWORD, "usable_password": "true"}
    done = browser.post(reverse("admin:auth_user_password_change", args=[person.pk]), wanted)
    assert done.status_code == 302, done.content


def _signed_in(password: str = make.PASSWORD) -> Client:
    browser = Client()
    browser.post("/api/login", {"username": "new@example.com", "password": password})
    return browser


def test_a_token_lets_in_once() -> None:
    token = _invited(make.site())
    with ThreadPoolExecutor(4) as crowd:
        answers = list(crowd.map(lambda _: _taken(token), range(8)))
    assert sum(answers) == 1
    assert Membership.everywhere.filter(user__email="new@example.com").count() == 1


def _taken(token: str) -> bool:
    try:
        invitations.accept(token, password=make.PASSWORD)
    except Invalid as refused:
        assert refused.code == "TOKEN_INVALID"
        return False
    finally:
        connections.close_all()
    return True


def test_unknown_spent_withdrawn_superseded_and_late_tokens_get_the_same_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = make.site()
    admin = make.client(site, "admin")
    first = _invited(site, by=admin)
    spent = _invited(site, "spent@example.com", by=admin)
    assert _accept(spent, password=make.PASSWORD).status_code == 201
    second = _invited(site, by=admin)
    withdrawn = _invited(site, "gone@example.com", by=admin)
    for row in admin.get("/api/invitations?email=gone@example.com").json()["results"]:
        assert admin.delete(f"/api/invitations/{row['id']}").status_code == 204
        assert admin.delete(f"/api/invitations/{row['id']}").status_code == 204
    late = _invited(site, "late@example.com", by=admin)
    Invitation.everywhere.filter(email="late@example.com").update(expires_at=clock.now() - timedelta(seconds=1))
    answers = [_accept(token, password=make.PASSWORD) for token in ("unknown", "\udcff", first, spent, withdrawn, late)]
    assert {answer.status_code for answer in answers} == {400}
    assert {answer.json()["code"] for answer in (answers[0], *answers[2:])} == {"TOKEN_INVALID"}
    assert len({answer.json()["error"] for answer in (answers[0], *answers[2:])}) == 1
    assert _accept(second, password=make.PASSWORD).status_code == 201
    statuses = {row["email"]: row["status"] for row in admin.get("/api/invitations").json()["results"]}
    assert (statuses["gone@example.com"], statuses["late@example.com"]) == ("revoked", "expired")


@pytest.mark.parametrize(("role", "may"), [("viewer", 201), ("admin", 201), ("owner", 403)])
def test_nobody_is_invited_above_the_inviter(role: str, may: int) -> None:
    asked = make.client(make.site(), "admin").post("/api/invitations", {"email": "x@example.com", "role": role})
    assert asked.status_code == may


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_manage_people_sees_and_sends_no_invitations(role: str) -> None:
    site = make.site()
    _invited(site)
    client = make.client(site, role)
    row = Invitation.everywhere.get()
    assert client.get("/api/invitations").status_code == 403
    assert client.post("/api/invitations", {"email": "x@example.com"}).status_code == 403
    assert client.delete(f"/api/invitations/{row.pk}").status_code == 403


@pytest.mark.parametrize("change", ["removed", "demoted", "disabled"])
def test_an_invitation_ends_with_its_inviters_place(change: str) -> None:
    site = make.site()
    owner, inviter = make.principal(site), make.member(site, "admin")
    token = _invited(site, role="admin", by=make.client(site, membership=inviter))
    if change == "removed":
        members.remove_member(owner, inviter)
    elif change == "disabled":
        User.objects.filter(pk=inviter.user_id).update(is_active=False)
    else:
        members.change_role(owner, inviter, role="operator")
    assert _accept(token, password=make.PASSWORD).json()["code"] == "TOKEN_INVALID"
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_member_is_not_invited_and_a_weak_password_spends_no_token() -> None:
    site = make.site()
    client = make.client(site, "admin")
    here = make.member(site).user
    assert client.post("/api/invitations", {"email": here.email}).json()["code"] == "ALREADY_MEMBER"
    token = _invited(site, by=client)
    for password in (None, "short", "password123"):
        body = {} if password is None else {"password": password}
        assert _accept(token, **body).status_code == 400
    assert _accept(token, password=make.PASSWORD).status_code == 201


def test_neither_row_nor_answer_nor_list_holds_the_token() -> None:
    site = make.site()
    client = make.client(site, "admin")
    token = _invited(site, by=client)
    row = Invitation.everywhere.get()
    assert bytes(row.token_hash) == mailing.digest(token)
    shown = client.get("/api/invitations").content + client.get(f"/api/invitations/{row.pk}").content
    assert token.encode() not in shown and b"hash" not in shown


def test_a_letter_that_could_not_be_sent_is_tried_again_and_only_the_last_token_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = make.site()
    made = make.client(site, "admin").post("/api/invitations", {"email": "new@example.com"}).json()
    with monkeypatch.context() as broken:
        broken.setattr(mailing, "send_mail", _no_server)
        mailing.mail_invitation(made["id"])
    row = Invitation.everywhere.get()
    assert (row.mailed_at, row.mail_attempts) == (None, 1) and row.mail_due_at > clock.now()
    assert mailing.due_invitations() == []
    mailing.mail_invitation(row.pk)
    assert mail.outbox == []
    Invitation.everywhere.update(mail_due_at=clock.now())
    assert mailing.due_invitations() == [row.pk]
    mailing.mail_invitation(row.pk)
    mailing.mail_invitation(row.pk)
    assert len(mail.outbox) == 1
    row.refresh_from_db(using="crew")
    assert row.mailed_at is not None and row.mail_due_at is None
    assert _accept(_token(), password=make.PASSWORD).status_code == 201


def test_a_letter_is_given_up_after_six_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make.client(make.site(), "admin").post("/api/invitations", {"email": "new@example.com"}).json()
    monkeypatch.setattr(mailing, "send_mail", _no_server)
    for attempt in range(1, mailing.ATTEMPTS + 1):
        mailing.mail_invitation(made["id"])
        row = Invitation.everywhere.get()
        assert row.mail_attempts == attempt
        if row.mail_due_at is not None:
            Invitation.everywhere.update(mail_due_at=clock.now())
    assert row.mail_due_at is None and row.mailed_at is None


def _no_server(*_: Any) -> None:
    raise SMTPServerDisconnected("no server")


def test_a_letter_box_is_not_flooded() -> None:
    for _ in range(10):
        assert make.client(make.site(), "admin").post("/api/invitations", {"email": "x@y.org"}).status_code == 201
    refused = make.client(make.site(), "admin").post("/api/invitations", {"email": "X@y.org"})
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
