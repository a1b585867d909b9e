"""How often anybody may ask: by key, site and address, over REST and sockets; and nobody waits for a lost Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.test import AsyncClient
from rest_framework.test import APIClient

from common import bars, origin, windows
from common.errors import NotSignedIn, TooMany
from common.realtime.credentials import Credentials
from instances.models import Instance
from orchestrator import frontdoor
from sites import keys, limits
from sites.doorkeeper import MembersOnly
from sites.limits import RateLimited
from sites.models import Agent, Site
from tests import make

pytestmark = pytest.mark.django_db

WIDE = (1000, 60)


@pytest.fixture
def site() -> Site:
    return make.site()


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`limited(key=(3, 60))`: these limits and wide ones beside them."""

    def set_limits(**chosen: tuple[int, int]) -> None:
        names = ("key", "site", "address", "anonymous", "failures")
        monkeypatch.setattr(settings, "RATE_LIMITS", {name: chosen.get(name, WIDE) for name in names})

    yield set_limits
    bars._bars.clear()
    limits._barred.clear()
    keys.forget()


def _statuses(client: APIClient, times: int, path: str = "/api/me", **sent: Any) -> list[int]:
    return [client.get(path, **sent).status_code for _ in range(times)]


def test_a_key_that_asks_too_often_is_told_when_to_come_back(site: Site, limited: Any) -> None:
    limited(key=(3, 60))
    client, other = make.client(site), make.client(site)
    good = client.get("/api/me")
    assert good.headers["RateLimit-Policy"] == '"key";q=3;w=60, "site";q=1000;w=60, "address";q=1000;w=60'
    assert (good.headers["RateLimit-Limit"], good.headers["RateLimit-Remaining"]) == ("3", "2")
    assert _statuses(client, 2) == [200, 200]
    refused = client.get("/api/me")
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert refused.json()["details"] == {"by": "key", "limit": 3, "window_s": 60}
    assert 1 <= int(refused.headers["Retry-After"]) <= 66
    assert refused.headers["RateLimit-Remaining"] == "0" and int(refused.headers["RateLimit-Reset"]) > 0
    assert other.get("/api/me").status_code == 200


@pytest.mark.parametrize("path", ["/api/instances", "/api/agents", "/api/me"])
def test_every_way_counts_once(site: Site, limited: Any, path: str) -> None:
    limited(key=(5, 60))
    client = make.client(site)
    left = [client.get(path).headers["RateLimit-Remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    assert client.get(path).status_code == 429


def test_what_is_refused_does_nothing(site: Site, limited: Any) -> None:
    limited(key=(1, 60))
    client = make.client(site)
    answers = [client.post("/api/agents", {"name": "a"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 429]
    assert Agent.everywhere.count() == 1 and not Instance.everywhere.exists()


def test_a_site_is_limited_over_all_its_keys_and_no_other_site_is(site: Site, limited: Any) -> None:
    limited(site=(3, 60))
    first, second, elsewhere = make.client(site), make.client(site), make.client(make.site())
    assert _statuses(first, 2) + _statuses(second, 2) == [200, 200, 200, 429]
    assert second.get("/api/me").json()["details"]["by"] == "site"
    assert _statuses(elsewhere, 2) == [200, 200]


def test_an_address_is_limited_over_all_its_keys(site: Site, limited: Any) -> None:
    limited(address=(2, 60))
    clients = [make.client(site) for _ in range(3)]
    assert [client.get("/api/me", REMOTE_ADDR="192.0.2.7").status_code for client in clients] == [200, 200, 429]
    assert clients[0].get("/api/me", REMOTE_ADDR="192.0.2.8").status_code == 200


def test_one_ipv6_customer_is_one_address_and_a_proxy_is_believed_where_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert origin.neighbourhood("2001:db8::1") == origin.neighbourhood("2001:db8::ffff:2")
    assert origin.neighbourhood("2001:db8::1") != origin.neighbourhood("2001:db8:0:1::1")
    assert origin.address_of("192.0.2.1", "198.51.100.9") == "192.0.2.1"
    monkeypatch.setitem(settings.REST_FRAMEWORK, "NUM_PROXIES", 1)
    assert origin.address_of("192.0.2.1", "203.0.113.5, 198.51.100.9") == "198.51.100.9"
    assert origin.address_of("192.0.2.1", "::ffff:198.51.100.9") == "198.51.100.9"
    assert origin.address_of("192.0.2.1", "nonsense") is None and origin.address_of(None, None) is None


def test_who_shows_nothing_is_limited_by_address(limited: Any) -> None:
    limited(anonymous=(2, 60))
    assert _statuses(APIClient(), 3, "/api/") == [200, 200, 429]


def test_bad_keys_are_limited_by_address_and_good_ones_known_here_go_on(site: Site, limited: Any) -> None:
    limited(failures=(3, 60))
    client, late = make.client(site), make.client(site)
    assert client.get("/api/me").status_code == 200
    guesses = [make.client_with(f"keyabcdefghijkl_{number:043d}") for number in range(6)]
    assert [guess.get("/api/instances").status_code for guess in guesses] == [401, 401, 401, 429, 429, 429]
    assert client.get("/api/me").status_code == 200
    assert late.get("/api/me").status_code == 429
    assert late.get("/api/me", REMOTE_ADDR="192.0.2.8").status_code == 200


def test_a_barred_address_asks_nothing_of_the_database(limited: Any, django_assert_num_queries: Any) -> None:
    limited(failures=(1, 60))
    guess = make.client_with("keyabcdefghijkl_" + "x" * 43)
    assert _statuses(guess, 2) == [401, 429]
    with django_assert_num_queries(0):
        assert guess.get("/api/instances").status_code == 429


def test_a_socket_counts_like_a_request(site: Site, limited: Any) -> None:
    limited(key=(2, 60), failures=(1, 60))
    _, secret = make.key(site)
    door = MembersOnly()
    with origin.coming_from("192.0.2.7"):
        for _ in range(2):
            door.admit(Credentials(key=secret))
        with pytest.raises(RateLimited):
            door.admit(Credentials(key=secret))
        for refusal in (NotSignedIn, RateLimited):
            with pytest.raises(refusal):
                door.admit(Credentials(ticket="ticket_unknown"))


async def test_the_asynchronous_door_counts_too(limited: Any) -> None:
    limited(anonymous=(1, 60))
    client = AsyncClient()
    answers = [await client.get("/api/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["RateLimit-Remaining"] == "0"


def test_without_redis_everybody_is_let_in(site: Site, limited: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(key=(1, 60))
    monkeypatch.setattr(windows, "spend", lambda *_, **__: None)
    client = make.client(site)
    answers = [client.get("/api/me") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert "RateLimit-Limit" not in answers[0].headers


def test_a_refused_key_is_remembered_for_a_moment_only(site: Site, limited: Any) -> None:
    limited(key=(1, 60))
    _, secret = make.key(site)
    assert _statuses(make.client_with(secret), 2) == [200, 429]
    bar = bars.barred(secret)
    assert bar is not None and bar.refusal.code == "RATE_LIMITED" and bar.headers["RateLimit-Limit"] == "1"
    assert bars.barred("another") is None
    bars._bars[hash(secret)] = bars.Bar(0.0, bar.refusal, bar.headers)
    assert bars.barred(secret) is None


async def test_the_front_door_turns_a_refused_key_away_without_django(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontdoor, "MADE_TO_WAIT_S", 0.0)
    reached: list[str] = []

    async def behind(scope: Any, body: bytes, send: Any) -> None:
        reached.append(scope["path"])

    async def ask(*headers: tuple[bytes, bytes]) -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/api/me", "query_string": b"", "headers": [*headers]}
        await door(scope, None, send)  # type: ignore[arg-type]
        return sent

    door = frontdoor.FrontDoor(wsgi=behind, asgi=None, websocket=None, max_body_bytes=10)  # type: ignore[arg-type]
    bars.bar("secret", TooMany(code="RATE_LIMITED", retry_after_s=7.2), {"RateLimit-Limit": "1"})
    for shown in ((b"authorization", b"Bearer secret"), (b"x-api-key", b"secret"), (b"authorization", b"secret")):
        start, body = await ask(shown)
        assert start["status"] == 429 and b"RATE_LIMITED" in body["body"]
        assert (b"retry-after", b"8") in start["headers"] and (b"ratelimit-limit", b"1") in start["headers"]
    start, body = await ask((b"x-api-key", b"secret"), (b"x-request-id", b"to-be-quoted"))
    assert (b"x-request-id", b"to-be-quoted") in start["headers"]
    assert orjson.loads(body["body"])["request_id"] == "to-be-quoted"
    assert reached == []
    await ask((b"x-api-key", b"another"))
    await ask()
    assert reached == ["/api/me"] * 2
