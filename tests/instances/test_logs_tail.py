"""The live tails of logs, behind the real server and on real rows: no gap, nothing twice, whoever commits when."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction
from websockets.asyncio.client import connect

from common.realtime.stream import Item
from common.tenancy import CREW, site_scope
from infra.deployment import Deployment
from instances import logs, services, tails
from instances.entries import Entry
from instances.models import Level, Log, LogType
from instances.tails import Wanted
from sites import tickets
from sites.principal import Principal
from tests import make
from tests.realtime.clients import events, message, refusal
from tests.realtime.served import PROJECT, Web

pytestmark = pytest.mark.django_db

WRITERS, BATCHES, ENTRIES = 6, 15, 4


class Place:
    """A site with two instances and a key."""

    def __init__(self) -> None:
        self.site = make.site()
        _, self.secret = make.key(self.site)
        self.principal: Principal = make.principal(self.site)
        self.instance_id, self.other_id = (
            services.request_instance(self.principal, name=name, instance_type="ubuntu").pk for name in ("one", "two")
        )
        self.headers = {"x_api_key": self.secret}

    def write(self, *messages: str, about: UUID | None = None, **fields: Any) -> list[UUID]:
        entries = [Entry(**{"log_type": LogType.SYSTEM, "message": text, **fields}) for text in messages]
        return logs.write_entries(self.principal, about or self.instance_id, entries, bulk=True)

    def path(self, about: UUID | None = None) -> str:
        return f"/api/instances/{about or self.instance_id}/logs/tail"


@pytest.fixture(scope="module")
def web(services: Deployment, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    web = Web(tmp_path_factory.mktemp("web"), PROJECT, DATABASE_POOL="4")
    yield web
    web.stop()


@pytest.fixture
def place(db: None) -> Place:
    return Place()


def drain(stream: Any, after: str | None) -> tuple[list[str], str | None]:
    """The messages that a tail gives now after a cursor, and where it stands then."""
    told: list[str] = []
    while items := stream.fetch(after):
        told += [item.data["message"] for item in items]
        after = items[-1].cursor
    return told, after


async def next_message(stream: Any) -> str:
    async with asyncio.timeout(15):
        return str(json.loads((await anext(stream))["data"])["message"])


async def test_a_number_beyond_64_bits_ends_no_tail(web: Web, place: Place) -> None:
    """PostgreSQL gives 1e300 back in all its digits."""
    headers = {"x-api-key": place.secret}
    async with (
        events(web.url + place.path(), **place.headers) as stream,
        connect(f"ws://{web.address}/ws/instances/{place.instance_id}/logs", additional_headers=headers) as socket,
    ):
        assert (await message(socket))["type"] == "following"
        await sync_to_async(place.write)("huge", details={"n": 1e300})
        async with asyncio.timeout(15):
            told = [json.loads((await anext(stream))["data"]), (await message(socket))["data"]]
    assert [entry["details"] for entry in told] == [{"n": 1e300}] * 2


async def test_a_tail_tells_what_is_new_and_resumes_after_what_it_told(web: Web, place: Place) -> None:
    await sync_to_async(place.write)("before anybody listened")
    async with events(web.url + place.path(), **place.headers) as stream:
        await sync_to_async(place.write)("one")
        async with asyncio.timeout(15):
            first = await anext(stream)
    assert (first["event"], json.loads(first["data"])["message"]) == ("log", "one")
    await sync_to_async(place.write)("two", "three")
    async with events(web.url + place.path(), **place.headers, last_event_id=first["id"]) as stream:
        assert [await next_message(stream), await next_message(stream)] == ["two", "three"]
    async with events(f"{web.url}{place.path()}?last_event_id={first['id']}", **place.headers) as stream:
        assert await next_message(stream) == "two"


async def test_an_entry_is_told_as_the_list_shows_it(web: Web, place: Place) -> None:
    async with events(web.url + place.path(), **place.headers) as stream:
        await sync_to_async(place.write)("x", details={"a": [1, None]}, duration_ms=1.5)
        async with asyncio.timeout(15):
            told = json.loads((await anext(stream))["data"])
    async with httpx.AsyncClient(headers={"x-api-key": place.secret}, verify=False) as client:
        assert (await client.get(f"{web.url}/api/logs/{told['id']}")).json() == told


async def test_a_tail_is_narrowed_by_type_and_level(web: Web, place: Place) -> None:
    query = "?level=error&level=critical&log_type=system"
    async with events(web.url + place.path() + query, **place.headers) as stream:
        await sync_to_async(place.write)("no")
        await sync_to_async(place.write)("no", level=Level.ERROR, log_type=LogType.THINKING)
        await sync_to_async(place.write)("yes", level=Level.ERROR)
        await sync_to_async(place.write)("no", level=Level.WARN)
        await sync_to_async(place.write)("yes too", level=Level.CRITICAL)
        assert [await next_message(stream), await next_message(stream)] == ["yes", "yes too"]


async def test_a_sites_tail_tells_of_all_its_instances_and_of_no_others(web: Web, place: Place) -> None:
    stranger = await sync_to_async(Place)()
    async with events(f"{web.url}/api/logs/tail", **place.headers) as stream:
        await sync_to_async(stranger.write)("not ours")
        await sync_to_async(place.write)("one")
        await sync_to_async(place.write)("two", about=place.other_id)
        assert [await next_message(stream), await next_message(stream)] == ["one", "two"]


async def test_a_socket_tells_the_same_and_resumes(web: Web, place: Place) -> None:
    url = f"ws://{web.address}/ws/instances/{place.instance_id}/logs?after="
    headers = {"authorization": f"Bearer {place.secret}"}
    async with connect(url, additional_headers=headers) as socket:
        begin = await message(socket)
        assert begin["type"] == "following"
    await sync_to_async(place.write)("missed")
    async with connect(url + begin["after"], additional_headers=headers) as socket:
        assert await message(socket) == begin
        told = await message(socket)
        assert (told["event"], told["data"]["message"]) == ("log", "missed")
        await sync_to_async(place.write)("live")
        assert (await message(socket))["data"]["message"] == "live"


async def test_a_foreign_instance_is_not_found_over_stream_and_socket(web: Web, place: Place) -> None:
    stranger = await sync_to_async(Place)()
    with pytest.raises(AssertionError, match="NOT_FOUND"):
        async with events(web.url + place.path(), **stranger.headers):
            pass
    url = f"ws://{web.address}/ws/instances/{place.instance_id}/logs"
    async with connect(url, additional_headers={"x-api-key": stranger.secret}) as socket:
        assert await refusal(socket) == (4404, "NOT_FOUND")


@pytest.mark.parametrize(
    "query", ["level=loud", "log_type=odd", "instance_id=1", "last_event_id=7", "cursor=", "last=501", "last=-1"]
)
async def test_what_a_tail_does_not_know_is_a_400_in_json(web: Web, place: Place, query: str) -> None:
    async with httpx.AsyncClient(headers={"x-api-key": place.secret}, verify=False) as client:
        for path in (place.path(), "/api/logs/tail"):
            answer = await client.get(f"{web.url}{path}?{query}")
            assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json"), answer.text
            assert answer.json()["code"] == "INVALID"


async def test_a_ticket_opens_each_kind_of_event_stream_once_and_nothing_else(web: Web, place: Place) -> None:
    def issue() -> str:
        return tickets.issue(place.principal)[0]

    history = f"/api/instances/{place.instance_id}/events"
    for path in (place.path(), "/api/logs/tail", history):
        ticket = await sync_to_async(issue)()
        async with events(f"{web.url}{path}?ticket={ticket}", accept="text/event-stream"):
            pass
        with pytest.raises(AssertionError, match="NOT_AUTHENTICATED"):
            async with events(f"{web.url}{path}?ticket={ticket}", accept="text/event-stream"):
                pass
    async with httpx.AsyncClient(verify=False) as client:
        ticket = await sync_to_async(issue)()
        for path in (history, f"/api/instances/{place.instance_id}", "/api/logs"):
            assert (await client.get(f"{web.url}{path}?ticket={ticket}")).status_code == 401
        foreign = {"ticket": ticket, "site_id": str(make.new_id())}
        assert (await client.get(f"{web.url}{place.path()}", params=foreign)).status_code == 404


async def test_a_key_that_may_not_read_logs_gets_no_tail(web: Web, place: Place) -> None:
    _, secret = await sync_to_async(make.key)(place.site, scopes=["instances:read"])
    async with httpx.AsyncClient(headers={"x-api-key": secret}, verify=False) as client:
        assert (await client.get(f"{web.url}{place.path()}")).status_code == 403
        assert (await client.get(f"{web.url}/api/logs/tail")).status_code == 403


async def test_an_entry_posted_over_rest_wakes_the_tail(web: Web, place: Place) -> None:
    """In the server's process, so that commit and nudge are its own."""
    async with events(f"{web.url}/api/logs/tail", **place.headers) as stream:
        async with httpx.AsyncClient(headers={"x-api-key": place.secret}, verify=False) as client:
            body = {"log_type": "system", "message": "posted", "instance_id": str(place.instance_id)}
            assert (await client.post(f"{web.url}/api/logs", json=body)).status_code == 201
        assert await next_message(stream) == "posted"


def test_an_entry_that_commits_late_is_not_passed_by(place: Place) -> None:
    """The early one has the smaller id and the smaller transaction, and becomes visible last."""
    stream = tails.instance_tail(place.principal, place.instance_id)
    written, commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with site_scope(place.principal.site_id):
            place.write("early, but late")
            written.set()
            commit.wait(20)
        connections.close_all()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    assert written.wait(10)
    place.write("quick")
    told, cursor = drain(stream, stream.start)
    assert told == []
    commit.set()
    slow.join()
    told, cursor = drain(stream, cursor)
    assert told == ["early, but late", "quick"]
    place.write("after")
    assert drain(stream, cursor)[0] == ["after"]


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(levels=frozenset({"error"}))], ids=["all", "narrowed"])
def test_nothing_is_missed_or_told_twice_while_many_write_at_once(place: Place, wanted: Wanted) -> None:
    stream = tails.site_tail(place.principal, wanted)
    begin = threading.Barrier(WRITERS + 1)

    def write(writer: int) -> None:
        begin.wait()
        for batch in range(BATCHES):
            about = place.instance_id if (writer + batch) % 2 else place.other_id
            level = Level.ERROR if batch % 3 else Level.INFO
            with transaction.atomic(), site_scope(place.principal.site_id):
                place.write(*(f"{writer}.{batch}.{n}" for n in range(ENTRIES)), about=about, level=level)
                with connection.cursor() as cursor:  # so that they commit in another order than they began
                    cursor.execute("SELECT pg_sleep(%s)", [0.001 * (writer % 3)])
        connections.close_all()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    told: list[Item] = []
    begin.wait()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        all_done = not any(writer.is_alive() for writer in writers)
        items = stream.fetch(told[-1].cursor if told else stream.start)
        told += items
        if all_done and not items:
            break
    for writer in writers:
        writer.join()
    level = {"level": "error"} if wanted.levels else {}
    expected = set(Log.everywhere.filter(**level).values_list("message", flat=True))
    assert len(expected) == WRITERS * ENTRIES * sum(1 for batch in range(BATCHES) if not level or batch % 3)
    messages = [item.data["message"] for item in told]
    assert (len(messages), set(messages)) == (len(expected), expected)
    assert [item.cursor for item in told] == sorted((item.cursor for item in told), key=_place)


def _place(cursor: str) -> tuple[int, str]:
    xid, _, row = cursor.partition("-")
    return int(xid), row


def test_a_narrowed_tail_looks_only_once_through_what_it_does_not_show(place: Place) -> None:
    stream = tails.instance_tail(place.principal, place.instance_id, Wanted(levels=frozenset({"critical"})))
    place.write(*(["noise"] * 300))
    assert drain(stream, stream.start)[0] == []
    with connections[CREW].cursor() as cursor:  # what was looked through would be seen, if it were looked at again
        cursor.execute("UPDATE instances_log SET level = 'critical' WHERE message = 'noise'")
    place.write("alarm", level=Level.CRITICAL)
    assert drain(stream, stream.start)[0] == ["alarm"]


def test_a_tail_goes_on_through_more_than_one_batch(place: Place) -> None:
    stream = tails.instance_tail(place.principal, place.instance_id)
    place.write(*(str(number) for number in range(2 * tails.BATCH + 1)))
    assert drain(stream, stream.start)[0] == [str(number) for number in range(2 * tails.BATCH + 1)]


@pytest.mark.parametrize(("last", "told"), [(0, []), (2, ["two", "three"]), (9, ["one", "two", "three"])])
def test_a_tail_begins_with_the_newest_that_it_is_asked_for(place: Place, last: int, told: list[str]) -> None:
    place.write("one")
    place.write("two", "three")
    place.write("elsewhere", about=place.other_id)
    stream = tails.instance_tail(place.principal, place.instance_id, last=last)
    assert drain(stream, stream.start)[0] == told


def test_the_newest_of_a_narrowed_tail_are_counted_after_narrowing(place: Place) -> None:
    place.write("old", level="error")
    place.write("bad", level="error")
    place.write("noise", "more noise")
    stream = tails.site_tail(place.principal, Wanted(levels=frozenset({"error"})), last=1)
    assert drain(stream, stream.start)[0] == ["bad"]


async def test_a_tail_over_sse_begins_with_the_newest(web: Web, place: Place) -> None:
    await sync_to_async(place.write)("old", "new")
    async with events(f"{web.url}{place.path()}?last=1", **place.headers) as stream:
        assert await next_message(stream) == "new"
