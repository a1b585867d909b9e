"""Time limits and idleness: when an instance ends by itself, what puts that off, and that nobody loses the race."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from common.errors import Conflict, Invalid
from guest.protocol.actions import CursorPosition
from instances import extending, lifecycle, perform, services, timelimits
from instances.models import Event
from tests import make

HOUR_S = 3600


def test_an_instance_has_the_platforms_time_limit_from_when_it_runs(world):
    asked = world.ask()
    assert (asked.timeout_ms, asked.expires_at, asked.on_timeout) == (timelimits.HOUR_MS, None, "stop")
    instance = world.running()
    assert instance.expires_at == instance.started_at + timedelta(hours=1)


def test_at_its_end_it_is_stopped_and_says_why(world, later):
    instance = world.running(timeout_ms=2 * timelimits.HOUR_MS)
    later(2 * HOUR_S - 60)
    assert world.settle(instance).status == "running"
    later(60)
    instance = world.settle(instance)
    assert (instance.status, instance.desired_state) == ("stopped", "stopped")
    assert instance.status_reason == "Its time limit of 2 hours is over."
    assert instance.expires_at is None
    assert world.history(instance)[-3:] == ["expired", "stop_sent", "went_down"]


def test_the_next_look_is_no_later_than_the_end(world):
    instance = world.running(timeout_ms=5000)
    assert instance.look_again_at <= instance.expires_at + timedelta(seconds=0.1)


def test_the_next_run_has_the_whole_time_again_and_no_old_reason(world, later):
    instance = world.running()
    later(HOUR_S + 1)
    world.settle(instance)
    services.request_start(world.principal, instance.pk)
    world.settle(instance)
    world.guests.arrive(instance.machine, boot_id="boot-2")
    instance = world.settle(instance)
    assert (instance.status, instance.status_reason, instance.wish_reason) == ("running", "", "")
    assert instance.expires_at == instance.started_at + timedelta(hours=1)


def test_where_it_is_wished_it_is_deleted(world, later):
    instance = world.running(on_timeout="delete", timeout_ms=60_000)
    later(61)
    instance = world.settle(instance)
    assert (instance.status, world.provider.machines) == ("deleted", {})
    assert "expired" in world.history(instance)


def test_an_error_that_nobody_mends_is_deleted_in_time_where_it_is_wished(world, later):
    instance = world.settle(world.ask(on_timeout="delete", timeout_ms=60_000))
    later(600)
    instance = world.settle(instance)
    assert instance.status == "error"
    assert instance.look_again_at is not None
    later(61)
    assert world.settle(instance).status == "deleted"
    assert world.provider.machines == {}


@pytest.mark.parametrize("waited_s", [3500, 3601])
def test_what_is_retried_before_that_is_kept_and_has_its_whole_time(world, later, waited_s):
    """Retried in time, though the worker comes late."""
    instance = world.running(on_timeout="delete")
    later(1800)
    world.provider.machines.pop(instance.machine)
    instance = world.settle(instance)
    assert (instance.expires_at - clock.now()).total_seconds() == pytest.approx(HOUR_S, abs=10), "not what was left"
    services.request_retry(world.principal, instance.pk)
    later(waited_s)
    instance = world.settle(instance)
    world.guests.arrive(instance.machine)
    instance = world.settle(instance)
    assert instance.status == "running"
    assert (instance.expires_at - instance.started_at).total_seconds() == HOUR_S


def test_an_error_stays_where_its_end_would_be_a_stop(world, later):
    instance = world.settle(world.ask(timeout_ms=60_000))
    later(600)
    world.settle(instance)
    later(600)
    instance = world.settle(instance)
    assert (instance.status, instance.expires_at, instance.look_again_at) == ("error", None, None)


def test_without_a_limit_it_goes_on(world, later):
    instance = world.running(timeout_ms=None)
    later(1000 * HOUR_S)
    assert world.settle(instance).status == "running"


def test_more_time_counts_from_now_and_never_takes_any(world, later):
    instance = world.running()
    later(HOUR_S / 2)
    extended = extending.request_extension(world.principal, instance.pk)
    assert extended.expires_at - clock.now() == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=5))
    assert extending.request_extension(world.principal, instance.pk, timeout_ms=1000).expires_at == extended.expires_at
    later(HOUR_S - 60)
    assert world.settle(instance).status == "running"
    later(61)
    assert world.settle(instance).status == "stopped"
    assert world.history(instance).count("extended") == 1


def test_more_time_that_comes_between_look_and_lock_is_honoured(world, later, monkeypatch):
    """The end is decided under the row's lock and not by what was read before."""
    instance = world.running()
    later(HOUR_S + 1)
    claim = lifecycle.claim

    def extended_meanwhile(*arguments, **options):
        extending.request_extension(world.principal, instance.pk)
        return claim(*arguments, **options)

    monkeypatch.setattr(lifecycle, "claim", extended_meanwhile)
    assert world.step(instance).status == "running"
    assert "expired" not in world.history(instance)


def test_what_does_not_run_cannot_be_given_more_time(world):
    instance = world.ask()
    with pytest.raises(Conflict):
        extending.request_extension(world.principal, instance.pk)
    running = world.running()
    services.request_stop(world.principal, running.pk)
    with pytest.raises(Conflict):
        extending.request_extension(world.principal, running.pk)


def test_a_changed_limit_counts_from_the_beginning_of_the_run(world, later):
    instance = world.running()
    later(600)
    services.change_instance(world.principal, instance.pk, timeout_ms=700_000)
    assert world.settle(instance).status == "running"
    later(101)
    assert world.settle(instance).status == "stopped"


def test_a_changed_limit_does_not_retry_an_error(world, later):
    instance = world.settle(world.ask())
    later(600)
    assert world.settle(instance).status == "error"
    services.change_instance(world.principal, instance.pk, timeout_ms=60_000)
    assert world.settle(instance).status == "error"


def test_a_user_who_starts_it_in_time_has_their_way_over_an_old_end(world, later):
    """Stopped by the platform, started again by somebody: the old reason is gone."""
    instance = world.running()
    later(HOUR_S + 1)
    world.step(instance)
    services.request_start(world.principal, instance.pk)
    assert (world.read(instance).desired_state, world.read(instance).wish_reason) == ("running", "")
    assert world.settle(instance).status == "starting"
    world.guests.arrive(instance.machine, boot_id="boot-2")
    assert world.settle(instance).status == "running"
    assert (world.read(instance).expires_at - clock.now()).total_seconds() == pytest.approx(HOUR_S, abs=10)


def test_a_user_who_starts_what_was_to_stop_as_idle_has_their_way(world, later):
    instance = world.running(timeout_ms=None, idle_stop_minutes=10)
    later(601)
    lifecycle.release(lifecycle.claim(instance.pk), look_in_s=0)
    assert (world.read(instance).status, world.read(instance).desired_state) == ("running", "stopped")
    services.request_start(world.principal, instance.pk)
    assert (world.settle(instance).status, world.history(instance).count("idle")) == ("running", 1)


def test_it_is_stopped_when_nobody_has_used_it(world, later):
    instance = world.running(timeout_ms=None, idle_stop_minutes=10)
    later(599)
    assert world.settle(instance).status == "running"
    later(2)
    instance = world.settle(instance)
    assert (instance.status, instance.status_reason) == ("stopped", "Nobody used it for 10 minutes.")
    assert "idle" in world.history(instance)


def test_an_action_a_view_and_more_time_are_use(world, later):
    instance = world.running(timeout_ms=None, idle_stop_minutes=10)
    site_id = world.principal.site_id
    for use in (
        lambda: perform.act(world.principal, instance.pk, CursorPosition()),
        lambda: extending.keep_active(site_id, instance.pk, until=clock.in_s(1)),
        lambda: extending.request_extension(world.principal, instance.pk),
    ):
        later(500)
        use()
        later(500)
        assert world.settle(instance).status == "running"
    later(200)
    assert world.settle(instance).status == "stopped"


def test_use_is_said_for_an_hour_at_most_and_never_taken_back(world):
    instance = world.running(idle_stop_minutes=10)
    site_id = world.principal.site_id
    extending.keep_active(site_id, instance.pk, uuid4(), until=clock.in_s(1e6))
    until = world.read(instance).active_until
    assert until <= clock.in_s(extending.ACTIVE_AT_MOST_S)
    extending.keep_active(site_id, instance.pk, until=clock.now())
    assert world.read(instance).active_until == until
    extending.keep_active(make.site().pk, instance.pk, until=clock.in_s(1e7))
    assert world.read(instance).active_until == until


def test_the_operators_longest_limit_binds_everybody(world):
    with override_settings(TIMEOUT_HOURS_MAX=2):
        for too_long in (None, 3 * timelimits.HOUR_MS):
            with pytest.raises(Invalid):
                world.ask(timeout_ms=too_long)
        instance = world.running(timeout_ms=timelimits.HOUR_MS)
        with pytest.raises(Invalid):
            extending.request_extension(world.principal, instance.pk, timeout_ms=3 * timelimits.HOUR_MS)
        with pytest.raises(Invalid):
            services.change_instance(world.principal, instance.pk, timeout_ms=None)


def test_the_platforms_settings_count_where_nothing_is_said(world):
    with override_settings(TIMEOUT_HOURS=0, IDLE_STOP_MINUTES=45):
        instance = world.ask()
        assert (instance.timeout_ms, instance.idle_stop_minutes) == (None, 45)
        assert world.ask(idle_stop_minutes=None).idle_stop_minutes is None


def test_over_http_either_unit_is_taken_and_both_are_told(world):
    client = _client(world)
    made = client.post("/api/instances", {"name": "desk", "timeout_hours": 0.5, "on_timeout": "delete"}).json()
    assert (made["timeout_ms"], made["timeout_hours"], made["on_timeout"]) == (1_800_000, 0.5, "delete")
    changed = client.patch(f"/api/instances/{made['id']}", {"timeout_ms": 90_000, "idle_stop_minutes": 5}).json()
    assert (changed["timeout_ms"], changed["timeout_hours"], changed["idle_stop_minutes"]) == (90_000, 0.025, 5)
    assert client.get(f"/api/instances/{made['id']}").json()["timeout_hours"] == 0.025
    wrong = [
        {"timeout_ms": 5000, "timeout_hours": 1},
        {"timeout_ms": 999},
        {"timeout_hours": 0},
        {"timeout_hours": float(10**9)},
        {"timeout_hours": "1"},
        {"idle_stop_minutes": 0},
        {"on_timeout": "pause"},
        {"expires_at": "2030-01-01T00:00:00Z"},
    ]
    answers = [client.patch(f"/api/instances/{made['id']}", body) for body in wrong]
    assert [answer.status_code for answer in answers] == [400] * len(wrong)


def test_over_http_an_end_is_put_off(world):
    instance, client = world.running(), _client(world)
    path = f"/api/instances/{instance.pk}/extend"
    answer = client.post(path, {"timeout_hours": 3})
    assert answer.status_code == 200
    assert answer.json()["expires_at"] > client.get("/api/instances").json()["results"][0]["started_at"]
    assert client.post(path).json()["expires_at"] == answer.json()["expires_at"]
    assert client.post(path, {"timeout_hours": None}).status_code == 400
    assert client.post(f"/api/instances/{world.ask().pk}/extend").status_code == 409
    listed = client.get("/api/instances?expires_before=2999-01-01T00:00:00Z&ordering=-expires_at").json()["results"]
    assert [row["id"] for row in listed] == [str(instance.pk)]
    assert Event.everywhere.get(kind="extended").data["expires_at"]


@given(milliseconds=st.integers(1000, 10**11))
def test_a_limit_in_words_is_a_round_number_of_its_unit(milliseconds):
    number, unit = timelimits.in_words(milliseconds).split()
    size = {"hour": 3_600_000, "minute": 60_000, "second": 1000}[unit.rstrip("s")]
    assert float(number) * size == pytest.approx(milliseconds, rel=1e-4)


def _client(world):
    return make.client(make.Site(pk=world.principal.site_id))
