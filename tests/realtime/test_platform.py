"""The project behind its real server, on real Postgres: an instance's and a site's events, by stream and socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone
from websockets.asyncio.client import connect

from common.tenancy import CREW
from infra.deployment import Deployment
from instances import lifecycle, services
from instances.models import Instance
from sites.models import ApiKey, Membership, Site, User
from tests import make
from tests.realtime.clients import events, message, refusal
from tests.realtime.rows import eventually
from tests.realtime.served import PROJECT, Web

pytestmark = pytest.mark.django_db
STREAMS = 40
"""More than the pool has connections, so streams that kept theirs would starve each other."""


class Place:
    """A site with one instance and a key."""

    def __init__(self) -> None:
        self.site: Site = make.site()
        self.key: ApiKey
        self.key, self.secret = make.key(self.site)
        self.instance_id: UUID = services.request_instance(
            make.principal(self.site), name="desk", instance_type="ubuntu"
        ).pk
        self.events_path = f"/api/instances/{self.instance_id}/events"

    def plan(self) -> str:
        body = {"title": "a plan", "plan_type": "task"}
        made = make.client_with(self.secret).post(f"/api/instances/{self.instance_id}/plans", body)
        return str(made.json()["id"])

    def happen(self, kind: str) -> int:
        """One more event of the instance; its number."""
        with transaction.atomic(using=CREW):
            row = Instance.everywhere.select_for_update().get(pk=self.instance_id)
            lifecycle.record(row, kind)
            row.save(update_fields=["last_event"])
            return row.last_event


@pytest.fixture(scope="module")
def web(services: Deployment, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    web = Web(tmp_path_factory.mktemp("web"), PROJECT, DATABASE_POOL="4", STREAM_RECHECK_S="1")
    yield web
    web.stop()


@pytest.fixture
def place(web: Web) -> Place:
    return Place()


async def test_an_instances_events_are_streamed_and_resumed(web: Web, place: Place) -> None:
    async with events(web.url + place.events_path, x_api_key=place.secret) as stream:
        first = await anext(stream)
        number = await sync_to_async(place.happen)("one")
        second = await anext(stream)
    await sync_to_async(place.happen)("two")
    resumed = {"x_api_key": place.secret, "last_event_id": second["id"]}
    async with events(web.url + place.events_path, **resumed) as stream:
        third = await anext(stream)
    assert [first["id"], second["id"], third["id"]] == ["1", str(number), str(number + 1)]
    assert json.loads(third["data"])["kind"] == "two"


async def test_streams_keep_no_connection_to_the_database_while_they_wait(
    web: Web, place: Place, services: Deployment
) -> None:
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(events(web.url + place.events_path, x_api_key=place.secret))
            for _ in range(STREAMS)
        ]
        assert [(await anext(stream))["id"] for stream in opened] == ["1"] * STREAMS
        number = await sync_to_async(place.happen)("one")
        woken = await asyncio.gather(*(anext(stream) for stream in opened))
        assert [event["id"] for event in woken] == [str(number)] * STREAMS
        await eventually(lambda: _busy(services) == 0)


async def test_a_sites_socket_tells_of_all_its_instances_and_resumes(web: Web, place: Place) -> None:
    url = f"ws://{web.address}/ws/sites/{place.site.pk}?after="
    headers = {"authorization": f"Bearer {place.secret}"}
    async with connect(url, additional_headers=headers) as socket:
        begin = await message(socket)
        assert begin["type"] == "following"
    await sync_to_async(place.happen)("while nobody listened")
    async with connect(url + begin["after"], additional_headers=headers) as socket:
        assert await message(socket) == begin
        missed = await message(socket)
        assert missed["data"]["kind"] == "while nobody listened"
        await sync_to_async(place.happen)("live")
        assert (await message(socket))["data"]["kind"] == "live"


async def test_a_foreign_instance_is_not_found_over_socket_and_stream(web: Web, place: Place) -> None:
    stranger = await sync_to_async(Place)()
    url = f"ws://{web.address}/ws/instances/{place.instance_id}"
    async with connect(url, additional_headers={"x-api-key": stranger.secret}) as socket:
        assert await refusal(socket) == (4404, "NOT_FOUND")
    with pytest.raises(AssertionError, match="NOT_FOUND"):
        async with events(web.url + place.events_path, x_api_key=stranger.secret):
            pass


async def test_an_unknown_socket_path_is_refused_at_the_handshake(web: Web) -> None:
    with pytest.raises(Exception, match="HTTP 403"):
        async with connect(f"ws://{web.address}/ws/nothing"):
            pass


PUT_OUT: dict[str, Callable[[ApiKey], Any]] = {
    "the key is revoked": lambda key: ApiKey.everywhere.filter(pk=key.pk).update(revoked_at=timezone.now()),
    "the member is removed": lambda key: Membership.everywhere.filter(user_id=key.user_id).delete(),
    "the user is disabled": lambda key: User.objects.using(CREW).filter(pk=key.user_id).update(is_active=False),
    "the site is suspended": lambda key: Site.objects.using(CREW).filter(pk=key.site_id).update(is_active=False),
}


@pytest.mark.parametrize("why", PUT_OUT)
async def test_every_open_stream_ends_when(web: Web, place: Place, why: str) -> None:
    plan = await sync_to_async(place.plan)()
    streamed = [
        place.events_path,
        f"/api/plans/{plan}/events",
        f"/api/instances/{place.instance_id}/logs/tail",
        "/api/logs/tail",
    ]
    under = [f"sites/{place.site.pk}", f"instances/{place.instance_id}", f"plans/{plan}"]
    sockets = [*under, f"instances/{place.instance_id}/logs"]
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(events(web.url + path, x_api_key=place.secret)) for path in streamed]
        opened = [
            await stack.enter_async_context(
                connect(f"ws://{web.address}/ws/{path}", additional_headers={"x-api-key": place.secret})
            )
            for path in sockets
        ]
        assert [(await message(socket))["type"] for socket in opened] == ["following"] * len(sockets)

        await sync_to_async(PUT_OUT[why])(place.key)

        async with asyncio.timeout(15):
            ends = await asyncio.gather(*(_end(stream) for stream in streams))
            assert ends == ["NOT_AUTHENTICATED"] * len(streamed)
            refused = await asyncio.gather(*(refusal(socket) for socket in opened))
            assert refused == [(4401, "NOT_AUTHENTICATED")] * len(sockets)


async def _end(stream: AsyncIterator[dict[str, str]]) -> str:
    """What a stream says last, once it has ended."""
    last = [event async for event in stream][-1]
    assert last["event"] == "error"
    return str(json.loads(last["data"])["code"])


def _busy(services: Deployment) -> int:
    """Sessions of the web's role that are in a transaction."""
    with psycopg.connect(services.postgres().url("owner"), autocommit=True) as postgres:
        row = postgres.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state LIKE 'idle in transaction%'"
        ).fetchone()
    return int(row[0]) if row else 0
