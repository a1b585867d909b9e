"""The steps of signing in: a password, a second factor where there is one, and how often one may be wrong."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client

from common import clock
from common.errors import Invalid
from common.tenancy import CREW
from orchestrator import settings as ours
from sites import second_factor
from sites.api import sign_in
from sites.models import SecondFactor, User
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> User:
    return make.member(make.site(), who=make.user(is_staff=True)).user


def _password(browser: Client, user: User, password: str = make.PASSWORD, **more: Any) -> Any:
    return browser.post("/api/login", {"username": user.email, "password": password}, **more)


def _enrol(user: User) -> tuple[pyotp.TOTP, list[str]]:
    app = pyotp.parse_uri(second_factor.begin(user))
    # A step ago, so that the present code is still unused.
    codes = second_factor.confirm(user, app.at(time.time() - 30))
    return app, codes


def _is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def test_where_it_is_required_staff_enrol_before_they_are_in(staff: User, settings: Any) -> None:
    settings.STAFF_TWO_FACTOR = "required"
    browser = Client()
    first = browser.get("/admin/", follow=True)
    assert first.redirect_chain[-1][0] == "/api/login?next=%2Fadmin%2F"
    answer = browser.post(
        "/api/login?next=/admin/", {"username": staff.email, "password": make.PASSWORD, "next": "/admin/"}
    )
    assert answer["Location"] == "/api/second-factor/setup" and not _is_in(browser)
    assert browser.get("/api/me").status_code == 401 and browser.get("/admin/").status_code == 302
    page = browser.get("/api/second-factor/setup")
    assert page["Cache-Control"].startswith("max-age=0") and b"<svg" in page.content
    key = re.search(r'<code id="key">([A-Z2-7 ]+)</code>', page.content.decode())[1].replace(" ", "")
    wrong = browser.post("/api/second-factor/setup", {"code": "000000"})
    assert b'role="alert"' in wrong.content and not _is_in(browser)
    done = browser.post("/api/second-factor/setup", {"code": pyotp.TOTP(key).now()})
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", done.content.decode())
    assert len(codes) == len(set(codes)) == 10 and b'href="/admin/"' in done.content
    assert _is_in(browser) and browser.get("/admin/").status_code == 200


def test_a_key_that_was_shown_and_not_confirmed_is_not_the_one_of_another_day(staff: User) -> None:
    shown = second_factor.begin(staff)
    assert second_factor.begin(staff) == shown
    long_ago = clock.now() - second_factor.KEY_SHOWN_FOR - timedelta(seconds=1)
    SecondFactor.objects.filter(user_id=staff.pk).update(created_at=long_ago)
    later = second_factor.begin(staff)
    assert later != shown and second_factor.begin(staff) == later
    with pytest.raises(Invalid):
        second_factor.confirm(staff, pyotp.parse_uri(shown).now())
    assert len(second_factor.confirm(staff, pyotp.parse_uri(later).now())) == second_factor.RECOVERY_CODES


def test_an_email_that_only_looks_alike_in_capitals_is_another_persons() -> None:
    ours, theirs = make.site(), make.site()
    known = make.user("mike.s@example.com")
    for stranger in ("m\u0131ke.s@example.com", "mike.\u017f@example.com"):
        made = make.client(theirs).post("/api/users", {"email": stranger, "password": "a password of theirs"})
        assert made.status_code == 201, made.content
        assert not _is_in(_signed_in_by(known.email, "a password of theirs"))
    assert _is_in(_signed_in_by(known.email.upper(), make.PASSWORD))
    added = make.client(ours).post("/api/memberships", {"email": known.email, "role": "admin"})
    assert added.json()["user_id"] == str(known.pk)


def _signed_in_by(email: str, password: str) -> Client:
    browser = Client()
    browser.post("/api/login", {"username": email, "password": password})
    return browser


def test_who_has_one_is_asked_for_it_and_each_code_is_good_once(staff: User) -> None:
    app, codes = _enrol(staff)
    code = app.now()
    for used in (code, codes[0]):
        browser = Client()
        assert _password(browser, staff)["Location"] == "/api/second-factor" and not _is_in(browser)
        assert not _is_in(browser) and browser.get("/api/me").status_code == 401
        assert browser.post("/api/second-factor", {"code": used}).status_code == 302 and _is_in(browser)
        again = Client()
        _password(again, staff)
        refused = again.post("/api/second-factor", {"code": used})
        assert refused.status_code == 200 and b"used already" in refused.content and not _is_in(again)


def test_a_second_factor_without_a_password_opens_nothing(staff: User) -> None:
    app, _ = _enrol(staff)
    browser = Client()
    assert browser.post("/api/second-factor", {"code": app.now()})["Location"] == "/api/login"
    assert browser.get("/api/second-factor/setup")["Location"] == "/api/login"


def test_a_password_that_was_shown_long_ago_counts_no_more(staff: User) -> None:
    app, _ = _enrol(staff)
    browser = Client()
    _password(browser, staff)
    session = browser.session
    session["pending_sign_in"] = {**session["pending_sign_in"], "until": time.time() - 1}
    session.save()
    assert browser.post("/api/second-factor", {"code": app.now()})["Location"] == "/api/login" and not _is_in(browser)


def test_a_session_from_before_it_was_required_opens_no_admin(staff: User, settings: Any) -> None:
    browser = Client()
    _password(browser, staff)
    assert browser.get("/admin/").status_code == 200
    settings.STAFF_TWO_FACTOR = "required"
    assert browser.get("/admin/")["Location"].startswith("/api/login") and not _is_in(browser)


def test_who_is_no_staff_needs_none_and_may_have_one(settings: Any) -> None:
    settings.STAFF_TWO_FACTOR = "required"
    member = make.member(make.site()).user
    browser = Client()
    _password(browser, member)
    assert _is_in(browser) and browser.get("/admin/login/?next=/admin/").status_code == 403
    key = re.search(r'<code id="key">([A-Z2-7 ]+)<', browser.get("/api/second-factor/setup").content.decode())[1]
    app = pyotp.TOTP(key.replace(" ", ""))
    assert b"recovery codes" in browser.post("/api/second-factor/setup", {"code": app.at(time.time() - 30)}).content
    assert b'role="alert"' in browser.post("/api/second-factor/setup", {"wish": "remove", "code": "1"}).content
    browser.post("/api/second-factor/setup", {"wish": "remove", "code": app.now()})
    assert not second_factor.is_enrolled(member)


def test_codes_of_an_app_may_be_tried_ten_times(staff: User) -> None:
    app, _ = _enrol(staff)
    browser = Client()
    _password(browser, staff)
    answers = [browser.post("/api/second-factor", {"code": "000000"}).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
    right = browser.post("/api/second-factor", {"code": app.now()})
    assert right.status_code == 429 and int(right["Retry-After"]) > 0 and not _is_in(browser)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer tries than in life, because each takes a good hash's time."""
    monkeypatch.setattr(sign_in, "OF_ACCOUNT_THERE", replace(sign_in.OF_ACCOUNT_THERE, times=2))
    monkeypatch.setattr(sign_in, "OF_ADDRESS", replace(sign_in.OF_ADDRESS, times=4))


def test_a_password_may_be_wrong_so_often_from_an_address_and_others_go_on(staff: User, few: None) -> None:
    browser = Client()
    answers = [_password(browser, staff, "wrong").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    held = _password(browser, staff)
    assert held.status_code == 429 and "Retry-After" in held and b"Too many tries" in held.content
    assert _password(Client(), staff, REMOTE_ADDR="192.0.2.9").status_code == 302, "the account itself is not locked"
    other = make.member(make.site()).user
    assert _password(browser, other).status_code == 302, "nor is the address, so soon"


def test_an_address_that_tries_many_accounts_is_held_up_too(few: None) -> None:
    browser = Client()
    answers = [
        browser.post("/api/login", {"username": f"{n}@example.com", "password": "x"}).status_code for n in range(5)
    ]
    assert answers == [200] * 4 + [429]


def test_what_a_person_signs_in_with_is_sealed_and_no_requests_role_sees_it(staff: User) -> None:
    app, codes = _enrol(staff)
    with connections[CREW].cursor() as cursor:
        cursor.execute("SELECT sealed, t::text FROM sites_secondfactor t")
        sealed, text = cursor.fetchone()
    for secret in (app.secret, codes[0]):
        assert secret.encode() not in bytes(sealed) and secret not in text
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sites_secondfactor")
        assert cursor.fetchone() == (0,)
    assert SecondFactor.objects.count() == 1


def test_an_operator_lets_somebody_in_who_lost_everything(staff: User, capsys: pytest.CaptureFixture[str]) -> None:
    _enrol(staff)
    call_command("reset_second_factor", staff.email.upper())
    assert not second_factor.is_enrolled(staff) and "Removed" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("reset_second_factor", "nobody@example.com")


@pytest.mark.parametrize("path", ["/api/", "/api/login", "/api/docs", "/api/join", "/admin/"])
def test_every_page_says_what_it_may_load(path: str) -> None:
    browser = Client()
    browser.force_login(make.user(is_staff=True, is_superuser=True))
    page = browser.get(path, HTTP_ACCEPT="text/html", follow=True)
    said = page["Content-Security-Policy"]
    assert "'unsafe-inline'" not in said.partition("style-src")[0] and "frame-ancestors 'none'" in said
    assert ("'unsafe-eval'" in said) == (path == "/admin/")
    assert "<script>" not in page.content.decode(), "inline scripts do not run"


def test_over_https_cookies_are_secure_and_browsers_are_told_to_stay_there(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE = 31536000, True, True
    browser = Client()
    page = browser.get("/api/login", secure=True)
    assert page["Strict-Transport-Security"] == "max-age=31536000"
    assert page.cookies["csrftoken"]["secure"]
    answer = _password(browser, make.user(), secure=True)
    assert answer.cookies["sessionid"]["secure"] and answer.cookies["sessionid"]["httponly"]
    assert ours.STAFF_TWO_FACTOR == "optional", "on a loopback address, as the tests have"
