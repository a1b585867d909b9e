"""Recordings are made: what was shown and done is in them, whatever breaks meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from common.objects import StoreAway, StoreFull
from common.objects.folder import FolderStore
from guest.protocol.actions import Click, Type
from instances import perform, services
from instances.models import Instance, Recording, RecordingStatus
from instances.recordings import leases, recorder
from sites.models import Site
from tests.instances.conftest import World
from tests.instances.recordings.conftest import Gateway, Studio

FINISHED, INTERRUPTED = RecordingStatus.FINISHED, RecordingStatus.INTERRUPTED


def test_it_holds_what_was_shown_and_done_and_no_typed_text(studio: Studio, world: World, gateway: Gateway) -> None:
    instance = world.running()
    row = studio.ask(instance)
    studio.begin()
    gateway.show(b"first", b"second", b"second")
    studio.holding(row, 2)
    perform.act(world.principal, instance.pk, Click(x=5, y=7))
    perform.act(world.principal, instance.pk, Type(text="hunter2-canary"))
    gateway.show(b"third")
    studio.holding(row, 3)
    row = studio.end(row)

    assert (row.status, row.reason) == (FINISHED, "Somebody ended it.")
    assert studio.pictures(row) == [b"first", b"second", b"third"], "what did not change is not kept twice"
    done = studio.actions(row)
    assert [(one["type"], one["message"]) for one in done] == [("click", "click"), ("type", "typed 14 characters")]
    assert done[0]["arguments"]["x"] == 5 and 0 <= done[0]["at_ms"] <= done[1]["at_ms"]
    assert (row.frames, row.actions, row.parts > 0, row.gaps) == (3, 2, True, 0)
    kept = [studio.store.read(stored.key) for stored in studio.store.listed(row.folder)]
    assert sum(map(len, kept)) == row.bytes
    assert b"hunter2-canary" not in b"".join(kept)
    assert world.history(instance)[-2:] == ["recording_started", "recording_ended"]


def test_it_holds_every_action_however_many_came_before_its_end(
    studio: Studio, world: World, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "ACTIONS_AT_ONCE", 2)
    monkeypatch.setattr(recorder, "PART_S", 600)
    instance = world.running()
    row = studio.ask(instance)
    studio.begin()
    for x in range(5):
        perform.act(world.principal, instance.pk, Click(x=x, y=7))
    row = studio.end(row)
    assert [one["arguments"]["x"] for one in studio.actions(row)] == [0, 1, 2, 3, 4]
    assert row.actions == 5


def test_one_that_waits_begins_when_its_instance_runs(studio: Studio, world: World, gateway: Gateway) -> None:
    instance = world.settle(world.ask())
    row = studio.ask(instance)
    assert studio.begin() == [] and studio.read(row).status == "waiting"
    world.guests.arrive(instance.machine)
    world.settle(instance)
    gateway.show(b"boot")
    studio.begin()
    assert studio.holding(row, 1).status == "recording"
    assert studio.end(row).frames == 1


def test_pictures_that_cease_are_a_gap_and_it_goes_on(studio: Studio, world: World, gateway: Gateway) -> None:
    row = studio.ask(world.running())
    studio.begin()
    gateway.show(b"before")
    gateway.hang_up()
    studio.until(row, lambda read: read.gaps == 1 and len(gateway.watched) == 2, "another connection")
    gateway.show(b"before", b"after")
    studio.holding(row, 2)
    row = studio.end(row)
    assert (studio.pictures(row), row.gaps, row.status) == ([b"before", b"after"], 1, FINISHED)


def test_another_goes_on_where_a_process_crashed(studio: Studio, world: World, later: Any) -> None:
    row = studio.ask(world.running())
    (crashed,) = leases.claim(5)
    leases.store(crashed, _part(b"one"), cursor=crashed.cursor)
    assert leases.claim(5) == [], "while its lease lasts nobody else takes it"
    later(leases.LEASE_S + 1)
    (taken,) = leases.claim(5)
    with pytest.raises(leases.Lost):
        leases.store(crashed, _part(b"too late"), cursor=crashed.cursor)
    with pytest.raises(leases.Lost):
        leases.standing(crashed)
    leases.conclude(crashed, recorder.interrupted("by the one that lost it"))
    leases.store(taken, _part(b"two"), cursor=taken.cursor)
    read = studio.read(row)
    assert (studio.pictures(row), read.status, read.gaps, read.parts) == ([b"one", b"two"], "recording", 1, 2)


def test_a_worker_that_rests_gives_it_back_with_all_that_it_held(
    studio: Studio, world: World, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "PART_S", 60.0)
    seen, add = [], recorder.Reel.add_frame
    monkeypatch.setattr(recorder.Reel, "add_frame", lambda *given: (add(*given), seen.append(given)))
    row = studio.ask(world.running())
    studio.begin()
    gateway.show(b"seen")
    studio.until(row, lambda _: seen, "a picture")
    assert studio.read(row).parts == 0
    studio.rest()
    read = studio.read(row)
    assert (studio.pictures(row), read.status, read.lease_until) == ([b"seen"], "recording", None)
    assert [held.row.pk for held in leases.claim(5)] == [row.pk]


class _Failing(FolderStore):
    fault: Exception = StoreFull("full")

    def put(self, key: str, content: bytes) -> None:
        raise self.fault


@pytest.mark.parametrize(("fault", "reason"), [(StoreFull("full"), "no room"), (StoreAway("away"), "reached")])
def test_a_store_that_fails_interrupts_it_and_leaves_what_was_kept(
    studio: Studio, world: World, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, fault: Exception, reason: str
) -> None:
    monkeypatch.setattr(recorder, "STORE_WITHIN_S", 0.1)
    row = studio.ask(world.running())
    studio.begin()
    gateway.show(b"kept")
    studio.holding(row, 1)
    monkeypatch.setattr(_Failing, "fault", fault)
    monkeypatch.setattr(studio.store, "__class__", _Failing)
    gateway.show(b"lost")
    row = studio.until(row, lambda read: read.ended_at, "its end")
    assert row.status == INTERRUPTED and reason in row.reason
    assert studio.pictures(row) == [b"kept"]


def test_it_ends_with_its_instance(studio: Studio, world: World, gateway: Gateway) -> None:
    instance = world.running()
    row = studio.ask(instance)
    studio.begin()
    gateway.show(b"last")
    studio.holding(row, 1)
    services.request_deletion(world.principal, instance.pk)
    world.settle(instance)
    row = studio.until(row, lambda read: read.ended_at, "its end")
    assert (row.status, row.reason, studio.pictures(row)) == (FINISHED, "The instance was deleted.", [b"last"])


def test_it_ends_where_its_site_is_suspended(studio: Studio, world: World) -> None:
    row = studio.ask(world.running())
    (held,) = leases.claim(5)
    assert leases.standing(held).ending is None
    Site.objects.using("crew").filter(pk=row.site_id).update(is_active=False)
    end = leases.standing(held).ending
    assert end is not None and (end.status, end.reason) == (INTERRUPTED, "The site was suspended.")


def test_each_run_of_an_instance_that_says_so_is_recorded_once(studio: Studio, world: World) -> None:
    instance = world.running(record=True)
    world.running()
    assert [leases.ask_for_due(), leases.ask_for_due()] == [1, 0]
    (held,) = leases.claim(5)
    assert held.row.instance_id == instance.pk and held.row.created_by_id is None
    leases.conclude(held, recorder.interrupted("somebody had enough of it"))
    assert leases.ask_for_due() == 0, "one that was ended does not begin anew"
    services.request_stop(world.principal, instance.pk)
    world.settle(instance)
    services.request_start(world.principal, instance.pk)
    world.settle(instance)
    world.guests.arrive(world.read(instance).machine, boot_id="another")
    assert world.settle(instance).status == "running"
    assert leases.ask_for_due() == 1


def test_a_machine_of_a_pool_is_recorded_from_when_it_is_somebodys(studio: Studio, world: World) -> None:
    instance = world.running(record=True)
    Instance.everywhere.filter(pk=instance.pk).update(pooled=True)
    assert leases.ask_for_due() == 0
    Instance.everywhere.filter(pk=instance.pk).update(pooled=False)
    assert leases.ask_for_due() == 1


def test_a_site_that_keeps_all_it_may_gets_no_more(
    studio: Studio, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(leases.settings.QUOTAS, "recordings_mib", 0)
    world.running(record=True)
    assert leases.ask_for_due() == 1
    row = Recording.everywhere.get()
    assert row.status == INTERRUPTED and "quota of 0 MiB" in row.reason
    assert leases.ask_for_due() == 0 == len(leases.claim(5))


def _part(picture: bytes) -> Any:
    reel = recorder.Reel()
    reel.add_frame(0, b"\xff\xd8" + picture)
    return reel.cut()
