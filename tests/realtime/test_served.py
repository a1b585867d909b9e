"""The whole way for real: a spawned server, its one port, event streams, sockets, waits and bodies."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect

from tests.realtime.clients import events, message, refusal
from tests.realtime.conftest import Broker
from tests.realtime.rows import eventually
from tests.realtime.served import Served

KEY = {"x-api-key": "good"}


@pytest.fixture(scope="module")
def one_server(session_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"), session_broker.url)
    yield served
    served.stop()


@pytest.fixture
def served(one_server: Served) -> Served:
    """A running server without rows; the tests that end it start it again."""
    if one_server.process.poll() is not None:
        one_server.start()
    one_server.erase()
    return one_server


async def first_numbers(served: Served, count: int, *, after: str | None = None) -> list[int]:
    seen: list[int] = []
    async with asyncio.timeout(30), events(f"{served.url}/rows", **_resume(after)) as stream:
        async for event in stream:
            assert event["event"] == "row"
            assert json.loads(event["data"])["number"] == int(event["id"])
            seen.append(int(event["id"]))
            if len(seen) == count:
                break
    return seen


def _resume(after: str | None) -> dict[str, str]:
    return {"last_event_id": after} if after else {}


def _write(served: Served, count: int) -> list[threading.Thread]:
    def work() -> None:
        with httpx.Client(base_url=served.url, timeout=30, verify=False) as client:
            for number in range(count // 4):
                client.post("/rows", json={"body": str(number)}).raise_for_status()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    return threads


def _probe(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{served.url}/probe", verify=False).json()
    return found


async def test_an_event_stream_resumes_by_last_event_id_under_writers_without_gap_or_double(served: Served) -> None:
    writers = _write(served, 200)
    before = await first_numbers(served, 70)
    after = await first_numbers(served, 130, after=str(before[-1]))
    assert before + after == list(range(1, 201))
    for writer in writers:
        writer.join()


async def test_an_event_stream_goes_on_after_the_server_was_killed(served: Served) -> None:
    served.add("one")
    assert await first_numbers(served, 1) == [1]
    served.kill()
    served.start()
    served.add("two")
    assert await first_numbers(served, 1, after="1") == [2]


async def test_a_bad_last_event_id_is_an_ordinary_400(served: Served) -> None:
    async with httpx.AsyncClient(verify=False) as client:
        for bad in ("no\x01pe", "x" * 500, "abc"):
            answer = await client.get(
                f"{served.url}/rows", headers={"accept": "text/event-stream", "last-event-id": bad.replace("\x01", " ")}
            )
            assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
            assert answer.headers["content-type"] == "application/json"


async def test_a_client_that_leaves_frees_its_subscription_and_its_thread(served: Served) -> None:
    served.add("one")
    assert await first_numbers(served, 1) == [1]
    await eventually(lambda: _probe(served)["channels"] == [])
    threads = _probe(served)["threads"]
    for _ in range(20):
        assert await first_numbers(served, 1) == [1]
    await eventually(lambda: _probe(served)["channels"] == [])
    await eventually(lambda: _probe(served)["threads"] <= threads + 8)


async def test_a_restart_is_not_held_up_by_open_streams(served: Served) -> None:
    async with events(f"{served.url}/rows") as stream, connect(served.socket_url, additional_headers=KEY) as socket:
        await socket.recv()
        assert await asyncio.to_thread(served.stop) in {0, -15}
        assert "timeout graceful shutdown exceeded" not in served.log_path.read_text()
        assert [event async for event in stream] == []
        with pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012


async def test_a_wait_is_woken_by_a_nudge_and_runs_beside_the_short_requests(served: Served) -> None:
    async with httpx.AsyncClient(timeout=20, verify=False) as client:
        waits = [asyncio.create_task(client.get(f"{served.url}/rows/wait?number=1")) for _ in range(20)]
        await eventually(lambda: _probe(served)["channels"] == ["rows"])
        served.add("one")
        answers = [answer.json() for answer in await asyncio.gather(*waits)]
    assert answers == [{"found": True, "by": "asgi"}] * 20


async def test_a_socket_catches_up_follows_and_resumes(served: Served) -> None:
    served.add("one")
    async with connect(f"{served.socket_url}?after=", additional_headers=KEY) as socket:
        assert await message(socket) == {"type": "following", "after": None}
        assert (await _event(socket))["cursor"] == "1"
        served.add("two")
        assert (await _event(socket))["data"] == {"number": 2, "body": "two"}
    served.add("three")
    async with connect(f"{served.socket_url}?after=2", additional_headers=KEY) as socket:
        assert await message(socket) == {"type": "following", "after": "2"}
        assert (await _event(socket))["cursor"] == "3"
        await socket.send('{"type": "ping"}')
        assert await message(socket) == {"type": "pong"}
    await eventually(lambda: _probe(served)["channels"] == [])


async def test_the_first_message_may_name_the_cursor(served: Served) -> None:
    for body in ("one", "two", "three"):
        served.add(body)
    async with connect(served.socket_url, additional_headers=KEY) as socket:
        await socket.send('{"after": 2}')
        assert await message(socket) == {"type": "following", "after": "2"}
        assert (await _event(socket))["cursor"] == "3"


@pytest.mark.parametrize(
    ("path", "headers", "code", "word"),
    [
        ("", {}, 4401, "NOT_AUTHENTICATED"),
        ("", {"x-api-key": "bad"}, 4401, "NOT_AUTHENTICATED"),
        ("?ticket=ticket_nobody_gave", {}, 4401, "NOT_AUTHENTICATED"),
        ("?after=%00", KEY, 4400, "INVALID"),
        ("?after=x", KEY, 4400, "INVALID"),
        ("?" + "a=b&" * 30, KEY, 4400, "INVALID"),
        ("/../not-a-uuid", KEY, 4404, "NOT_FOUND"),
        ("/../22222222-1111-7111-8111-111111111111", KEY, 4404, "NOT_FOUND"),
    ],
)
async def test_a_refused_socket_says_why_and_closes_with_its_code(
    served: Served, path: str, headers: dict[str, str], code: int, word: str
) -> None:
    url = f"{served.socket_url.rsplit('/', 1)[0]}/{path[4:]}" if path.startswith("/..") else served.socket_url + path
    async with connect(url, additional_headers=headers) as socket:
        assert await refusal(socket) == (code, word)


@pytest.mark.parametrize("bad", ["no json", "[]", '{"after": true}', '{"after": "\\u0000"}', "{}", b"\x00", "x" * 5000])
async def test_a_bad_message_closes_the_socket_with_4400(served: Served, bad: str | bytes) -> None:
    async with connect(f"{served.socket_url}?after=", additional_headers=KEY) as socket:
        await socket.send(bad)
        assert await refusal(socket) == (4400, "INVALID")


async def test_a_flood_of_messages_closes_the_socket_with_4429(served: Served) -> None:
    async with connect(f"{served.socket_url}?after=", additional_headers=KEY) as socket:
        for _ in range(60):
            await socket.send('{"type": "ping"}')
        assert await refusal(socket) == (4429, "TOO_MANY")


async def test_a_ticket_lets_in_once_and_is_never_logged(served: Served) -> None:
    ticket = (await asyncio.to_thread(httpx.post, f"{served.url}/ticket")).json()["ticket"]
    async with connect(f"{served.socket_url}?ticket={ticket}&after=") as socket:
        assert (await message(socket))["type"] == "following"
    async with connect(f"{served.socket_url}?ticket={ticket}") as socket:
        assert await refusal(socket) == (4401, "NOT_AUTHENTICATED")
    assert ticket not in served.log_path.read_text()


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_past_the_limit_is_413_in_our_shape_also_when_chunked(served: Served, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b"x" * 65536

    async with httpx.AsyncClient(timeout=30, verify=False) as client:
        content: Any = pieces() if chunked else b"x" * 10 * 1024 * 1024
        answer = await client.post(f"{served.url}/echo", content=content)
        assert answer.status_code == 413
        assert set(answer.json()) == {"error", "code", "details", "request_id"}
        assert answer.json()["code"] == "TOO_LARGE"


async def test_a_chunked_body_within_the_limit_reaches_the_view_whole(served: Served) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"x" * 11_000

    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.post(f"{served.url}/echo", content=pieces())
    assert answer.json() == {"length": 99_000, "by": "wsgi", "path": "/echo"}


@pytest.mark.parametrize(
    ("body", "by"),
    [('{"action": "bash"}', "patient"), ('{"action": "wait"}', "patient"), ('{"action": "click"}', "wsgi")],
)
async def test_actions_that_may_take_long_leave_the_short_ones_their_threads(
    served: Served, body: str, by: str
) -> None:
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.post(f"{served.url}/things/1/actions", content=body)
    assert answer.json() == {"length": len(body), "by": by, "path": "/things/1/actions"}


async def _event(socket: Any) -> dict[str, Any]:
    received = await message(socket)
    assert (received["type"], received["event"]) == ("event", "row")
    return received
