"""The virtual desktops' dialect says no: by the page's statuses alone, in bodies that the unmodified client parses."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from cyberdesk import CyberdeskClient, actions
from django.db import OperationalError

from common.errors import Conflict, Forbidden, GuestFailed, Invalid, NotFound, NotSignedIn, TooMany, Unavailable
from facades import doors
from facades.auth import HeaderKey
from facades.desktop_v1 import views
from facades.desktop_v1.errors import LISTED
from guest.protocol.results import Result
from instances.guestlink import Answer
from instances.models import Instance
from orchestrator import frontdoor
from orchestrator.asgi import application
from sites import idempotency
from tests.facades.test_desktop_v1 import ABSENT, sdk
from tests.instances.conftest import World

__all__ = ["sdk"]

pytestmark = pytest.mark.django_db


def _fits(answer: Any) -> dict[str, Any]:
    """Each refusal: JSON, a status of the page, the two fields that the client takes out."""
    body = json.loads(answer.content)
    assert answer.status_code in LISTED, (answer.status_code, body)
    assert answer.headers["content-type"] == "application/json"
    assert body["status"] == "error" and isinstance(body["error"], str) and body["error"]
    assert "location" not in answer.headers
    return body


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "", None, {}, 404),
        ("DELETE", f"/{ABSENT}", None, {}, 404),
        ("OPTIONS", "", None, {}, 404),
        ("PUT", f"/{ABSENT}/stop", b"{}", {}, 404),
        ("GET", "/not-a-uuid", None, {}, 404),
        ("GET", "/", None, {}, 404),
        ("POST", f"/{ABSENT}/fly", b"{}", {}, 404),
        ("GET", f"/{ABSENT}/computer-action/more", None, {}, 404),
        ("POST", "", b"{", {}, 400),
        ("POST", "", b"[]", {}, 400),
        ("POST", "", b'{"timeout_ms": "soon"}', {}, 400),
        ("POST", "", b'{"timeout_ms": -1}', {}, 400),
        ("POST", "", b'{"timeout_ms": 1e300}', {}, 400),
        ("POST", "", b'{"timeout_ms": 9999999999999999999999}', {}, 400),
        ("POST", "", b"x" * (2 * 1024 * 1024 + 1), {}, 400),
        ("POST", "", b"\xff\xfe", {"Content-Type": "text/plain"}, 400),
        ("GET", f"/{ABSENT}?a=%00", None, {}, 400),
        ("POST", f"/{ABSENT}/computer-action", b"", {}, 400),
        ("POST", f"/{ABSENT}/computer-action", b'{"type": "fly"}', {}, 400),
        ("POST", f"/{ABSENT}/computer-action", b'{"type": "press_keys", "keys": []}', {}, 400),
        ("POST", f"/{ABSENT}/computer-action", b'{"type": "move_mouse", "x": 1}', {}, 400),
        ("POST", f"/{ABSENT}/bash-action", b'{"command": ""}', {}, 400),
        ("POST", f"/{ABSENT}/bash-action", b"{}", {"Accept": "text/html"}, 400),
        ("POST", "", b"{}", {"x-api-key": "no key"}, 401),
        ("POST", "", b"{}", {"Host": "elsewhere.example"}, 400),
    ],
)
def test_no_refusal_is_one_that_the_client_cannot_parse(
    key: str, django_over_httpx: httpx.Client, method: str, path: str, body: Any, headers: Any, status: int
) -> None:
    answer = django_over_httpx.request(
        method, f"/v1/desktop{path}", content=body, headers={"x-api-key": key, **headers}
    )
    _fits(answer)
    assert answer.status_code == status, answer.content
    assert not Instance.everywhere.exists()


CALLS = {
    "get": lambda sdk: sdk.get_desktop(ABSENT),
    "create": lambda sdk: sdk.launch_desktop(),
    "stop": lambda sdk: sdk.terminate_desktop(ABSENT),
    "act": lambda sdk: sdk.execute_computer_action(ABSENT, actions.screenshot()),
    "bash": lambda sdk: sdk.execute_bash_action(ABSENT, "ls"),
}
FAULTS = [
    Invalid("x: wrong"), NotSignedIn(), Forbidden(), NotFound(), Conflict(status="pending"), TooMany(), RuntimeError(),
    GuestFailed(),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("status", "fault"), list(zip(LISTED, FAULTS, strict=True)))
def test_the_client_parses_each_status_of_the_page_from_each_operation(
    sdk: CyberdeskClient, monkeypatch: pytest.MonkeyPatch, call: str, status: int, fault: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(HeaderKey, "authenticate", fail)
    parsed = CALLS[call](sdk)
    assert type(parsed).__name__.endswith(f"Response{status}")
    assert parsed.status == "error" and parsed.error


def test_a_bad_field_is_named(key: str, django_over_httpx: httpx.Client) -> None:
    sent = {"type": "move_mouse", "x": 1}
    answer = django_over_httpx.post(f"/v1/desktop/{ABSENT}/computer-action", json=sent, headers={"x-api-key": key})
    assert _fits(answer)["error"] == "Validation failed: y: Required"
    sent = {"type": "drag_mouse", "start": {"x": 1, "y": 2}, "end": {"x": "far", "y": 2}}
    answer = django_over_httpx.post(f"/v1/desktop/{ABSENT}/computer-action", json=sent, headers={"x-api-key": key})
    assert _fits(answer)["error"].startswith("Validation failed: end.x: Expected `int`")


def test_a_machine_that_answers_a_command_by_nothing_is_a_502(
    world: World, key: str, django_over_httpx: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.guests, "act", lambda *_, **__: Answer(Result(), b"", 0.1))
    path = f"/v1/desktop/{world.running().pk}/bash-action"
    answer = django_over_httpx.post(path, json={"command": "ls"}, headers={"x-api-key": key})
    assert (answer.status_code, _fits(answer)["code"]) == (502, "GUEST_FAILED")


def test_a_picture_that_was_too_large_to_keep_is_not_said_to_be_a_desktop_that_does_not_run(
    world: World, key: str, django_over_httpx: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LARGEST_ANSWER", 10)
    path, headers = f"/v1/desktop/{world.running().pk}/computer-action", {"x-api-key": key, "Idempotency-Key": "a-key"}
    first, again = (django_over_httpx.post(path, json={"type": "screenshot"}, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 409)
    assert _fits(again)["code"] == "IDEMPOTENCY_ANSWER_NOT_KEPT" and "not running" not in _fits(again)["error"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (RuntimeError("a secret"), 500),
        (OperationalError("the database is away"), 502),
        (Unavailable(retry_after_s=3), 502),
        (TooMany(retry_after_s=3), 429),
    ],
)
def test_a_crash_and_a_throttle_speak_the_dialect_too(
    key: str, django_over_httpx: httpx.Client, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(views.services, "request_instance", fail)
    answer = django_over_httpx.post("/v1/desktop", headers={"x-api-key": key})
    body = _fits(answer)
    assert answer.status_code == status and "secret" not in body["error"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert (status == 500) == ("retry-after" not in answer.headers)


async def test_what_the_front_door_refuses_is_in_the_dialect_s_words() -> None:
    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    for path, words in (("/v1/desktop", "Validation failed"), ("/api/instances", "larger")):
        sent.clear()
        await frontdoor._answer(
            {"path": path, "headers": []}, send, frontdoor.TooLarge("The body is larger than 5 bytes.")
        )  # type: ignore[typeddict-item]
        assert words in json.loads(sent[1]["body"])["error"]
        assert sent[0]["status"] == (400 if path == "/v1/desktop" else 413)


@pytest.mark.parametrize(
    ("path", "status", "first"),
    [("/v1/desktop", 400, "status"), ("/v1/start", 422, "detail"), ("/api/me", 400, "error")],
)
@pytest.mark.parametrize("accepted", [b"*/*", b"text/event-stream"])
async def test_an_address_that_is_no_text_is_refused_in_words(
    path: str, status: int, first: str, accepted: bytes
) -> None:
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"a=\xff",
        "headers": [(b"accept", accepted)],
    }

    async def send(event: Any) -> None:
        sent.append(event)

    await application(scope, None, send)
    assert sent[0]["status"] == status and next(iter(json.loads(sent[1]["body"]))) == first


def test_other_addresses_are_left_alone() -> None:
    body = {"error": "e", "code": "C", "details": {}, "request_id": "r"}
    assert doors.rephrase("/v1/desktops", 405, body) == (405, body)
    assert doors.rephrase("/api/v1/desktop", 405, body) == (405, body)
