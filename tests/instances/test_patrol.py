"""The patrol: what is at rest costs nothing and is looked at when it differs; orphans go only when it is certain."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from common import clock
from common.ids import new_id
from common.tenancy import site_scope
from instances import orphans, patrol, services, tasks
from instances.guestlink import GuestUnreachable
from instances.models import Instance, Orphan
from instances.providers import registry
from instances.providers.base import Power, Unreachable
from instances.reconcile import making
from orchestrator import health
from tests import make

GRACE_S = 600


@pytest.fixture
def rounds(world, monkeypatch, settings):
    """Goes round once, with no other provider about."""
    monkeypatch.setattr(registry, "names", lambda: iter(["fake"]))
    settings.ORPHANS, settings.ORPHAN_GRACE_S = "report", GRACE_S
    return lambda **how: next(iter(list(patrol.go_round(**how))))


def _due(instance: Instance) -> bool:
    row = Instance.everywhere.get(pk=instance.pk)
    return row.look_again_at is not None and row.look_again_at <= clock.now()


def test_what_is_as_it_should_be_is_never_looked_at_by_itself(world, rounds):
    running, stopped = world.running(), world.running()
    services.request_stop(world.principal, stopped.pk)
    world.settle(stopped)
    world.guests.leave(stopped.machine)
    assert world.read(stopped).look_again_at is None
    assert world.read(running).look_again_at >= world.read(running).expires_at, "nothing but its time limit"
    calls = world.provider.called("inspect")
    assert rounds().woken == 0
    assert world.provider.called("inspect") == calls


@pytest.mark.parametrize("instances", [1, 4])
def test_a_round_costs_the_same_statements_for_any_number(world, rounds, instances, django_assert_num_queries):
    for _ in range(instances):
        world.running()
    with django_assert_num_queries(2, using="crew"):
        assert rounds().woken == 0


@pytest.mark.parametrize("what", ["machine ended", "guest left", "guest started anew"])
def test_a_running_instance_that_differs_is_looked_at(world, rounds, what):
    instance, other = world.running(), world.running()
    match what:
        case "machine ended":
            world.provider.machines.pop(instance.machine)
        case "guest left":
            world.guests.leave(instance.machine)
        case "guest started anew":
            world.guests.arrive(instance.machine, boot_id="boot-2")
    assert rounds().woken == 1
    assert (_due(instance), _due(other)) == (True, False)


def test_a_stopped_instance_whose_machine_is_up_or_gone_is_looked_at(world, rounds):
    up, gone = world.running(), world.running()
    for instance in (up, gone):
        services.request_stop(world.principal, instance.pk)
        world.settle(instance)
        world.guests.leave(instance.machine)
    world.provider.machines[up.machine] = Power.UP
    world.guests.arrive(up.machine)
    world.provider.machines.pop(gone.machine)
    assert rounds().woken == 2
    assert world.settle(gone).status == "error"
    assert world.step(up).status == "stopped"
    assert world.provider.machines[up.machine] == Power.RESTING


def test_nothing_is_concluded_where_the_list_fails_or_breaks_off(world, rounds, monkeypatch):
    instance = world.running()
    world.provider.machines.pop(instance.machine)
    world.provider.fail_next["list_ours"] = [Unreachable("cut")]
    assert rounds().machines is None

    def cut(self):
        yield from ()
        raise Unreachable("cut")

    monkeypatch.setattr(type(world.provider), "list_ours", cut)
    assert rounds().machines is None
    assert not _due(instance)


def test_a_redis_that_is_away_wakes_nobody(world, rounds, monkeypatch):
    world.running()

    def away(self, names):
        raise GuestUnreachable("away")

    monkeypatch.setattr(type(world.guests), "boot_ids", away)
    assert rounds().woken == 0


def test_who_is_looked_at_already_is_left_alone(world, rounds, later):
    instance = world.running()
    world.guests.leave(instance.machine)
    assert rounds().woken == 1
    assert rounds().woken == 0
    tasks.look(str(instance.pk))
    assert world.read(instance).guest_lost_at is not None


# --- orphans ------------------------------------------------------------------------------------------------------
def _machine_of(world, *, how: str) -> str:
    """A machine that no instance owns, for the given reason."""
    if how == "unknown":
        name = f"{new_id().hex}-1"
    elif how == "foreign":
        name = "somebodys-desk"
    else:
        instance = world.running()
        name = instance.machine
        if how == "deleted":
            services.request_deletion(world.principal, instance.pk)
            assert world.settle(instance).status == "deleted"
        elif how == "superseded":
            world.provider.machines.clear()
            world.settle(instance)
            services.request_retry(world.principal, instance.pk)
            world.settle(instance)
        elif how == "ahead":
            name = f"{instance.pk.hex}-7"
    world.provider.machines[name] = Power.UP
    return name


@pytest.mark.parametrize("how", ["unknown", "deleted", "superseded"])
def test_an_orphan_is_reported_and_after_its_grace_destroyed_where_that_is_wished(world, rounds, later, settings, how):
    name = _machine_of(world, how=how)
    rounds()
    row = Orphan.everywhere.get(machine=name)
    assert (row.reason, row.sightings, row.gone_at) == (how, 1, None)
    later(GRACE_S + 1)
    rounds()
    assert name in world.provider.machines, "only reported"
    settings.ORPHANS = "destroy"
    assert rounds().destroyed == 1
    assert name not in world.provider.machines
    rounds()
    row.refresh_from_db(using="crew")
    assert row.destroy_sent_at and row.gone_at


@pytest.mark.parametrize("how", ["ahead", "foreign"])
def test_what_may_yet_be_somebodys_is_only_told_of(world, rounds, later, how):
    name = _machine_of(world, how=how)
    for _ in range(3):
        assert rounds(destroy=True).destroyed == 0
        later(GRACE_S + 1)
    assert name in world.provider.machines
    assert Orphan.everywhere.get(machine=name).reason == how


def test_no_orphan_goes_before_its_grace_nor_after_a_single_sighting(world, rounds, later):
    name = _machine_of(world, how="unknown")
    rounds(destroy=True)
    later(GRACE_S - 1)
    assert rounds(destroy=True).destroyed == 0
    Orphan.everywhere.update(sightings=0)
    later(GRACE_S)
    Orphan.everywhere.update(sightings=0)
    assert rounds(destroy=True).destroyed == 0, "its first sighting after all"
    assert rounds(destroy=True).destroyed == 1
    assert name not in world.provider.machines


def test_a_machine_that_turns_out_to_be_owned_is_spared_under_the_lock(world, rounds, later, monkeypatch):
    """The list is old by the time of the check: the row says otherwise, and the row is locked."""
    instance = world.running()
    monkeypatch.setattr(orphans, "_reasons", lambda names: dict.fromkeys([instance.machine], "deleted"))
    for _ in range(3):
        later(GRACE_S + 1)
        assert rounds(destroy=True).destroyed == 0
    assert instance.machine in world.provider.machines


def test_a_failed_destruction_is_told_and_tried_again(world, rounds, later):
    name = _machine_of(world, how="unknown")
    rounds()
    later(GRACE_S + 1)
    world.provider.fail_next["destroy"] = [Unreachable("cut")]
    assert rounds(destroy=True).destroyed == 0
    assert "cut" in Orphan.everywhere.get(machine=name).fault
    assert rounds(destroy=True).destroyed == 1


def test_a_failed_list_closes_no_orphan(world, rounds):
    _machine_of(world, how="unknown")
    rounds()
    world.provider.fail_next["list_ours"] = [Unreachable("cut")]
    rounds()
    assert Orphan.everywhere.get().gone_at is None


def test_a_machine_made_by_a_worker_that_died_while_its_instance_was_deleted_is_found(world, rounds, later):
    """The one leak that no step can mend: the create came after all that the deletion could see."""
    instance = world.ask()
    world.step(instance)
    from_then = world.read(instance)
    services.request_deletion(world.principal, instance.pk)
    assert world.settle(instance).status == "deleted"
    making.create(from_then)
    rounds()
    later(GRACE_S + 1)
    assert rounds(destroy=True).destroyed == 1
    assert world.provider.machines == {}


def test_the_command_shows_and_destroys_and_health_counts(world, rounds, later):
    name = _machine_of(world, how="unknown")
    said = StringIO()
    call_command("orphans", "-o", "json", stdout=said)
    (shown,) = json.loads(said.getvalue())["orphans"]
    assert (shown["machine"], shown["reason"], shown["is_due"]) == (name, "unknown", False)
    with pytest.raises(health.NotWell, match="1 machines belong to no instance"):
        health.CHECKS["orphans"]()
    later(GRACE_S + 1)
    said = StringIO()
    call_command("orphans", "--destroy", stdout=said)
    assert "1 destroyed now" in said.getvalue()
    call_command("orphans", stdout=StringIO())
    assert health.CHECKS["orphans"]() == {"count": 0}
    world.provider.fail_next["list_ours"] = [Unreachable("cut")]
    with pytest.raises(CommandError, match="fake"):
        call_command("orphans", stdout=StringIO())


def test_tenants_see_no_orphan_and_superusers_do(world, rounds, client):
    name = _machine_of(world, how="unknown")
    rounds()
    with site_scope(world.principal.site_id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM instances_orphan")
        assert cursor.fetchone() == (0,)
    client.force_login(make.user(is_staff=True))
    assert client.get("/admin/instances/orphan/").status_code == 403
    client.force_login(make.user(is_staff=True, is_superuser=True))
    assert name in client.get("/admin/instances/orphan/").content.decode()
