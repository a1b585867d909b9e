"""A POST that is sent twice with the same Idempotency-Key is done once, and answered twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from rest_framework.test import APIClient

from common import clock
from common.tenancy import CREW
from instances.models import Instance
from sites import idempotency, members, services, tasks
from sites.models import Agent, ApiKey, KeptAnswer, Site
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return make.site()


def _post(client: APIClient, key: str, body: Any, path: str = "/api/agents", **headers: str) -> Any:
    return client.post(path, body, headers={"Idempotency-Key": key, **headers})


def test_the_same_key_and_body_get_the_same_answer_and_one_row(site: Site) -> None:
    client = make.client(site)
    body = {"name": "Ada", "description": "counts"}
    first = _post(client, "a-1", body)
    again = client.generic(
        "POST",
        "/api/agents/",
        b'{"description": "counts",   "name": "Ada"}',
        "application/json",
        headers={"Idempotency-Key": "a-1"},
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first.headers
    kept = ("Content-Type", "ETag", "Allow")
    assert [again.headers.get(name) for name in kept] == [first.headers.get(name) for name in kept]
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert Agent.everywhere.count() == 1


def test_another_body_is_a_conflict_and_changes_nothing(site: Site) -> None:
    client = make.client(site)
    _post(client, "a-1", {"name": "Ada"})
    answer = _post(client, "a-1", {"name": "Grace"})
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert Agent.everywhere.get().name == "Ada"


def test_a_key_is_of_one_site_caller_and_route(site: Site) -> None:
    ours, beside, elsewhere = make.client(site), make.client(site), make.client(make.site())
    for client in (ours, beside, elsewhere):
        assert _post(client, "same", {"name": "Ada"}).status_code == 201
    assert _post(ours, "same", {"name": "Ada"}, path="/api/instances").status_code == 201
    assert (Agent.everywhere.count(), Instance.everywhere.count()) == (3, 1)


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "ü", "tab\there"])
def test_what_is_no_key_is_refused(site: Site, key: str) -> None:
    answer = _post(make.client(site), key, {"name": "Ada"})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert _post(make.client(site), "x" * 255, {"name": "Ada"}).status_code == 201


def test_a_refusal_is_kept_and_what_asks_to_come_back_is_not(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make.client(site)
    refusals = [_post(client, "bad", {"name": ""}) for _ in range(2)]
    assert [answer.status_code for answer in refusals] == [400, 400]
    assert "Idempotency-Replayed" in refusals[1].headers and refusals[0].content == refusals[1].content

    def busy(*_: Any, **__: Any) -> None:
        raise OperationalError("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(services, "create_agent", busy)
        assert _post(client, "later", {"name": "Ada"}).status_code == 503
    assert _post(client, "later", {"name": "Ada"}).status_code == 201


def test_who_may_not_is_refused_anew_each_time(site: Site) -> None:
    membership = make.member(site, "viewer")
    client = make.client(site, membership=membership)
    assert _post(client, "k", {"name": "Ada"}).status_code == 403
    members.change_role(make.principal(site), membership, role="operator")
    assert _post(client, "k", {"name": "Ada"}).status_code == 201


def test_twins_in_flight_make_one_row_and_get_one_answer(site: Site) -> None:
    _, secret = make.key(site)
    crowd = 8
    together = threading.Barrier(crowd)

    def send(_: int) -> Any:
        together.wait(10)
        try:
            return _post(make.client_with(secret), "twin", {"name": "Ada"}, path="/api/instances")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(crowd) as pool:
        answers = list(pool.map(send, range(crowd)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == crowd - 1
    assert Instance.everywhere.count() == 1


def _taken(site: Site, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that took its key and never came back: its process was killed."""

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(services, "create_agent", die)
        patch.setattr(idempotency, "release", lambda attempt: None)
        _post(make.client_with(secret), "k", {"name": "Ada"})


def test_a_twin_waits_for_a_moment_and_is_told_to_come_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAIT_S", 0.1)
    _, secret = make.key(site)
    _taken(site, secret, monkeypatch)
    answer = _post(make.client_with(secret), "k", {"name": "Ada"})
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_IN_FLIGHT")
    assert answer.headers["Retry-After"] == "1"
    other = _post(make.client_with(secret), "k", {"name": "Grace"})
    assert other.json()["code"] == "IDEMPOTENCY_CONFLICT"


def test_a_crash_in_the_middle_leaves_nothing_and_frees_the_key(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = make.key(site)
    _taken(site, secret, monkeypatch)
    assert not Agent.everywhere.exists()
    monkeypatch.setattr(clock, "now", lambda now=clock.now: now() + timedelta(seconds=61))
    assert _post(make.client_with(secret), "k", {"name": "Ada"}).status_code == 201
    assert Agent.everywhere.count() == 1


def test_who_lost_the_lease_cannot_finish(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = make.key(site)
    create = services.create_agent

    def slow(*given: Any, **wanted: Any) -> Agent:
        made = create(*given, **wanted)
        KeptAnswer.everywhere.update(holder=make.new_id())
        return made

    monkeypatch.setattr(services, "create_agent", slow)
    answer = _post(make.client_with(secret), "k", {"name": "Ada"})
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_IN_FLIGHT")
    assert not Agent.everywhere.exists()


def test_answers_are_forgotten_after_a_day(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make.client(site)
    _post(client, "k", {"name": "Ada"})
    assert tasks.forget_answers() == 0
    tomorrow = clock.now() + timedelta(hours=24, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert _post(client, "k", {"name": "Grace"}).status_code == 201  # not yet swept, and worth nothing all the same
    assert (Agent.everywhere.count(), KeptAnswer.everywhere.count()) == (2, 1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow + timedelta(hours=24, seconds=1))
    assert tasks.forget_answers() == 1
    assert not KeptAnswer.everywhere.exists()


def test_a_key_that_is_shown_once_is_shown_to_its_maker_again_and_kept_sealed(site: Site) -> None:
    client = make.client(site)
    first, again = (_post(client, "k", {"name": "robot"}, path="/api/keys") for _ in range(2))
    secret = first.json()["api_key"]
    assert again.json()["api_key"] == secret and again.headers["Cache-Control"] == "no-store"
    with connections[CREW].cursor() as cursor:
        cursor.execute("SELECT row_to_json(kept)::text, convert_from(answer, 'UTF8') FROM sites_keptanswer kept")
        (row, sealed) = cursor.fetchone()
    assert secret not in row and secret not in sealed
    assert ApiKey.everywhere.filter(name="robot").count() == 1
    assert _post(make.client(site), "k", {"name": "robot"}, path="/api/keys").json()["api_key"] != secret


def test_a_ticket_is_answered_again_and_too_large_an_answer_is_not(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make.client(site)
    first, again = (_post(client, "k", {}, path="/api/tickets") for _ in range(2))
    assert first.json() == again.json()
    monkeypatch.setattr(idempotency, "LARGEST_ANSWER", 10)
    assert _post(client, "large", {"name": "Ada"}).status_code == 201
    refused = _post(client, "large", {"name": "Ada"})
    assert (refused.status_code, refused.json()["code"]) == (409, "IDEMPOTENCY_ANSWER_NOT_KEPT")
    assert Agent.everywhere.count() == 1


def test_without_a_key_nothing_is_asked_of_the_database(
    site: Site, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make.client(site)
    client.post("/api/tickets")  # the key is remembered by it
    with django_assert_num_queries(0):
        assert client.post("/api/tickets").status_code == 201
    assert not KeptAnswer.everywhere.exists()
