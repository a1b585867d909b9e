"""Bad input: it gets a 4xx in the one error shape, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.test import AsyncClient, Client
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as RedisDown
from rest_framework.test import APIClient

from common.api.generator import Generator
from common.tenancy import CREW
from orchestrator.asgi import application
from sites.models import Agent
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    return make.client(make.site())


def _refusal(answer: Any) -> tuple[int, str]:
    """The status and the code of an answer that has our shape and has made nothing."""
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error", "code", "details", "request_id"}
    assert isinstance(body["error"], str) and body["error"] and isinstance(body["details"], dict)
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert not Agent.everywhere.exists()
    return answer.status_code, body["code"]


def _post(client: Any, raw: bytes, content_type: str = "application/json") -> Any:
    return client.generic("POST", "/api/agents", raw, content_type)


@pytest.mark.parametrize(
    ("body", "field", "fault"),
    [
        ({}, "name", "This field is required."),
        ({"name": ""}, "name", "This field may not be blank."),
        ({"name": None}, "name", "This field may not be null."),
        ({"name": 5}, "name", "Must be a string."),
        ({"name": ["a"]}, "name", "Must be a string."),
        ({"name": {"a": 1}}, "name", "Must be a string."),
        ({"name": True}, "name", "Must be a string."),
        ({"name": "x" * 201}, "name", "Ensure this field has no more than 200 characters."),
        ({"name": "a", "is_active": "true"}, "is_active", "Must be true or false."),
        ({"name": "a", "is_active": 1}, "is_active", "Must be true or false."),
        ({"name": "a", "nonsense": 1}, "nonsense", "Unknown field."),
        ({"name": "a", "key_hash": ""}, "key_hash", "Unknown field."),
    ],
)
def test_a_bad_field_is_named(client: APIClient, body: dict[str, Any], field: str, fault: str) -> None:
    answer = client.post("/api/agents", body)
    assert _refusal(answer) == (400, "INVALID")
    assert answer.json()["details"] == {"fields": {field: [fault]}}
    assert answer.json()["error"] == f"{field}: {fault}"


def test_all_faults_are_told_at_once(client: APIClient) -> None:
    answer = client.post("/api/agents", {"is_active": "no", "extra": 1})
    assert _refusal(answer) == (400, "INVALID")
    assert set(answer.json()["details"]["fields"]) == {"name", "is_active", "extra"}


@pytest.mark.parametrize("body", [b"[]", b"[1]", b'"text"', b"1", b"null", b"true"])
def test_a_body_that_is_no_object_is_refused(client: APIClient, body: bytes) -> None:
    assert _refusal(_post(client, body)) == (400, "INVALID")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"{'name': 'a'}",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": 1e999}',
        b'{"name": "\xff"}',
        b'{"name": "a\x00"}',
        b'{"name": "a\\u0000"}',
        b'{"name": "a", "nul\\u0000": 1}',
        b'{"name": "\\ud800"}',
        b'{"name": 9223372036854775808}',
        b'{"name": -9223372036854775809}',
        b'{"name": 1' + b"0" * 5000 + b"}",
        b'{"name": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 500_000,
        b'{"name": "a"} {}',
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_json_that_nobody_should_store_is_refused(client: APIClient, raw: bytes) -> None:
    assert _refusal(_post(client, raw)) == (400, "PARSE_ERROR")


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_another_content_type_is_refused(client: APIClient, content_type: str) -> None:
    assert _refusal(_post(client, b"name=a", content_type)) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_an_empty_body_reads_as_an_empty_object(client: APIClient) -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        answer = _post(client, b"", content_type)
        assert _refusal(answer) == (400, "INVALID")
        assert answer.json()["details"] == {"fields": {"name": ["This field is required."]}}


def test_ten_megabytes_are_refused_before_they_are_read(client: APIClient) -> None:
    answer = _post(client, b'{"name": "' + b"x" * 10_000_000 + b'"}')
    assert _refusal(answer) == (413, "TOO_LARGE")
    assert answer.json()["details"] == {"max_bytes": settings.MAX_BODY_BYTES}


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 5000, "²"])
def test_a_senseless_length_is_refused(client: APIClient, length: str) -> None:
    answer = client.generic("POST", "/api/agents", b"{}", "application/json", CONTENT_LENGTH=length)
    assert _refusal(answer) == ((413, "TOO_LARGE") if length.startswith("9") else (400, "INVALID"))


def test_a_body_without_a_length_is_refused_and_not_read_as_empty() -> None:
    answer = Client().generic(
        "POST", "/api/agents", b"{}", "application/json", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"
    )
    assert _refusal(answer) == (411, "LENGTH_REQUIRED")


@pytest.mark.parametrize("path", ["/api/agents/a%00b", "/api/agents?name=a%00b", "/api/agents?%00=1", "/%00"])
def test_a_nul_in_the_address_is_refused(client: APIClient, path: str) -> None:
    assert _refusal(client.get(path)) == (400, "INVALID")


def test_a_percent_sign_before_two_zeros_is_no_nul(client: APIClient) -> None:
    assert client.get("/api/agents?name=100%2500").json()["count"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=ten",
        "limit=1.5",
        "limit=" + "9" * 400,
        "limit=%C2%B2",
        "offset=-1",
        "offset=1000001",
        "offset=" + "9" * 5000,
        "count=all",
        "is_active=perhaps",
        "nonsense=1",
        "site=1",
        "name__regex=.*",
    ],
)
def test_a_bad_query_parameter_is_named(client: APIClient, query: str) -> None:
    answer = client.get(f"/api/agents?{query}")
    assert _refusal(answer) == (400, "INVALID")
    assert list(answer.json()["details"]["fields"]) == [query.partition("=")[0]]


def test_a_detail_takes_no_query_of_a_list(client: APIClient) -> None:
    made = client.post("/api/agents", {"name": "a"}).json()["id"]
    assert client.get(f"/api/agents/{made}?limit=5").status_code == 400
    assert client.get(f"/api/agents/{made}?format=json").status_code == 200


def test_a_bad_uuid_in_a_filter_is_refused(client: APIClient) -> None:
    for query in ("user_id=x", f"user_id={'9' * 400}", "site_id=x"):
        assert _refusal(client.get(f"/api/memberships?{query}")) == (400, "INVALID")


def test_a_method_that_is_not_there_is_a_405(client: APIClient) -> None:
    assert _refusal(client.delete("/api/agents")) == (405, "METHOD_NOT_ALLOWED")
    assert _refusal(client.post("/api/me")) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("method", ["SCOPES", "SELECT", "PRINCIPAL", "INITIAL", "NOTHING"])
def test_a_method_that_nobody_knows_is_a_405_whatever_it_is_called(client: APIClient, method: str) -> None:
    for path in ("/api/agents", f"/api/agents/{make.new_id()}", "/api/me"):
        assert _refusal(client.generic(method, path)) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("path", ["/api/login", "/api/second-factor", "/admin/", "/api/me"])
def test_a_cookie_that_names_no_session_is_one_of_nobody(path: str) -> None:
    browser = Client(raise_request_exception=False)
    without = browser.get(path).status_code
    for named in ('"\\000' + "a" * 31 + '"', '"' + "\\377" * 32 + '"', "A" * 32, "a" * 400):
        assert browser.get(path, headers={"Cookie": f"sessionid={named}"}).status_code == without < 500


def test_the_document_is_made_once_and_says_the_same_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Client(raise_request_exception=False)
    first = browser.get("/api/schema")
    assert (
        first.headers["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
        and b"list_agents" in first.content
    )
    monkeypatch.setattr(Generator, "get_schema", None)
    for query in ("", "?version=a%0d%0ab", "?version=9&lang=de"):
        again = browser.get(f"/api/schema{query}")
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["Content-Disposition"] == 'inline; filename="Orchestrator.yaml"'


@pytest.mark.parametrize("path", ["/api/schema", "/api/docs"])
def test_a_document_is_for_reading(path: str) -> None:
    answers = [Client(raise_request_exception=False).generic(method, path) for method in ("OPTIONS", "POST", "DELETE")]
    assert [answer.status_code for answer in answers] == [405] * 3


def test_nobody_can_be_served_another_kind(client: APIClient) -> None:
    assert _refusal(client.get("/api/agents", HTTP_ACCEPT="application/xml")) == (406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("debug", [False, True])
def test_an_unknown_route_is_a_404_of_ours_with_debug_on_too(settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    for path in ("/api/nothing", "/api/nothing/", "/v1/nothing", "/api/agents/nothing/nothing"):
        for method in ("GET", "POST"):
            assert _refusal(Client().generic(method, path)) == (404, "NOT_FOUND")
    assert debug or _refusal(Client().get("/nothing")) == (404, "NOT_FOUND")


def test_a_host_that_is_not_ours_is_refused() -> None:
    assert _refusal(Client().get("/api/agents", HTTP_HOST="evil.example")) == (400, "INVALID")


@pytest.mark.parametrize("wanted", ["abc-123_x.Y0", "a" * 64])
def test_a_sane_request_id_is_kept(wanted: str) -> None:
    assert Client().get("/api/me", HTTP_X_REQUEST_ID=wanted).headers["X-Request-ID"] == wanted


@pytest.mark.parametrize("wanted", ["", "short", "a" * 65, "with space", "line\nbreak", "ünicode-id"])
def test_another_request_id_is_replaced(wanted: str) -> None:
    kept = Client().get("/api/me", HTTP_X_REQUEST_ID=wanted).headers["X-Request-ID"]
    assert kept != wanted and len(kept) == 32


@pytest.mark.parametrize("gone", [OperationalError("down"), PoolTimeout("busy"), RedisDown("down")])
def test_what_is_away_is_a_503_that_says_when_to_come_back(
    client: APIClient, monkeypatch: pytest.MonkeyPatch, gone: Exception
) -> None:
    def away(*_: object) -> None:
        raise gone

    monkeypatch.setattr("sites.selectors.agents", away)
    answer = client.get("/api/agents")
    assert _refusal(answer) == (503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) >= 1
    monkeypatch.setattr("sites.api.authentication.find_principal", away)
    assert _refusal(client.get("/api/agents")) == (503, "UNAVAILABLE")


def test_a_fault_of_ours_tells_nothing_and_leaves_nothing(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr("sites.api.views.AgentViewSet.answer", fails)
    answer = client.post("/api/agents", {"name": "a"})
    assert _refusal(answer) == (500, "INTERNAL")
    assert b"secret" not in answer.content and b"ZeroDivision" not in answer.content


def test_an_error_after_a_write_undoes_the_write(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(view: Any, row: Any, **_: object) -> None:
        assert Agent.of(row.site_id).filter(pk=row.pk).exists()
        view.principal.must("sites:fly")

    monkeypatch.setattr("sites.api.views.AgentViewSet.answer", too_late)
    assert _refusal(client.post("/api/agents", {"name": "a"})) == (403, "FORBIDDEN")


async def test_the_doors_are_the_same_under_asgi() -> None:
    client = AsyncClient()
    named = await client.get("/api/me/", headers={"x-request-id": "abc-12345"})
    assert (named.status_code, named.headers["X-Request-ID"]) == (401, "abc-12345")
    assert named.json()["request_id"] == "abc-12345"
    refused = await client.get("/api/agents?name=%00")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")
    assert (await client.get("/api/nothing")).json()["code"] == "NOT_FOUND"


@pytest.mark.parametrize(("accepted", "usual"), [("*/*", 401), ("text/event-stream", 406)], ids=["WSGI", "ASGI"])
@pytest.mark.parametrize(
    ("named", "query", "status"),
    [
        ("application/json; charset=rot13", "a=%41", None),
        ("application/json; charset=utf-16", "a=%41", None),
        ("application/json; charset=utf-8", "&".join(["a=1"] * 1_001), 400),
        ("text/plain; x*=nothing''%41", "", 400),
    ],
)
async def test_a_request_can_be_made_whatever_type_it_names(
    named: str, query: str, status: int | None, accepted: str, usual: int
) -> None:
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
        answer = await browser.get(f"/api/me?{query}", headers={"Content-Type": named, "Accept": accepted})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status or usual, "application/json"), answer.content
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_answers_are_compact_json_with_moments_in_utc(client: APIClient) -> None:
    made = client.post("/api/agents", {"name": "ü"})
    assert json.dumps(made.json(), separators=(",", ":"), ensure_ascii=False).encode() == made.content
    moment = made.json()["created_at"]
    assert len(moment) == len("2026-01-31T12:00:00.000000Z") and moment.endswith("Z")


def test_a_statement_that_takes_too_long_is_cut_short_and_told(client: APIClient, monkeypatch: Any) -> None:
    def slow(*_: Any, **__: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '5ms'")
            cursor.execute("SELECT pg_sleep(10)")

    monkeypatch.setattr("sites.selectors.agents", slow)
    assert _refusal(client.get("/api/agents")) == (503, "TOO_LONG")
    monkeypatch.undo()
    assert client.get("/api/agents").status_code == 200


def test_requests_have_a_longest_statement_and_sweeps_have_none() -> None:
    longest = {}
    for alias in ("default", CREW):
        with connections[alias].cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            longest[alias] = cursor.fetchone()[0]
    assert longest == {"default": "20s", CREW: "0"}
