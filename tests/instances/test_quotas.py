"""A site's quotas hold against a crowd, are equal to its rows, and make machines wait their turn."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from common.errors import TooMany
from common.tenancy import CREW
from guest.protocol.actions import CursorPosition
from instances import perform, reconcile, services, usage
from instances.models import Instance
from instances.reconcile import pace
from sites.models import Site
from tests import make

CROWD = 100


def _limit(site_id: Any, **quotas: Any) -> None:
    Site.objects.using(CREW).filter(pk=site_id).update(**{f"quota_{name}": limit for name, limit in quotas.items()})


def _refused(answer: Any, quota: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (429, "QUOTA_EXCEEDED"), answer.content
    assert int(answer.headers["Retry-After"]) >= 1
    details = answer.json()["details"]
    assert details["quota"] == quota and details["used"] >= details["limit"]
    return details


@pytest.mark.django_db
def test_a_hundred_parallel_creates_at_quota_ten_make_exactly_ten() -> None:
    site = make.site()
    _limit(site.pk, instances=10)
    _, secret = make.key(site)
    together = threading.Barrier(12)

    def create(number: int) -> Any:
        if number < 12:
            together.wait(10)
        try:
            return make.client_with(secret).post("/api/instances", {"name": f"desk {number}"})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(create, range(CROWD)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(429)) == (10, CROWD - 10)
    assert Instance.everywhere.filter(site=site).count() == 10
    _refused(next(answer for answer in answers if answer.status_code == 429), "instances")


@pytest.mark.django_db
def test_each_quota_is_named_and_another_site_has_its_own() -> None:
    site, other = make.site(), make.site()
    _limit(site.pk, instances=3, running=1, per_type={"windows": 1})
    client = make.client(site)
    ask = {"name": "desk", "instance_type": "windows", "status": "stopped"}
    assert client.post("/api/instances", ask).status_code == 201
    assert _refused(client.post("/api/instances", ask), "instances.windows") == {
        "quota": "instances.windows",
        "limit": 1,
        "used": 1,
    }
    assert client.post("/api/instances", {"name": "desk"}).status_code == 201
    _refused(client.post("/api/instances", {"name": "desk"}), "running")
    assert client.post("/api/instances", {"name": "desk", "status": "stopped"}).status_code == 201
    _refused(client.post("/api/instances", {"name": "desk", "status": "stopped"}), "instances")
    assert make.client(other).post("/api/instances", ask).status_code == 201


def test_a_start_and_a_changed_wish_take_a_place_among_the_running(world: Any) -> None:
    site_id = world.principal.site_id
    _limit(site_id, running=1)
    first, second = world.ask(), world.ask(desired_state="stopped")
    for again in (
        lambda: services.request_start(world.principal, second.pk),
        lambda: services.change_instance(world.principal, second.pk, desired_state="running"),
    ):
        with pytest.raises(TooMany) as refusal:
            again()
        assert refusal.value.details == {"quota": "running", "limit": 1, "used": 1}
    assert world.read(second).desired_state == "stopped"
    services.request_start(world.principal, first.pk)  # it has its place already
    services.request_stop(world.principal, first.pk)
    services.request_start(world.principal, second.pk)
    with pytest.raises(TooMany):
        services.request_start(world.principal, first.pk)


def test_a_retry_keeps_the_place_that_a_failure_held(world: Any) -> None:
    _limit(world.principal.site_id, running=1)
    instance = world.running()
    world.provider.machines.clear()
    assert world.settle(instance).status == "error"
    with pytest.raises(TooMany):
        world.ask()
    services.request_retry(world.principal, instance.pk)
    assert world.settle(instance).status == "starting"
    services.request_deletion(world.principal, instance.pk)
    assert world.ask().pk  # what is to be deleted shall not run any more


def test_what_is_used_equals_the_rows_all_the_way(world: Any) -> None:
    def check() -> None:
        rows = list(Instance.everywhere.filter(site_id=world.principal.site_id, deleted_at=None))
        used = usage.used_by(world.principal.site_id, using=CREW)
        assert used.instances == len(rows) == sum(used.per_type.values())
        assert used.running == sum(row.desired_state == "running" for row in rows)
        assert used.provisioning == sum(row.status in ("provisioning", "starting") for row in rows)

    check()
    instances = [world.ask(), world.ask(instance_type="browser"), world.ask(desired_state="stopped")]
    check()
    for instance in instances:
        world.settle(instance)
        check()
    for change in (services.request_stop, services.request_start, services.request_deletion):
        for instance in instances:
            change(world.principal, instance.pk)
            check()
            world.settle(instance)
            check()
    assert usage.used_by(world.principal.site_id, using=CREW).instances == 0


def test_machines_are_made_in_turn_and_nobody_is_refused(world: Any, later: Any) -> None:
    _limit(world.principal.site_id, provisioning=1)
    first, second, third = (world.ask() for _ in range(3))
    assert world.settle(third).status == "pending", "who asked first goes first"
    assert world.settle(first).status == "starting"
    waiting = world.settle(second)
    assert waiting.status == "pending" and "1 machines in the making" in waiting.status_reason
    assert reconcile.step(second.pk) == pace.QUEUED_S
    later(3600)
    assert world.settle(second).status == "pending", "a place in the queue has no deadline"
    world.guests.arrive(first.machine)
    assert world.settle(first).status == "running" or world.read(first).status == "error"
    ordered = world.settle(second)
    assert (ordered.status, ordered.status_reason) == ("starting", "")


def test_a_crowd_of_workers_makes_no_more_at_once_than_may_be(world: Any) -> None:
    _limit(world.principal.site_id, provisioning=3)
    instances = [world.ask() for _ in range(12)]

    def step(instance: Instance) -> None:
        try:
            reconcile.step(instance.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(step, instances * 2))
    assert usage.used_by(world.principal.site_id, using=CREW).provisioning == 3


def test_actions_are_counted_by_the_minute_and_without_redis_not_at_all(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _limit(world.principal.site_id, actions_a_minute=2)
    instance = world.running()
    for _ in range(2):
        perform.act(world.principal, instance.pk, CursorPosition())
    with pytest.raises(TooMany) as refusal:
        perform.act(world.principal, instance.pk, CursorPosition())
    assert refusal.value.details == {"quota": "actions_a_minute", "limit": 2, "used": 2}
    assert 0 < (refusal.value.retry_after_s or 0) <= 66
    assert len(world.guests.acted) == 2
    monkeypatch.setattr("common.windows.spend", lambda *_, **__: None)
    perform.act(world.principal, instance.pk, CursorPosition())


@pytest.mark.django_db
def test_usage_shows_every_quota_to_the_sites_own_people() -> None:
    site = make.site()
    _limit(site.pk, instances=5, per_type={"browser": 2})
    client = make.client(site, "viewer")
    make.client(site).post("/api/instances", {"name": "desk"})
    answer = client.get(f"/api/sites/{site.pk}/usage")
    assert answer.status_code == 200
    lines = {line["quota"]: (line["limit"], line["used"], line["remaining"]) for line in answer.json()["quotas"]}
    assert lines["instances"] == (5, 1, 4)
    assert lines["instances.browser"] == (2, 1, 1) and lines["instances.windows"] == (None, 0, None)
    assert lines["running"][1] == 1 and lines["provisioning"][1] == 0 and lines["actions_a_minute"][1] == 0
    assert client.get(f"/api/sites/{make.site().pk}/usage").status_code == 404
    assert make.client(site).put(f"/api/sites/{site.pk}", {"quota_instances": 99}).status_code == 400


@pytest.mark.django_db
def test_only_the_platforms_operators_set_quotas_in_the_admin() -> None:
    site = make.site()
    member = make.member(site, "owner", who=make.user(is_staff=True))
    for user, may in ((make.user(is_staff=True, is_superuser=True), True), (member.user, False)):
        browser = Client()
        browser.force_login(user)
        page = browser.get(f"/admin/sites/site/{site.pk}/change/")
        assert page.status_code == 200
        assert (b'name="quota_instances"' in page.content) == may
