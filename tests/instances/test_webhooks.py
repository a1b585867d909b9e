"""Webhooks from an event to a real receiver: signed, in order, again after every kind of fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from common import clock
from common.errors import NotFound
from common.tenancy import CREW
from guest.protocol.results import Result, Shell
from infra.embedded.processes import wait_until
from instances import outbox, startup, telling, webhooks
from instances.guestlink import Answer
from instances.models import Event, Instance, Webhook, WebhookDelivery
from sites.models import Site
from tests import make
from tests.instances.conftest import World
from tests.webhook_receiver import Receiver, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with receiving() as running:
        yield running


class Tenant:
    """The world's site with an owner's client, and hooks made over the API."""

    def __init__(self, world: World) -> None:
        self.row = Site.objects.using(CREW).get(pk=world.principal.site_id)
        self.client = make.client(self.row)

    def hook(self, url: str, **fields: Any) -> dict[str, Any]:
        answer = self.client.post("/api/webhooks", {"url": url, **fields})
        assert answer.status_code == 201, answer.content
        return dict(answer.json())

    def deliveries(self, hook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        return list(self.client.get(f"/api/webhooks/{hook['id']}/deliveries{query}").json()["results"])


@pytest.fixture
def site(world: World) -> Tenant:
    return Tenant(world)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let time pass: `later(seconds=…)`."""
    passed = [timedelta()]

    def go(**how_long: float) -> None:
        passed[0] += timedelta(**how_long)

    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + passed[0])
    return go


def test_every_event_reaches_the_receiver_signed_as_the_standard_has_it(
    world: World, site: Tenant, receiver: Receiver
) -> None:
    hook = site.hook(receiver.url)
    instance = world.running()
    telling.run()
    kinds = [f"instance.{kind}" for kind in world.history(instance)]
    assert receiver.kinds() == kinds and "instance.guest_ready" in kinds
    for heard in receiver.heard:
        Verifier(hook["secret"]).verify(heard.body, heard.headers)
        with pytest.raises(WebhookVerificationError):
            Verifier(hook["secret"]).verify(heard.body + b" ", heard.headers)
    shown = receiver.heard[0].json
    assert shown["data"]["instance_id"] == str(instance.pk) and shown["data"]["number"] == 1
    delivery = site.deliveries(hook)[-1]
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)
    assert delivery["message_id"] == receiver.heard[0].headers["webhook-id"]
    assert delivery["tries"][0]["status"] == 204 and delivery["tries"][0]["took_ms"] > 0


def test_only_the_kinds_that_were_asked_for_come_and_nothing_from_before(
    world: World, site: Tenant, receiver: Receiver
) -> None:
    before = world.running()
    site.hook(receiver.url, events=["instance.guest_ready"])
    after = world.running()
    telling.run()
    assert [heard.json["data"]["instance_id"] for heard in receiver.heard] == [str(after.pk)]
    assert receiver.kinds() == ["instance.guest_ready"]
    assert before.pk != after.pk


def test_another_sites_events_never_come(world: World, site: Tenant, receiver: Receiver) -> None:
    stranger = make.client(make.site())
    stranger.post("/api/webhooks", {"url": receiver.url})
    world.running()
    telling.run()
    assert receiver.heard == []


def test_the_secret_is_shown_once_and_both_sign_for_a_day_after_a_change(
    world: World, site: Tenant, receiver: Receiver, later: Any
) -> None:
    own = "whsec_" + "QUFB" * 8
    hook = site.hook(receiver.url, secret=own)
    shown = [site.client.get(f"/api/webhooks/{hook['id']}"), site.client.get("/api/webhooks")]
    assert all(own.encode() not in answer.content and b"keys" not in answer.content for answer in shown)
    changed = site.client.post(f"/api/webhooks/{hook['id']}/secret").json()["secret"]
    site.client.post(f"/api/webhooks/{hook['id']}/ping")
    telling.run()
    for secret in (own, changed):
        Verifier(secret).verify(receiver.heard[0].body, receiver.heard[0].headers)
    later(hours=25)
    site.client.post(f"/api/webhooks/{hook['id']}/ping")
    telling.run()
    assert len(receiver.heard[1].headers["webhook-signature"].split()) == 1
    raw = _raw("SELECT keys FROM instances_webhook")
    assert own.encode() not in raw and changed.encode() not in raw


def test_of_two_secrets_made_at_once_both_sign_and_what_went_meanwhile_is_not_found(
    world: World, site: Tenant, receiver: Receiver
) -> None:
    hook = site.hook(receiver.url)
    owner = make.principal(site.row)
    first, second = (webhooks.webhook_of(owner, UUID(hook["id"])) for _ in range(2))
    both = [webhooks.rotate_secret(owner, each) for each in (first, second)]
    webhooks.ping(owner, second)
    telling.run()
    for secret in both:
        Verifier(secret).verify(receiver.heard[0].body, receiver.heard[0].headers)
    site.client.delete(f"/api/webhooks/{hook['id']}")
    for ask in (webhooks.ping, webhooks.rotate_secret):
        with pytest.raises(NotFound):
            ask(owner, first)


def _raw(statement: str) -> bytes:
    with connections[CREW].cursor() as cursor:
        cursor.execute(statement)
        return b"".join(bytes(value) for row in cursor.fetchall() for value in row)


def test_an_instances_events_keep_their_order_and_other_instances_do_not_wait(
    world: World, site: Tenant, receiver: Receiver, later: Any
) -> None:
    site.hook(receiver.url, events=["instance.requested", "instance.ordered", "instance.created"])
    stuck, other = world.settle(world.ask()), world.settle(world.ask())
    receiver.answer = lambda heard: 503 if heard.json["data"]["instance_id"] == str(stuck.pk) else 204
    telling.run()
    of_stuck = [heard for heard in receiver.heard if heard.json["data"]["instance_id"] == str(stuck.pk)]
    assert [heard.json["data"]["number"] for heard in of_stuck] == [1], "the second waits for the first"
    assert [h.json["data"]["number"] for h in receiver.heard if h.json["data"]["instance_id"] == str(other.pk)] == [
        1,
        2,
        3,
    ]
    receiver.answer = lambda _: 204
    later(seconds=10)
    telling.run()
    assert [h.json["data"]["number"] for h in receiver.heard if h.json["data"]["instance_id"] == str(stuck.pk)] == [
        1,
        1,
        2,
        3,
    ]
    assert of_stuck[0].headers["webhook-id"] == receiver.heard[-3].headers["webhook-id"], "a retry keeps its id"


def test_pauses_grow_and_after_days_of_failure_the_webhook_is_disabled(
    world: World, site: Tenant, receiver: Receiver, later: Any
) -> None:
    hook = site.hook(receiver.url, events=["instance.requested"])
    world.ask()
    receiver.answer = lambda _: 500
    telling.run()
    first = site.deliveries(hook)[0]
    pauses = []
    while (delivery := site.deliveries(hook)[0])["status"] == "pending":
        pause = datetime.fromisoformat(delivery["next_attempt_at"]) - clock.now()
        pauses.append(pause.total_seconds())
        later(seconds=pause.total_seconds() + 1)
        telling.run()
        assert len(pauses) < 60
    assert first["next_attempt_at"] and pauses[1] > 3 * pauses[0] and max(pauses) < 8 * 3600
    assert delivery["status"] == "given_up" and delivery["tries"][-1]["error"] == "The receiver said no."
    world.ask()
    later(days=3)
    telling.run()
    later(days=3)
    telling.run()
    shown = site.client.get(f"/api/webhooks/{hook['id']}").json()
    assert shown["is_active"] is False and "3 days" in shown["disabled_reason"]
    count = len(receiver.heard)
    world.ask()
    telling.run()
    assert len(receiver.heard) == count, "a disabled one is told of nothing"
    receiver.answer = lambda _: 204
    again = site.client.patch(f"/api/webhooks/{hook['id']}", {"is_active": True}).json()
    assert (again["disabled_at"], again["disabled_reason"], again["failing_since"]) == (None, "", None)
    world.ask()
    telling.run()
    assert len(receiver.heard) == count + 1, "and then of what happens from now on"


def test_a_receiver_that_answers_gone_is_asked_no_more(world: World, site: Tenant, receiver: Receiver) -> None:
    hook = site.hook(receiver.url)
    world.ask()
    receiver.answer = lambda _: 410
    telling.run()
    assert len(receiver.heard) == 1
    assert "410" in site.client.get(f"/api/webhooks/{hook['id']}").json()["disabled_reason"]


RUN = "import django; django.setup(); from instances import telling; telling.run()"


def test_what_a_killed_worker_held_is_sent_again_after_its_lease(
    world: World, site: Tenant, receiver: Receiver, later: Any
) -> None:
    hook = site.hook(receiver.url, events=["instance.requested"])
    world.ask()
    receiver.hold = Flag()
    environment = {**os.environ, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    worker = subprocess.Popen([sys.executable, "-c", RUN], env=environment)
    wait_until(lambda: bool(receiver.heard), timeout_s=30, what="the message")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    receiver.hold.set()
    telling.run()
    assert len(receiver.heard) == 1, "the dead worker's lease holds still"
    later(seconds=outbox.LEASE_S + 1)
    telling.run()
    assert len(receiver.heard) == 2
    assert receiver.heard[0].headers["webhook-id"] == receiver.heard[1].headers["webhook-id"]
    assert receiver.heard[0].body == receiver.heard[1].body
    (delivery,) = site.deliveries(hook)
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 2)


def test_a_late_sender_does_not_write_over_the_one_that_took_over(
    world: World, site: Tenant, receiver: Receiver, later: Any
) -> None:
    hook = site.hook(receiver.url, events=["instance.requested"])
    world.ask()
    outbox.collect()
    (slow,) = outbox.claim((), room=8, each=4, of_site=4)
    later(seconds=outbox.LEASE_S + 1)
    telling.run()
    outbox.conclude(slow, outbox.Tried(500, 1.0, "late"))
    (delivery,) = site.deliveries(hook)
    assert (delivery["status"], len(delivery["tries"])) == ("delivered", 1)


def test_a_slow_receiver_ends_at_the_deadline_and_holds_up_nobody(
    world: World, site: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "DEADLINE_S", 1.0)
    with receiving() as dripping:
        dripping.drips = True
        slow, quick = site.hook(dripping.url), site.hook(receiver.url)
        for _ in range(6):
            world.ask()
        telling.run(for_s=5)
        dripping.drips = False
    assert len(receiver.heard) == 6
    (first, *_) = site.deliveries(slow, "?ordering=number")
    assert first["status"] == "pending" and first["tries"][0]["error"].startswith("Failed")
    assert first["tries"][0]["took_ms"] > 900
    assert {row["status"] for row in site.deliveries(quick)} == {"delivered"}
    assert len(dripping.heard) <= telling.AT_ONCE_EACH, "a slow one is left alone for a while"


def test_a_site_with_many_slow_receivers_holds_up_no_other_one(
    world: World, site: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make.client(make.site())
    with receiving() as tarpit:
        tarpit.hold = Flag()
        hooks = [site.hook(tarpit.url) for _ in range(40)]
        for hook in hooks * 4:
            site.client.post(f"/api/webhooks/{hook['id']}/ping")
        quick = other.post("/api/webhooks", {"url": receiver.url}).json()
        other.post(f"/api/webhooks/{quick['id']}/ping")
        with ThreadPoolExecutor(1) as thread:
            telling_them = thread.submit(telling.run, for_s=1)
            wait_until(lambda: receiver.kinds() == ["ping"], timeout_s=10, what="the other site's message")
            assert not telling_them.done() and len(tarpit.heard) <= telling.AT_ONCE_OF_SITE
            tarpit.hold.set()
            telling_them.result()


def test_a_webhook_that_goes_while_it_is_told_stops_nobody(world: World, site: Tenant, receiver: Receiver) -> None:
    goes, stays = site.hook(receiver.url), site.hook(receiver.url.replace("hook", "stays"))
    world.ask()

    def answer(heard: Any) -> int:
        site.client.delete(f"/api/webhooks/{goes['id']}")
        connections.close_all()
        return 204

    receiver.answer = answer
    telling.run()
    assert [row["status"] for row in site.deliveries(stays)] == ["delivered"]


def test_a_machine_that_says_an_endless_number_stops_nobodys_webhooks(
    world: World, site: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = site.hook(receiver.url, events=["instance.startup_failed"])
    instance = world.running(startup_script="exit")
    shell = Shell(stdout="", stderr="", exit_code=10**30)
    monkeypatch.setattr(world.guests, "act", lambda *_, **__: Answer(Result(shell=shell), b"", took_ms=1.0))
    startup.run(instance.pk)
    telling.run()
    assert [row["status"] for row in site.deliveries(hook)] == ["delivered"]
    assert receiver.heard[0].json["data"]["data"] == {"exit_code": 1e30}


def test_writing_an_event_waits_for_no_webhook(world: World, site: Tenant, receiver: Receiver) -> None:
    hook = site.hook(receiver.url)
    with transaction.atomic(using=CREW):
        Webhook.everywhere.select_for_update().get(pk=hook["id"])
        with connections["owner"].cursor() as cursor:  # as another session would, at the same time
            cursor.execute("SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE NOT l.granted")
            assert cursor.fetchone() == (0,)
        answer = site.client.post("/api/instances", {"name": "desk", "instance_type": "ubuntu"})
        assert answer.status_code == 201
        assert outbox.collect() == 0, "and whoever makes messages passes a webhook by that is held"
    assert outbox.collect() == 1


def test_a_message_can_be_sent_again_by_hand_and_a_ping_tries_an_address(
    world: World, site: Tenant, receiver: Receiver
) -> None:
    hook = site.hook(receiver.url, is_active=False)
    made = site.client.post(f"/api/webhooks/{hook['id']}/ping")
    assert made.status_code == 202 and made.json()["status"] == "pending"
    early = site.client.post(f"/api/webhooks/{hook['id']}/deliveries/{made.json()['id']}/redeliver")
    assert (early.status_code, early.json()["code"]) == (409, "CONFLICT")
    receiver.answer = lambda _: 500
    telling.run()
    (ping,) = site.deliveries(hook)
    assert (ping["status"], ping["attempts"]) == ("given_up", 1), "a ping is tried once"
    receiver.answer = lambda _: 204
    again = site.client.post(f"/api/webhooks/{hook['id']}/deliveries/{ping['id']}/redeliver").json()
    telling.run()
    assert receiver.heard[0].headers["webhook-id"] == receiver.heard[1].headers["webhook-id"] == again["message_id"]
    assert site.deliveries(hook, f"?id={again['id']}")[0]["status"] == "delivered"


def test_old_messages_are_swept_and_waiting_ones_are_not(
    world: World, site: Tenant, receiver: Receiver, later: Any
) -> None:
    site.hook(receiver.url, events=["instance.requested"])
    world.ask()
    telling.run()
    receiver.answer = lambda _: 500
    world.ask()
    telling.run()
    assert outbox.sweep() == 0
    later(days=15)
    assert outbox.sweep() == 1
    assert WebhookDelivery.everywhere.get().status == "pending"


def test_a_site_has_so_many_webhooks_and_kinds_have_a_shape(site: Tenant, receiver: Receiver) -> None:
    bad = site.client.post("/api/webhooks", {"url": receiver.url, "events": ["guest_ready"]})
    assert bad.status_code == 400 and "events" in bad.json()["details"]["fields"]
    assert site.client.post("/api/webhooks", {"url": receiver.url, "secret": "whsec_short"}).status_code == 400
    for _ in range(50):
        site.hook(receiver.url)
    full = site.client.post("/api/webhooks", {"url": receiver.url})
    assert (full.status_code, full.json()["code"]) == (409, "TOO_MANY_WEBHOOKS")


def test_ten_thousand_events_of_a_site_without_webhooks_cost_nothing(world: World, site: Tenant) -> None:
    instance = world.ask()
    row = Instance.everywhere.get(pk=instance.pk)
    Event.everywhere.bulk_create(
        Event(site_id=row.site_id, instance=row, number=number, kind="noted") for number in range(100, 1100)
    )
    assert outbox.collect() == 0 and WebhookDelivery.everywhere.count() == 0
