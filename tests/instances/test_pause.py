"""Held still and let go: what a pause is worth, and what still happens to what is paused."""

from __future__ import annotations

from typing import Any

import pytest

from common.errors import Conflict
from instances import perform, services
from instances.models import Instance
from instances.providers.base import Power
from tests.instances.conftest import World


def _paused(world: World, **fields: object) -> Instance:
    instance = world.running(**fields)
    services.request_pause(world.principal, instance.pk)
    return world.settle(instance)


def test_a_paused_instance_is_frozen_and_goes_on(world: World) -> None:
    instance = _paused(world)
    assert (instance.status, instance.desired_state, world.provider.frozen) == (
        "paused",
        "paused",
        {instance.machine},
    )
    with pytest.raises(Conflict, match="paused"):
        perform.must_run(world.principal, instance.pk)
    started_at = instance.started_at
    services.request_resume(world.principal, instance.pk)
    instance = world.settle(instance)
    assert (instance.status, world.provider.frozen, instance.started_at) == ("running", set(), started_at)
    assert instance.incarnation == 1
    assert world.history(instance)[-4:] == ["pause_requested", "pause_sent", "resume_requested", "resume_sent"]


def test_its_guest_s_silence_is_no_loss(world: World, later: Any) -> None:
    instance = _paused(world)
    world.guests.leave(instance.machine)
    later(600)
    assert world.settle(instance).status == "paused"
    services.request_resume(world.principal, instance.pk)
    assert world.settle(instance).status == "paused", "its guest is not back yet"
    assert world.provider.frozen == set()
    world.guests.arrive(instance.machine)
    assert world.settle(instance).status == "running"


def test_a_guest_that_never_comes_back_is_an_error(world: World, later: Any) -> None:
    instance = _paused(world)
    world.guests.leave(instance.machine)
    services.request_resume(world.principal, instance.pk)
    world.settle(instance)
    later(91)
    instance = world.settle(instance)
    assert instance.status == "error" and "guest" in instance.status_reason


def test_what_cannot_be_frozen_is_stopped_and_starts_again(world: World) -> None:
    world.provider.freezes = False
    instance = _paused(world)
    assert (instance.status, instance.desired_state) == ("stopped", "paused")
    services.request_resume(world.principal, instance.pk)
    instance = world.settle(instance)
    world.guests.arrive(instance.machine, boot_id="boot-2")
    assert world.settle(instance).status == "running"


def test_a_paused_instance_can_be_stopped_and_deleted(world: World) -> None:
    instance = _paused(world)
    services.request_stop(world.principal, instance.pk)
    assert world.settle(instance).status == "stopped"
    instance = _paused(world)
    services.request_deletion(world.principal, instance.pk)
    assert world.settle(instance).status == "deleted"
    assert instance.machine not in world.provider.machines


def test_its_time_runs_out_while_it_is_paused(world: World, later: Any) -> None:
    instance = _paused(world, timeout_ms=60_000)
    later(61)
    assert world.settle(instance).status == "stopped"


def test_a_pause_cut_off_and_taken_back_holds_nothing(world: World) -> None:
    instance = world.running()
    world.provider.frozen.add(instance.machine)  # and the worker was killed
    world.guests.leave(instance.machine)
    world.step(instance)
    assert world.provider.frozen == set()


@pytest.mark.parametrize(("power", "status"), [(Power.GONE, "error"), (Power.RESTING, "stopped")])
def test_a_machine_that_ends_while_it_is_paused_is_noticed(world: World, power: Power, status: str) -> None:
    instance = _paused(world)
    if power is Power.GONE:
        world.provider.machines.pop(instance.machine)
    else:
        world.provider.machines[instance.machine] = power
    Instance.everywhere.filter(pk=instance.pk).update(generation=instance.generation + 1)
    assert world.settle(instance).status == status


def test_only_what_runs_is_paused_and_asking_twice_is_success(world: World) -> None:
    pending = world.ask()
    for service in (services.request_pause, services.request_resume):
        with pytest.raises(Conflict):
            service(world.principal, pending.pk)
    instance = _paused(world)
    services.request_pause(world.principal, instance.pk)
    services.request_resume(world.principal, instance.pk)
    services.request_resume(world.principal, world.settle(instance).pk)
    assert world.history(instance).count("pause_requested") == 1
