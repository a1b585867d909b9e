"""Events arrive over SSE and WebSocket, and again after a dropped connection, without a gap or a double."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

pytestmark = [pytest.mark.stack, pytest.mark.machine]


@contextmanager
def sse(http: httpx.Client, path: str, *, after: str | None = None) -> Iterator[Iterator[dict[str, Any]]]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
    with http.stream("GET", path, headers=headers, timeout=90) as answer:
        assert answer.status_code == 200, answer.read()
        yield _parsed(answer.iter_lines())


def _parsed(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        else:
            if "data" in fields:
                yield {**json.loads(fields["data"]), "cursor": fields["id"]}
            fields = {}


def until(events: Iterator[dict[str, Any]], status: str) -> list[dict[str, Any]]:
    seen = []
    for event in events:
        seen.append(event)
        if event["status"] == status:
            return seen
    raise AssertionError(f"the stream ended before {status}")


def test_sse_tells_a_whole_life_and_resumes_where_it_was_cut(ask, http):
    desk = ask("ubuntu")
    path = f"/api/instances/{desk.id}/events"
    with sse(http, path) as events:
        first = until(events, "running")
    desk.order("stop")
    desk.wait("stopped")
    with sse(http, path, after=first[-1]["cursor"]) as events:
        second = until(events, "stopped")
    numbers = [event["number"] for event in first + second]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [event["status"] for event in first if event["status_from"]] == ["provisioning", "starting", "running"]


def test_a_websocket_of_one_instance_resumes_by_number(ask, stack):
    desk = ask("ubuntu")
    desk.wait("running")
    first = _heard(stack, f"/ws/instances/{desk.id}?after=0", until_status="running")
    last = first[-1]["data"]["number"]
    desk.order("stop")
    second = _heard(stack, f"/ws/instances/{desk.id}?after={last}", until_status="stopped")
    numbers = [message["data"]["number"] for message in first + second]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_websocket_of_the_site_hears_every_instance_once_over_a_reconnect(ask, stack):
    with _socket(stack, f"/ws/sites/{stack.site_id}") as socket:
        tip = _next(socket, "following")["after"]
        one = ask("ubuntu")
        first = [_next(socket, "event")]
    two = ask("ubuntu")
    one.wait("running")
    two.wait("running")
    heard = list(first)
    with _socket(stack, f"/ws/sites/{stack.site_id}?after={first[-1]['cursor']}") as socket:
        while {m["data"]["instance_id"] for m in heard if m["data"]["status"] == "running"} < {one.id, two.id}:
            heard.append(_next(socket, "event"))
    for desk in (one, two):
        numbers = [m["data"]["number"] for m in heard if m["data"]["instance_id"] == desk.id]
        assert numbers == list(range(1, len(numbers) + 1))
    assert tip


def test_a_ticket_opens_a_socket_once(ask, http, stack):
    desk = ask("ubuntu")
    answer = http.post("/api/tickets")
    assert answer.status_code == 201
    path = f"/ws/instances/{desk.id}?after=0&ticket={answer.json()['ticket']}"
    with _socket(stack, path, key=False) as socket:
        assert _next(socket, "event")["data"]["number"] == 1
    with _socket(stack, path, key=False) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "error"


def test_a_foreign_or_absent_instance_has_no_socket(stack):
    with _socket(stack, "/ws/instances/00000000-0000-7000-8000-000000000000?after=0") as socket:
        assert json.loads(socket.recv(timeout=10))["code"] == "NOT_FOUND"


def _socket(stack, path: str, *, key: bool = True):
    headers = {"Authorization": f"Bearer {stack.api_key}"} if key else {}
    return connect(stack.url.replace("http", "ws") + path, additional_headers=headers, open_timeout=20, proxy=None)


def _next(socket, kind: str) -> dict[str, Any]:
    while True:
        message = json.loads(socket.recv(timeout=60))
        if message["type"] == kind:
            return message


def _heard(stack, path: str, *, until_status: str) -> list[dict[str, Any]]:
    heard = []
    with _socket(stack, path) as socket:
        while not heard or heard[-1]["data"]["status"] != until_status:
            heard.append(_next(socket, "event"))
    return heard
