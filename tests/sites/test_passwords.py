"""Password resets: the same answer for everybody, and a token that works once."""

from __future__ import annotations

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core import mail
from django.core.mail import send_mail
from django.db import connections
from django.test import Client

from common.errors import Invalid
from common.tenancy import CREW
from sites import mailing, passwords, tasks
from sites.models import User
from tests import make

pytestmark = pytest.mark.django_db
TOKEN = re.compile(r"/api/reset#(\S+)")
NEW = "a wholly new password"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The emails that a worker was told."""
    told: list[str] = []
    monkeypatch.setattr(tasks.mail_reset, "delay", told.append)
    return told


def _post(path: str, body: dict[str, Any], **options: Any) -> Any:
    return Client().post(f"/api/password-resets{path}", body, "application/json", **options)


def _mailed(email: str) -> str:
    mailing.mail_reset(email)
    found = TOKEN.search(mail.outbox[-1].body)
    assert found is not None
    return found[1]


def test_the_answer_is_the_same_whoever_has_the_email(asked: list[str]) -> None:
    user = make.user()
    answers = [_post("", {"email": email}) for email in (user.email.upper(), "nobody@example.com")]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    assert asked == [user.email, "nobody@example.com"]


def test_only_people_who_may_sign_in_are_mailed() -> None:
    gone = make.user(is_active=False)
    for email in ("nobody@example.com", gone.email):
        mailing.mail_reset(email)
    assert mail.outbox == []
    known = make.user()
    _mailed(known.email.upper())
    assert mail.outbox[-1].to == [known.email]


def test_the_token_sets_a_password_once_and_ends_the_sessions() -> None:
    user = make.member(make.site()).user
    browser = Client()
    browser.force_login(user)
    first, second = _mailed(user.email), _mailed(user.email)
    assert browser.get("/api/me").status_code == 200
    weak = _post("/confirm", {"token": first, "password": "password123"})
    assert weak.status_code == 400 and "password" in weak.json()["details"]["fields"]
    assert _post("/confirm", {"token": first, "password": NEW}).status_code == 204
    for token in (first, second):
        spent = _post("/confirm", {"token": token, "password": "yet another one"})
        assert (spent.status_code, spent.json()["code"]) == (400, "TOKEN_INVALID")
    user.refresh_from_db(using=CREW)
    assert user.check_password(NEW)
    assert browser.get("/api/me").status_code == 401
    signed_in = Client().post("/api/login", {"username": user.email, "password": NEW})
    assert signed_in.status_code == 302


def test_of_many_who_show_one_token_at_once_one_is_heard() -> None:
    user = make.user()
    token = _mailed(user.email)
    with ThreadPoolExecutor(4) as crowd:
        heard = list(crowd.map(lambda number: _confirmed(token, f"password number {number}"), range(6)))
    assert sum(heard) == 1


def _confirmed(token: str, password: str) -> bool:
    try:
        passwords.confirm_reset(token, password)
    except Invalid:
        return False
    finally:
        connections.close_all()
    return True


def test_unknown_foreign_and_late_tokens_are_refused_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    user, other = make.user(), make.user()
    token = _mailed(user.email)
    secret = token.partition(".")[2]
    wrong = ["x", "", f"{other.pk}.{secret}", f"{make.new_id()}.{secret}", f"{user.pk}.", f"{user.pk}.x-y"]
    with monkeypatch.context() as later:
        later.setattr(type(default_token_generator), "_now", lambda self: _two_hours_ahead())
        answers = [_post("/confirm", {"token": token, "password": NEW})]
    answers += [_post("/confirm", {"token": text, "password": NEW}) for text in wrong if text]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(400, "TOKEN_INVALID")}
    user.refresh_from_db(using=CREW)
    assert user.check_password(make.PASSWORD)


def _two_hours_ahead() -> datetime:
    return datetime.now() + timedelta(hours=2)  # noqa: DTZ005 (Django's own counts without a zone)


def test_a_person_without_a_password_can_set_their_first() -> None:
    user = User.objects.create_user("first@example.com")
    assert _post("/confirm", {"token": _mailed(user.email), "password": NEW}).status_code == 204


def test_asking_and_guessing_are_limited(asked: list[str]) -> None:
    for _ in range(5):
        assert _post("", {"email": "a@example.com"}).status_code == 202
    assert _post("", {"email": "A@example.com "}).status_code in (400, 429)
    assert _post("", {"email": "a@example.com"}, REMOTE_ADDR="10.0.0.9").status_code == 429
    for number in range(30):
        _post("", {"email": f"{number}@example.com"}, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=f"1.1.1.{number}")
    assert _post("", {"email": "z@example.com"}, REMOTE_ADDR="10.0.0.1").status_code == 429
    assert _post("", {"email": "z@example.com"}, REMOTE_ADDR="10.0.0.2").status_code == 202
    for _ in range(60):
        _post("/confirm", {"token": "x", "password": NEW})
    assert _post("/confirm", {"token": "x", "password": NEW}).status_code == 429


def test_a_mail_server_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise SMTPServerDisconnected("no server")

    again: list[dict[str, Any]] = []
    monkeypatch.setattr(mailing, "send_mail", away)
    monkeypatch.setattr(tasks.mail_reset, "retry", lambda **how: again.append(how) or RuntimeError("again"))
    with pytest.raises(RuntimeError, match="again"):
        tasks.mail_reset(make.user().email)
    assert again[0]["countdown"] == 10


def test_without_a_mail_server_letters_lie_in_a_private_folder(tmp_path: Path, settings: Any) -> None:
    settings.EMAIL_BACKEND = "common.mail.PrivateFileBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    send_mail("Subject", "the token", None, ["a@example.com"])
    folder = tmp_path / "mail"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (letter,) = folder.iterdir()
    assert "the token" in letter.read_text()


@pytest.mark.parametrize("page", ["join", "forgot", "reset"])
def test_the_pages_that_letters_lead_to_are_there(page: str) -> None:
    shown = Client().get(f"/api/{page}")
    assert shown.status_code == 200 and b"<form" in shown.content
