"""The doors as a production deployment has them: by its own settings and server, with nothing set by a test."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx
import pytest
from django.test import Client

from infra.deployment import Deployment
from sites.models import User
from tests import make
from tests.realtime.served import PROJECT, Web

pytestmark = pytest.mark.django_db

HOST = "desks.example.com"


@pytest.fixture(scope="module")
def web(services: Deployment, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    settings = {"PUBLIC_URL": f"https://{HOST}", "ALLOWED_HOSTS": HOST, "TRUSTED_PROXIES": "1"}
    settings |= {"RATE_LIMITS": "on", "RATE_LIMIT_FAILURES": "5/60"}
    web = Web(tmp_path_factory.mktemp("web"), PROJECT, **settings)
    yield web
    web.stop()


@pytest.fixture
def proxy(web: Web) -> Iterator[httpx.Client]:
    """What stands in front and ends TLS. It keeps no cookies, for those are for https only."""
    said = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7", "Referer": f"https://{HOST}/"}
    with httpx.Client(base_url=web.url, headers=said, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def staff(db: None) -> User:
    return make.member(make.site(), who=make.user(is_staff=True)).user


def _cookies(answer: httpx.Response) -> SimpleCookie:
    kept: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        kept.load(line)
    return kept


def _header(cookies: SimpleCookie) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}


def _sign_in(proxy: httpx.Client, user: User) -> httpx.Response:
    cookies = _cookies(proxy.get("/api/login"))
    fields = {"username": user.email, "password": make.PASSWORD, "csrfmiddlewaretoken": cookies["csrftoken"].value}
    return proxy.post("/api/login", data=fields, headers=_header(cookies))


def test_a_browser_is_told_to_stay_with_https_and_to_run_our_scripts_alone(proxy: httpx.Client, db: None) -> None:
    page = proxy.get("/api/login")
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    assert "default-src" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY" and page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin" and "server" not in page.headers


def test_cookies_are_for_https_and_for_no_script(proxy: httpx.Client, db: None) -> None:
    answer = _sign_in(proxy, make.member(make.site()).user)
    session = _cookies(answer)["sessionid"]
    assert answer.status_code == 302
    assert session["secure"] and session["httponly"] and session["samesite"] == "Lax"
    assert _cookies(proxy.get("/api/login"))["csrftoken"]["secure"]


def test_staff_come_in_by_two_factors_and_an_old_session_opens_no_admin(proxy: httpx.Client, staff: User) -> None:
    answer = _sign_in(proxy, staff)
    assert answer.headers["location"] == "/api/second-factor/setup"
    old = Client()
    old.force_login(staff)
    for cookies in (_cookies(answer), old.cookies):
        refused = proxy.get("/admin/", headers=_header(cookies))
        assert refused.status_code == 302 and "/login" in refused.headers["location"]


def test_a_form_from_elsewhere_signs_nobody_in(proxy: httpx.Client, staff: User) -> None:
    fields = {"username": staff.email, "password": make.PASSWORD}
    assert proxy.post("/api/login", data=fields).status_code == 403
    assert proxy.get("/api/login", headers={"Host": "evil.example.com"}).status_code == 400


def test_who_guesses_keys_is_held_up_and_others_are_not(proxy: httpx.Client, db: None) -> None:
    _, secret = make.key(make.site())
    guesses = {"Authorization": "Bearer keyabcdefghijkl_" + "x" * 43}
    answers = [proxy.get("/api/me", headers=guesses).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    elsewhere = {"Authorization": f"Bearer {secret}", "X-Forwarded-For": "192.0.2.8"}
    assert proxy.get("/api/me", headers=elsewhere).status_code == 200
