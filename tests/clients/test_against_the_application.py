"""Both clients and the real application: what it answers is what they read."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

import orchestrator_client as oc
from orchestrator_client import AsyncClient, Client
from tests.clients.conftest import URL
from tests.instances.conftest import World


def test_an_instance_is_made_read_changed_and_deleted(world: World, client: Client) -> None:
    made = client.instances.create(name="a desk", instance_type="ubuntu", environment_variables={"LANG": "C"})
    assert (made.status, made.environment_variables) == ("pending", ["LANG"])
    assert made.created_at.tzinfo is not None
    assert client.instances.get(made.id) == made
    assert client.instances.update(made.id, name="another").name == "another"
    assert client.instances.delete(made.id).desired_state == "deleted"
    with pytest.raises(oc.Conflict) as refused:
        client.instances.start(made.id)
    assert refused.value.details["status"] in ("pending", "deleting")


def test_a_list_is_walked_to_its_end_page_by_page(world: World, client: Client) -> None:
    made = [str(world.ask(name=f"n{number}").pk) for number in range(5)]
    assert [row.id for row in client.instances.list(limit=2)] == made[::-1]
    first = client.instances.list(limit=2, count="exact").first()
    assert (len(first.results), first.count, first.more) == (2, 5, True)
    found = client.instances.list(name="n3", status="pending", created_after=datetime(2020, 1, 1, tzinfo=UTC)).all()
    assert [row.name for row in found] == ["n3"]
    assert client.instances.list(status=["running", "stopped"], instance_type="windows").all() == []


def test_each_refusal_is_an_error_of_its_own(world: World, client: Client) -> None:
    with pytest.raises(oc.NotFound) as missing:
        client.instances.get(str(uuid4()))
    assert (missing.value.code, missing.value.status) == ("NOT_FOUND", 404)
    assert missing.value.request_id and missing.value.request_id in str(missing.value)
    with pytest.raises(oc.InvalidRequest) as wrong:
        client.instances.create(name="", instance_type="toaster")  # type: ignore[typeddict-item]
    assert {"name", "instance_type"} <= wrong.value.details["fields"].keys()
    with pytest.raises(oc.Forbidden) as forbidden:
        client.keys.create(name="mine")
    assert forbidden.value.details["scope"] == "keys:write"
    with pytest.raises(oc.NotAuthenticated), Client(URL, "keyunknown_secret", http=client._transport._http) as nobody:
        nobody.me.get()
    instance = client.instances.create(name="a desk")
    with pytest.raises(oc.PreconditionFailed):
        client.instances.update(instance.id, name="x", if_match='"old"')


def test_an_action_reaches_the_guest_and_its_answer_comes_back(world: World, client: Client) -> None:
    desk = client.desktop(str(world.running().pk))
    desk.click(10, 20, modifiers=("ctrl",))
    desk.press("ctrl", "c")
    desk.drag((1, 2), (3, 4))
    done = desk.act({"type": "move", "x": 3, "y": 4})
    assert (done.type, done.shell) == ("move", None)
    told = [row.details for row in client.instances.list_logs(desk.id, log_type="user_action")]
    assert len(told) == 4
    with pytest.raises(oc.InvalidRequest) as wrong:
        desk.scroll("sideways")  # type: ignore[arg-type]
    assert wrong.value.code == "BAD_ACTION"


def test_plans_and_logs_are_written_and_read(world: World, client: Client) -> None:
    instance = client.instances.get(str(world.running().pk))
    plan = client.plans.create(
        instance_id=instance.id, title="Two guests", plan_type="task", steps=[{"id": "send", "title": "Send it"}]
    )
    assert [step.id for step in plan.steps] == ["send"]
    plan = client.plans.start(plan.id)
    plan = client.plans.update_step(plan.id, "send", status="completed", actual_output="sent")
    assert (plan.status, plan.progress_percentage) == ("completed", 100)
    written = client.logs.write(instance.id, log_type="thinking", message="Done.")
    assert client.logs.get(written.id) == written
    both = client.logs.write_many(
        instance.id, [{"log_type": "thinking", "message": "one"}, {"log_type": "error", "message": "two"}]
    )
    assert both.count == 2
    assert len(client.logs.list(log_type=["thinking", "error"]).all()) == 3


def test_who_asks_is_told_and_health_is_an_answer_even_when_it_is_bad(world: World, client: Client) -> None:
    assert client.me.get().site_id == str(world.principal.site_id)
    assert [site.id for site in client.sites.list()] == [str(world.principal.site_id)]
    assert client.health().components


def test_a_post_that_is_sent_twice_is_done_once(world: World, client: Client) -> None:
    one = client.instances.create(name="once", idempotency_key="k-1")
    assert client.instances.create(name="once", idempotency_key="k-1") == one
    assert len(client.instances.list().all()) == 1


def test_any_request_can_be_made_without_a_method_of_its_own(world: World, client: Client) -> None:
    body = {"name": "Ada", "description": "Counts."}
    made = client.request("POST", "/api/agents", json=body)
    assert client.request("get", f"/api/agents/{made['id']}")["name"] == "Ada"
    assert client.request("DELETE", f"/api/agents/{made['id']}") is None
    with pytest.raises(ValueError):
        client.request("GET", "https://elsewhere.example/")


async def test_the_asynchronous_client_does_the_same(world: World, asynchronous: AsyncClient) -> None:
    async with asynchronous as client:
        made = await client.instances.create(name="a desk", instance_type="ubuntu")
        assert [row.id async for row in client.instances.list(limit=1)] == [made.id]
        with pytest.raises(oc.NotFound):
            await client.plans.get(str(uuid4()))
        assert (await client.agents.create(name="Ada")).is_active is True
