"""A plan's history as it comes: over the project's real server, resumed by number."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect

from infra.deployment import Deployment
from plans import reconcile, services
from tests import make
from tests.plans.conftest import befall, running
from tests.realtime.clients import events, message, refusal
from tests.realtime.served import PROJECT, Web

pytestmark = pytest.mark.django_db


class Planned:
    """A site with a key, a running instance and a plan in progress."""

    def __init__(self) -> None:
        self.site = make.site()
        _, self.secret = make.key(self.site)
        self.principal = make.principal(self.site)
        self.instance = running(self.principal)
        fields = {"title": "plan", "plan_type": "task", "steps": [{"id": "a", "title": "A"}]}
        self.plan = services.write_plan(self.principal, self.instance.pk, **fields)
        services.start_plan(self.principal, self.plan.pk)
        self.path = f"/api/plans/{self.plan.pk}/events"

    def step(self, status: str) -> None:
        services.change_step(self.principal, self.plan.pk, "a", status=status)

    def fall(self) -> None:
        befall(self.instance, "stop_sent")
        reconcile.sweep()


@pytest.fixture(scope="module")
def web(services: Deployment, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    web = Web(tmp_path_factory.mktemp("web"), PROJECT)
    yield web
    web.stop()


async def test_a_plans_events_are_streamed_as_they_come_and_resumed(web: Web, db: None) -> None:
    planned = await sync_to_async(Planned)()
    async with events(web.url + planned.path, x_api_key=planned.secret) as stream:
        kinds = [json.loads((await anext(stream))["data"])["kind"] for _ in range(3)]
        assert kinds == ["written", "steps_changed", "started"]
        await sync_to_async(planned.step)("in_progress")
        moved = await anext(stream)
        assert json.loads(moved["data"])["data"] == {"steps": [{"id": "a", "title": "A", "status": "in_progress"}]}
    await sync_to_async(planned.fall)()
    async with events(web.url + planned.path, x_api_key=planned.secret, last_event_id=moved["id"]) as stream:
        failed = json.loads((await anext(stream))["data"])
    assert (failed["number"], failed["kind"], failed["status"]) == (5, "failed", "failed")
    assert failed["message"] == "The instance was stopped."


async def test_a_socket_tells_the_same_and_resumes(web: Web, db: None) -> None:
    planned = await sync_to_async(Planned)()
    url = f"ws://{web.address}/ws/plans/{planned.plan.pk}?after=2"
    async with connect(url, additional_headers={"x-api-key": planned.secret}) as socket:
        assert (await message(socket))["type"] == "following"
        assert (await message(socket))["data"]["kind"] == "started"
        await sync_to_async(planned.fall)()
        assert (await message(socket))["data"]["status"] == "failed"


async def test_a_foreign_plan_is_not_streamed(web: Web, db: None) -> None:
    planned, stranger = await sync_to_async(Planned)(), await sync_to_async(Planned)()
    with pytest.raises(AssertionError, match="NOT_FOUND"):
        async with events(web.url + planned.path, x_api_key=stranger.secret):
            pass
    async with connect(
        f"ws://{web.address}/ws/plans/{planned.plan.pk}", additional_headers={"x-api-key": stranger.secret}
    ) as socket:
        assert await refusal(socket) == (4404, "NOT_FOUND")
