"""Every walk through the lifecycle, with the faults that a provider and a guest can show."""

from __future__ import annotations

import pytest

from common.errors import Conflict
from instances import lifecycle, reconcile, services, tasks
from instances.guestlink import GuestRefused, GuestUnreachable
from instances.models import Instance
from instances.providers import registry
from instances.providers.base import OutOfCapacity, Power, Refused, Sighting, Unreachable
from instances.providers.simulated.lies import Lies
from instances.providers.simulated.provider import SimulatedProvider
from instances.reconcile import ending, making, pace


def test_an_instance_runs_when_its_guest_says_hello_and_has_its_environment(world):
    instance = world.settle(world.ask(environment_variables={"TOKEN": "s3cret"}))
    assert instance.status == "starting"
    world.guests.arrive(instance.machine)
    instance = world.settle(instance)
    assert instance.status == "running"
    assert world.guests.environments[instance.machine] == {"TOKEN": "s3cret"}
    assert instance.started_at is not None


def test_a_guest_that_is_gone_again_before_it_was_configured_is_waited_for(world):
    instance = world.settle(world.ask())
    world.guests.arrive(instance.machine)
    world.guests.fail_next.append(GuestUnreachable("gone"))
    assert world.step(instance).status == "starting"
    assert world.settle(instance).status == "running"


def test_stop_keeps_the_machine_and_start_takes_the_same_one(world):
    instance = world.running()
    services.request_stop(world.principal, instance.pk)
    stopped = world.settle(instance)
    assert (stopped.status, world.provider.machines) == ("stopped", {instance.machine: Power.RESTING})
    services.request_start(world.principal, instance.pk)
    starting = world.settle(instance)
    assert starting.status == "starting", "a hello of the boot before the stop is not one of this boot"
    world.guests.arrive(instance.machine, boot_id="boot-2")
    running = world.settle(instance)
    assert (running.status, running.incarnation) == ("running", 1)
    assert world.provider.called("create") == 1


def test_restart_goes_down_and_up_once(world):
    instance = world.running()
    services.request_restart(world.principal, instance.pk)
    world.settle(instance)
    world.guests.arrive(instance.machine, boot_id="boot-2")
    assert world.settle(instance).status == "running"
    assert (world.provider.called("stop"), world.provider.called("start")) == (1, 1)
    assert world.settle(instance).status == "running"
    assert world.provider.called("stop") == 1


def test_a_stop_asked_while_pending_makes_no_machine_and_start_makes_one(world):
    instance = world.ask()
    services.request_stop(world.principal, instance.pk)
    assert world.settle(instance).status == "stopped"
    assert world.provider.machines == {}
    services.request_start(world.principal, instance.pk)
    instance = world.settle(instance)
    world.guests.arrive(instance.machine)
    assert world.settle(instance).status == "running"


@pytest.mark.parametrize("steps", [1, 2])
def test_a_stop_asked_on_the_way_up_is_honoured(world, steps):
    instance = world.ask()
    for _ in range(steps):
        world.step(instance)
    services.request_stop(world.principal, instance.pk)
    assert world.settle(instance).status == "stopped"


@pytest.mark.parametrize("steps", range(5))
def test_deletion_is_accepted_in_every_status_and_leaves_no_machine(world, steps):
    instance = world.ask()
    for _ in range(steps):
        instance = world.step(instance)
        if instance.status == "starting":
            world.guests.arrive(instance.machine)
    services.request_deletion(world.principal, instance.pk)
    services.request_deletion(world.principal, instance.pk)
    gone = world.settle(instance)
    assert (gone.status, world.provider.machines) == ("deleted", {})
    assert gone.deleted_at is not None
    assert world.history(instance).count("deletion_requested") == 1


def test_a_deleted_instance_cannot_be_wished_back(world):
    instance = world.running()
    services.request_deletion(world.principal, instance.pk)
    with pytest.raises(Conflict):
        services.request_start(world.principal, instance.pk)
    assert world.settle(instance).status == "deleted"


def test_a_crashed_create_makes_one_machine(world, later):
    """The provider made it, then the worker died: nothing of it stands in the row."""
    instance = world.ask()
    world.step(instance)
    claimed = lifecycle.claim(instance.pk)
    making.create(claimed.instance)
    later(lifecycle.LEASE_S + 1)
    assert world.settle(instance).status == "starting"
    assert len(world.provider.machines) == 1


def test_a_create_whose_answer_was_lost_is_asked_again_with_the_same_name(world):
    world.provider.after["create"] = [Unreachable("cut")]
    instance = world.settle(world.ask())
    assert instance.status == "provisioning"
    assert world.step(instance).status == "starting"
    assert list(world.provider.machines) == [instance.machine]


def test_a_machine_without_a_handle_is_found_and_destroyed(world, later):
    instance = world.ask()
    world.step(instance)
    making.create(lifecycle.claim(instance.pk).instance)
    services.request_deletion(world.principal, instance.pk)
    later(lifecycle.LEASE_S + 1)
    assert world.settle(instance).status == "deleted"
    assert world.provider.machines == {}


def test_a_create_that_comes_after_the_deletion_is_undone(world, later):
    instance = world.ask()
    world.step(instance)
    slow = lifecycle.claim(instance.pk)
    later(lifecycle.LEASE_S + 1)
    services.request_deletion(world.principal, instance.pk)
    assert world.settle(instance).status == "deleted"
    outcome = making.create(slow.instance)
    with pytest.raises(lifecycle.Superseded):
        lifecycle.conclude(slow, outcome)
    ending.undo_late_create(slow)
    assert world.provider.machines == {}


def test_no_capacity_is_tried_again_and_a_refusal_is_not(world):
    world.provider.fail_next["create"] = [OutOfCapacity("full"), Refused("no such size")]
    instance = world.settle(world.ask())
    assert instance.status == "provisioning"
    failed = world.step(instance)
    assert (failed.status, failed.status_reason) == ("error", "no such size")


@pytest.mark.parametrize(("status", "words"), [("provisioning", "made no machine"), ("starting", "did not come up")])
def test_a_missed_deadline_ends_in_error_with_a_reason_for_people(world, later, status, words):
    if status == "provisioning":
        world.provider.fail_next["create"] = [OutOfCapacity("full")] * 3
    instance = world.settle(world.ask())
    assert instance.status == status
    later(600)
    failed = world.settle(instance)
    assert failed.status == "error"
    assert words in failed.status_reason


def test_a_machine_that_came_up_while_nobody_looked_is_running_not_late(world, later):
    instance = world.settle(world.ask())
    later(600)
    world.guests.arrive(instance.machine)
    assert world.settle(instance).status == "running"


def test_a_machine_that_vanishes_is_an_error_that_can_be_retried(world):
    instance = world.running()
    world.provider.machines.clear()
    failed = world.settle(instance)
    assert failed.status == "error"
    assert failed.status_reason
    assert world.settle(instance).status == "error", "nobody asked for a retry"
    services.request_retry(world.principal, instance.pk)
    second = world.settle(instance)
    world.guests.arrive(second.machine)
    running = world.settle(second)
    assert (running.status, running.incarnation) == ("running", 2)
    assert list(world.provider.machines) == [running.machine]


def test_start_in_error_is_a_retry_and_stop_is_refused(world):
    instance = world.running()
    world.provider.machines.clear()
    world.settle(instance)
    with pytest.raises(Conflict):
        services.request_stop(world.principal, instance.pk)
    services.request_start(world.principal, instance.pk)
    assert world.settle(instance).incarnation == 2


def test_a_retry_waits_until_the_old_machine_is_gone(world, later, monkeypatch):
    instance = world.settle(world.ask())
    later(600)
    assert world.settle(instance).status == "error"
    destroy = type(world.provider).destroy
    monkeypatch.setattr(type(world.provider), "destroy", lambda self, handle: None)
    services.request_retry(world.principal, instance.pk)
    assert world.settle(instance).status == "error"
    assert list(world.provider.machines) == [instance.machine]
    monkeypatch.setattr(type(world.provider), "destroy", destroy)
    second = world.settle(instance)
    assert (second.status, list(world.provider.machines)) == ("starting", [second.machine])


def test_on_loss_replace_makes_a_new_machine_a_few_times_only(world):
    instance = world.running(configuration={"on_loss": "replace"})
    for losses in range(1, making.REPLACE_AT_MOST + 1):
        world.provider.machines.clear()
        assert world.settle(instance).status == "error"
        replaced = world.settle(instance)
        world.guests.arrive(replaced.machine, boot_id=f"boot-{losses}")
        assert world.settle(instance).status == "running"
    world.provider.machines.clear()
    world.settle(instance)
    assert world.settle(instance).status == "error"


def test_a_guest_that_stays_silent_is_an_error_and_one_that_comes_back_is_not(world, later):
    instance = world.running()
    world.guests.leave(instance.machine)
    assert world.step(instance).status == "running"
    later(30)
    world.guests.arrive(instance.machine)
    assert world.step(instance).guest_lost_at is None
    world.guests.leave(instance.machine)
    world.step(instance)
    later(pace.GUEST_SILENT_S + 1)
    failed = world.step(instance)
    assert failed.status == "error"
    assert "has not answered" in failed.status_reason


def test_a_guest_program_that_started_anew_gets_its_environment_again(world):
    instance = world.running(environment_variables={"A": "1"})
    world.guests.environments.clear()
    world.guests.arrive(instance.machine, boot_id="boot-2")
    assert world.step(instance).boot_id == "boot-2"
    assert world.guests.environments[instance.machine] == {"A": "1"}


def test_a_changed_environment_reaches_the_running_machine(world):
    instance = world.running(environment_variables={"A": "1"})
    services.change_instance(world.principal, instance.pk, environment_variables={"A": "2"})
    world.settle(instance)
    assert world.guests.environments[instance.machine] == {"A": "2"}


def test_a_guest_that_refuses_its_configuration_is_an_error(world):
    instance = world.settle(world.ask())
    world.guests.arrive(instance.machine)
    world.guests.fail_next.append(GuestRefused("failed", "no"))
    assert world.settle(instance).status == "error"


def test_a_machine_whose_last_words_hold_a_nul_ends_in_error_like_any_other(world, monkeypatch):
    """No row takes it: the step would fail at each look, and the instance be running for ever."""
    instance, coming_up = world.running(), world.settle(world.ask())
    world.guests.arrive(coming_up.machine)
    world.guests.fail_next.append(GuestRefused("failed", "n\0"))
    assert world.settle(coming_up).status_reason == "the machine refused its configuration: n\ufffd"
    monkeypatch.setattr(world.provider, "inspect", lambda handle: Sighting(Power.GONE, "It ended: a\0b"))
    assert world.step(instance).status_reason == "It ended: a\ufffdb"
    assert (world.read(instance).status, world.read(coming_up).status) == ("error", "error")


def test_a_machine_that_rests_unasked_is_started_again(world):
    instance = world.running()
    world.provider.machines[instance.machine] = Power.RESTING
    assert world.settle(instance).status == "starting"
    assert world.provider.machines[instance.machine] == Power.UP


def test_a_failed_stop_is_never_written_as_stopped(world, later, monkeypatch):
    instance = world.running()
    monkeypatch.setattr(type(world.provider), "stop", lambda self, handle: None)
    services.request_stop(world.principal, instance.pk)
    assert world.settle(instance).status == "stopping"
    later(120)
    failed = world.settle(instance)
    assert (failed.status, "did not stop" in failed.status_reason) == ("error", True)
    services.request_deletion(world.principal, instance.pk)
    assert world.settle(instance).status == "deleted"


@pytest.fixture
def slower(monkeypatch):
    """The provider is a cloud that needs four minutes more than a local sandbox."""
    monkeypatch.setattr(registry, "boot_within_s", lambda name: {"fake": 240.0}[name])


@pytest.mark.usefixtures("slower")
def test_a_machine_of_a_slower_cloud_may_take_its_time_to_boot_anew(world, later):
    """As Windows does after an update. In error a retry would destroy its disk."""
    instance = world.running()
    world.guests.leave(instance.machine)
    world.step(instance)
    later(200)
    assert world.step(instance).status == "running"
    later(200)
    failed = world.step(instance)
    assert (failed.status, "330 seconds" in failed.status_reason) == ("error", True)


@pytest.mark.usefixtures("slower")
def test_a_machine_that_takes_long_is_not_asked_for_all_the_time(world, later):
    """Fifty that boot for two minutes were a hundred questions a second, more than EC2 answers an account."""
    instance = world.settle(world.ask())
    before = world.provider.called("inspect")
    passed_s = 0.0
    while passed_s < 120:
        delay_s = reconcile.step(instance.pk)
        passed_s += delay_s
        later(delay_s)
    assert world.read(instance).status == "starting"
    assert world.provider.called("inspect") - before < 65


@pytest.mark.usefixtures("slower")
def test_a_machine_of_a_slower_cloud_may_take_its_time_to_stop(world, later, monkeypatch):
    instance = world.running()
    with monkeypatch.context() as slow:
        slow.setattr(world.provider, "stop", lambda handle: None)
        services.request_stop(world.principal, instance.pk)
        world.settle(instance)
        later(200)
        assert world.settle(instance).status == "stopping"
    world.settle(instance)
    assert world.settle(instance).status == "stopped"


def test_a_deletion_past_its_deadline_raises_one_alarm_and_goes_on(world, later, monkeypatch):
    instance = world.running()
    destroy = type(world.provider).destroy
    monkeypatch.setattr(type(world.provider), "destroy", lambda self, handle: None)
    services.request_deletion(world.principal, instance.pk)
    world.settle(instance)
    later(400)
    for _ in range(3):
        assert world.step(instance).status == "deleting"
    assert world.history(instance).count("alarm") == 1
    monkeypatch.setattr(type(world.provider), "destroy", destroy)
    assert world.step(instance).status == "deleted"


def test_a_provider_that_does_not_answer_does_not_end_a_deletion(world):
    instance = world.running()
    services.request_deletion(world.principal, instance.pk)
    world.provider.fail_next["destroy"] = [Unreachable("cut"), Unreachable("cut")]
    for _ in range(4):
        world.settle(instance)
    assert world.read(instance).status == "deleted"


def test_a_deletion_that_the_provider_never_answers_raises_its_alarm_all_the_same(world, later):
    instance = world.running()
    services.request_deletion(world.principal, instance.pk)
    world.provider.fail_next["destroy"] = [Unreachable("cut")] * 5
    world.settle(instance)
    later(400)
    world.step(instance)
    assert (world.step(instance).status, world.history(instance).count("alarm")) == ("deleting", 1)
    world.provider.fail_next.clear()
    assert world.step(instance).status == "deleted"


def test_a_deletion_waits_as_long_as_the_cloud_may_not_show_the_machine(world, later, tmp_path):
    """Its cloud says gone of a machine that it will show half a minute later."""
    blind = SimulatedProvider(tmp_path / "cloud.sqlite")
    blind.cloud.tell(Lies(unseen_s=20))
    registry.install("fake", blind)
    instance = world.settle(world.ask())
    services.request_deletion(world.principal, instance.pk)
    assert world.settle(instance).status == "deleting"
    later(21)
    assert (world.settle(instance).status, blind.cloud.machines()) == ("deleted", [])


def test_a_machine_that_its_cloud_does_not_show_yet_is_not_lost(world, later, tmp_path):
    blind = SimulatedProvider(tmp_path / "cloud.sqlite")
    blind.cloud.tell(Lies(unseen_s=20))
    registry.install("fake", blind)
    instance = world.settle(world.ask())
    assert world.step(instance).status == "starting"
    world.guests.arrive(instance.machine)
    assert world.settle(instance).status == "running"
    assert world.step(instance).status == "running"


def test_a_stopped_machine_that_disappeared_is_an_error_when_it_is_started(world):
    instance = world.running()
    services.request_stop(world.principal, instance.pk)
    world.settle(instance)
    world.provider.machines.clear()
    services.request_start(world.principal, instance.pk)
    failed = world.settle(instance)
    assert (failed.status, "disappeared" in failed.status_reason) == ("error", True)


def test_a_start_that_is_refused_is_an_error_with_the_reason(world):
    instance = world.running()
    services.request_stop(world.principal, instance.pk)
    world.settle(instance)
    world.provider.fail_next["start"] = [Refused("not in your plan")]
    services.request_start(world.principal, instance.pk)
    failed = world.settle(instance)
    assert (failed.status, failed.status_reason) == ("error", "not in your plan")


def test_a_stop_and_a_start_that_come_too_late_are_put_right(world):
    instance = world.settle(world.ask())
    world.provider.machines[instance.machine] = Power.RESTING
    assert world.step(instance).status == "starting"
    assert world.provider.machines[instance.machine] == Power.UP
    services.request_stop(world.principal, instance.pk)
    assert world.settle(instance).status == "stopped"
    world.provider.machines[instance.machine] = Power.UP
    assert world.step(instance).status == "stopped"
    assert world.provider.machines[instance.machine] == Power.RESTING


def test_a_stale_create_whose_answer_was_lost_is_undone(world, later, monkeypatch):
    """Its worker was slow: the row is deleted before the provider makes the machine, and the answer is lost, too."""
    instance = world.ask()
    world.step(instance)
    create = type(world.provider).create

    def slow(self, spec, *, token):
        later(lifecycle.LEASE_S + 1)
        services.request_deletion(world.principal, instance.pk)
        assert world.settle(instance).status == "deleted"
        create(self, spec, token=token)
        raise Unreachable("cut")

    monkeypatch.setattr(type(world.provider), "create", slow)
    reconcile.step(instance.pk)
    assert (world.read(instance).status, world.provider.machines) == ("deleted", {})


def test_resting_keeps_the_wish_and_the_next_look_starts_it_again(world):
    instance = world.running()
    while not reconcile.rest(instance.pk):
        pass
    rested = world.read(instance)
    assert (rested.status, rested.desired_state) == ("stopped", "running")
    assert world.settle(instance).status == "starting"


def test_two_starts_make_one_machine(world):
    instance = world.running()
    services.request_stop(world.principal, instance.pk)
    world.settle(instance)
    services.request_start(world.principal, instance.pk)
    services.request_start(world.principal, instance.pk)
    world.settle(instance)
    assert world.provider.called("start") == 1
    assert len(world.provider.machines) == 1


def test_the_sweep_finds_what_no_message_told_of(world, monkeypatch):
    instance = world.ask()
    queued: list[str] = []
    monkeypatch.setattr(tasks.look, "delay", queued.append)
    assert tasks.sweep() == 1
    assert queued == [str(instance.pk)]
    assert tasks.sweep() == 0, "a row that was queued just now is left alone for a while"


def test_a_look_by_the_name_of_the_machine_finds_the_instance(world):
    instance = world.settle(world.ask())
    world.guests.arrive(instance.machine)
    tasks.look(instance.machine)
    assert world.read(instance).status == "running"


def test_a_countdown_that_is_not_due_any_more_does_nothing(world):
    instance = world.running()
    calls = len(world.provider.calls)
    reconcile.step(instance.pk, only_if_due=True)
    assert len(world.provider.calls) == calls


def test_the_guest_token_is_in_no_row(world):
    instance = world.running()
    token = world.provider.specs[instance.machine].guest_token
    row = Instance.everywhere.filter(pk=instance.pk).values().get()
    assert token
    assert token not in str(row)
