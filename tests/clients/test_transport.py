"""What is sent again and what is not, how streams go on after a cut, and that the key stays where it belongs."""

from __future__ import annotations

import io
import json
import traceback
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import orchestrator_client as oc
from orchestrator_client import AsyncClient
from tests.clients.conftest import KEY, URL, played, refusal

_DOCUMENT = yaml.load(
    (Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml").read_text(), Loader=yaml.CSafeLoader
)


def _example(path: str) -> dict[str, Any]:
    """A row of this list, as the document shows it."""
    answer = _DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return (answer.get("example") or next(iter(answer["examples"].values()))["value"])["results"][0]


INSTANCE = {**_example("/api/instances"), "id": "i-1", "status": "a-status-of-next-year", "a_field_of_next_year": [1]}
EVENT = _example("/api/instances/{id}/events")


class Platform:
    """Answers one after the other, the last one for ever; remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def instance() -> httpx.Response:
    return httpx.Response(200, json=INSTANCE)


def lost() -> Exception:
    return httpx.ReadError("the line was cut")


@pytest.mark.parametrize(
    "trouble",
    [
        lost,
        lambda: httpx.ConnectError("refused"),
        lambda: httpx.ReadTimeout("late"),
        lambda: refusal(503, "UNAVAILABLE", retry_after="0"),
        lambda: refusal(429, "TOO_MANY", retry_after="0"),
        lambda: refusal(409, "IDEMPOTENCY_IN_FLIGHT", retry_after="0"),
    ],
)
def test_a_keyed_post_is_sent_again_with_the_same_key(trouble) -> None:
    platform = Platform(trouble(), trouble(), instance())
    assert played(platform).instances.create(name="desk").id == "i-1"
    assert len(platform.asked) == 3
    assert len({request.headers["idempotency-key"] for request in platform.asked}) == 1
    played(platform).instances.create(name="desk")
    assert platform.asked[-1].headers["idempotency-key"] != platform.asked[0].headers["idempotency-key"]


@pytest.mark.parametrize("trouble", [lost, lambda: refusal(503, "UNAVAILABLE", retry_after="0")])
def test_an_action_that_may_have_been_done_is_not_sent_again(trouble) -> None:
    platform = Platform(trouble())
    with pytest.raises(oc.OrchestratorError):
        played(platform).desktop("i-1").click(1, 2)
    assert len(platform.asked) == 1 and "idempotency-key" not in platform.asked[0].headers


@pytest.mark.parametrize(
    "trouble", [lambda: httpx.ConnectError("refused"), lambda: refusal(429, "GUEST_BUSY", retry_after="0")]
)
def test_an_action_that_was_never_begun_is_sent_again(trouble) -> None:
    done = {"type": "click", "log_id": "l", "duration_ms": 1.0, "cursor": None, "image": None, "shell": None}
    platform = Platform(trouble(), httpx.Response(200, json=done))
    played(platform).desktop("i-1").click(1, 2)
    assert len(platform.asked) == 2


@pytest.mark.parametrize("status", [400, 404, 500, 502, 504])
def test_what_would_fail_again_is_not_sent_again(status: int) -> None:
    platform = Platform(refusal(status, "NO"))
    with pytest.raises(oc.APIError) as refused:
        played(platform).instances.get("i-1")
    assert len(platform.asked) == 1
    assert (refused.value.status, refused.value.details, refused.value.request_id) == (
        status,
        {"why": "because"},
        "r-1",
    )


def test_attempts_end_and_the_last_error_is_told() -> None:
    platform = Platform(httpx.ConnectError("refused"))
    with pytest.raises(oc.NotReachable, match="can't be reached"):
        played(platform).instances.get("i-1")
    assert len(platform.asked) == 4


def test_who_is_asked_to_come_back_in_an_hour_is_told_so_at_once() -> None:
    platform = Platform(refusal(429, "TOO_MANY", retry_after="3600"))
    with pytest.raises(oc.RateLimited) as refused:
        played(platform).instances.get("i-1")
    assert (len(platform.asked), refused.value.retry_after_s) == (1, 3600)


def test_words_and_fields_of_a_newer_platform_are_taken() -> None:
    read = played(Platform(instance())).instances.get("i-1")
    assert read.status == "a-status-of-next-year"
    assert read.model_dump()["a_field_of_next_year"] == [1]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<h1>Welcome to nginx</h1>"),
        httpx.Response(200, json={"id": 3}),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
    ],
)
def test_what_is_no_answer_of_ours_is_named(answer: httpx.Response) -> None:
    with pytest.raises(oc.UnexpectedAnswer):
        played(Platform(answer)).instances.get("i-1")


def test_a_refusal_of_something_else_that_looks_like_ours_is_told() -> None:
    answer = httpx.Response(404, json={"code": 5, "message": "no", "details": [{"@type": "x"}]})
    with pytest.raises(oc.NotFound) as refused:
        played(Platform(answer)).instances.get("i-1")
    assert (refused.value.code, refused.value.details) == ("5", {})


def test_an_id_cannot_lead_to_another_path() -> None:
    platform = Platform(instance())
    played(platform).instances.get("../keys?x=1#y")
    assert platform.asked[0].url.raw_path == b"/api/instances/..%2Fkeys%3Fx%3D1%23y"
    for empty in ("", ".", ".."):
        with pytest.raises(ValueError):
            played(platform).instances.get(empty)


def test_a_query_in_a_path_is_sent() -> None:
    platform = Platform(httpx.Response(200, json={}))
    played(platform).request("GET", "/api/instances?status=running&status=error&search=", params={"limit": 1})
    assert str(platform.asked[0].url) == f"{URL}/api/instances?status=running&status=error&search=&limit=1"


def test_a_link_to_another_host_does_not_lead_the_key_there() -> None:
    page = {"count": None, "previous": None, "results": [INSTANCE]}
    platform = Platform(
        httpx.Response(200, json={**page, "next": "https://elsewhere.example/api/instances?cursor=abc&limit=1"}),
        httpx.Response(200, json={**page, "next": None}),
    )
    assert len(played(platform).instances.list(limit=1).all()) == 2
    assert str(platform.asked[1].url) == f"{URL}/api/instances?cursor=abc&limit=1"


def test_the_key_is_sent_in_its_header_and_shown_nowhere() -> None:
    platform = Platform(httpx.ConnectError("refused"))
    client = played(platform)
    try:
        client.instances.get("i-1")
    except oc.NotReachable as error:
        said = io.StringIO()
        traceback.print_exception(error, file=said)
        assert platform.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert KEY not in said.getvalue() + repr(error) + repr(client) + repr(client._transport.settings)
        assert KEY not in str(platform.asked[0].url)


# Streams.


def told(*blocks: str) -> httpx.Response:
    """A stream that says these blocks and is then cut in the middle of another."""

    def body() -> Iterator[bytes]:
        for block in blocks:
            yield block.encode()
        yield b"id: 99\nevent: status\ndata: {"
        raise httpx.ReadError("the line was cut")

    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=body())


def event(number: int) -> str:
    return f"id: {number}\nevent: status\ndata: {json.dumps({**EVENT, 'number': number})}\n\n"


def test_a_stream_goes_on_where_it_was_cut_and_says_nothing_twice() -> None:
    platform = Platform(
        told("retry: 1\n\n", event(1), event(2)),
        httpx.ConnectError("refused"),
        refusal(503, "UNAVAILABLE", retry_after="0"),
        told("id: 2\n\n", event(2), ": still here\n\n", event(3), event(4)),
    )
    seen = [event.number for event in islice(played(platform).instances.events("i-1"), 4)]
    assert seen == [1, 2, 3, 4]
    assert [request.url.params.get("last_event_id") for request in platform.asked] == [None, "2", "2", "2"]
    assert {request.headers["accept"] for request in platform.asked} == {"text/event-stream"}


def test_a_stream_that_was_cut_before_its_first_event_goes_on_from_where_it_began() -> None:
    platform = Platform(told("id: 7:abc\n\n"), told(event(8)))
    assert next(played(platform).instances.events("i-1", after=7)).number == 8
    assert platform.asked[0].url.params["last_event_id"] == "7"
    assert platform.asked[1].url.params["last_event_id"] == "7:abc"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(404, "NOT_FOUND"), oc.NotFound),
        (
            told('event: error\ndata: {"error": "No.", "code": "NOT_AUTHENTICATED", "details": {}}\n\n'),
            oc.NotAuthenticated,
        ),
        (httpx.Response(200, json=[]), oc.UnexpectedAnswer),
    ],
)
def test_a_stream_that_is_ended_for_good_raises(answer: httpx.Response, error: type[Exception]) -> None:
    with pytest.raises(error):
        next(played(Platform(answer)).instances.events("i-1"))


def test_a_gap_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    platform = Platform(told("id: 50\nevent: resync\ndata: {}\n\n", event(51)))
    assert next(played(platform).instances.events("i-1", after=3)).number == 51
    assert "no longer kept" in caplog.text


async def test_the_asynchronous_stream_goes_on_too() -> None:
    async def body(number: int):
        yield f"retry: 1\n\n{event(number)}".encode()

    platform = Platform(
        *(
            httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=body(number))
            for number in (1, 2, 3)
        )
    )
    http = httpx.AsyncClient(transport=httpx.MockTransport(platform))
    seen = []
    async with AsyncClient(URL, KEY, http=http) as client:
        async for one in client.instances.events("i-1"):
            seen.append(one.number)
            if len(seen) == 3:
                break
    assert seen == [1, 2, 3]


# Waiting.


def test_a_wait_asks_again_until_its_own_time_is_over() -> None:
    platform = Platform(refusal(408, "WAIT_TIMEOUT"), refusal(408, "WAIT_TIMEOUT"), instance())
    assert played(platform).instances.wait("i-1", timeout_s=200).id == "i-1"
    assert [request.url.params["timeout_s"] for request in platform.asked] == ["30.0"] * 3
    with pytest.raises(oc.WaitTimeout):
        played(Platform(refusal(408, "WAIT_TIMEOUT"))).instances.wait("i-1", timeout_s=0)
    with pytest.raises(oc.Conflict):
        played(Platform(refusal(409, "CONFLICT"))).instances.wait("i-1", timeout_s=200)
