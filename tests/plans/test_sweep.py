"""Plans follow their instances: what a sweep finds in the rows, whatever messages were lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from common import clock
from common.tenancy import CREW
from instances import services
from instances.models import Instance
from plans import reconcile, tasks
from plans.models import Plan
from tests.plans.conftest import Place, befall, place_of, stored


def _begun(place: Place, **fields: Any) -> dict[str, Any]:
    plan = place.write(**fields)
    return place.ask(plan, "start")


@pytest.mark.parametrize(
    ("event", "reason", "told"),
    [
        ("stop_sent", "", "The instance was stopped."),
        ("vanished", "The machine ended.", "The instance went to error: The machine ended."),
        ("gave_up", "No guest.", "The instance went to error: No guest."),
        ("destroy_sent", "", "The instance was deleted."),
    ],
)
def test_an_instance_that_goes_down_fails_its_plans_in_progress(
    place: Place, event: str, reason: str, told: str
) -> None:
    plan = _begun(place, steps=[{"id": "a", "title": "A"}])
    place.step(plan, "a", status="in_progress")
    elsewhere = _begun(place, on=place.up())
    assert tasks.sweep() == 0
    befall(place.instance, event, reason=reason)
    assert tasks.sweep() == 1
    failed = place.read(plan)
    assert (failed["status"], failed["error_message"]) == ("failed", told)
    assert failed["steps"][0]["status"] == "failed"
    assert place.read(elsewhere)["status"] == "in_progress"
    assert tasks.sweep() == 0
    assert place.kinds(plan)[-1] == "failed"


def test_a_stop_between_two_sweeps_is_seen_although_the_instance_is_up_again(place: Place) -> None:
    plan = _begun(place)
    for event in ("stop_sent", "went_down", "start_sent", "guest_ready"):
        befall(place.instance, event)
    assert reconcile.sweep() == 1
    assert place.read(plan)["status"] == "failed"
    place.ask(plan, "retry")
    place.ask(plan, "start")
    assert reconcile.sweep() == 0, "what lies before the new beginning is no matter"
    assert place.read(plan)["status"] == "in_progress"


def test_a_stop_leaves_what_is_not_in_progress_alone(place: Place) -> None:
    pending, paused, done = place.write(), _begun(place), _begun(place)
    blocked = place.write(depends_on=[pending["id"]])
    place.ask(paused, "pause")
    place.ask(done, "complete")
    befall(place.instance, "stop_sent")
    assert reconcile.sweep() == 0
    seen = [place.read(plan)["status"] for plan in (pending, paused, done, blocked)]
    assert seen == ["pending", "paused", "completed", "blocked"]


def test_a_deletion_cancels_what_can_never_begin(place: Place) -> None:
    pending, paused = place.write(), _begun(place)
    blocked = place.write(depends_on=[pending["id"]])
    place.ask(paused, "pause")
    befall(place.instance, "destroy_sent")
    assert reconcile.sweep() == 3
    for plan in (pending, paused, blocked):
        assert place.read(plan)["status"] == "cancelled"
    events = place.call("GET", f"/api/plans/{pending['id']}/events")["results"]
    assert events[-1]["message"] == "The instance was deleted."


def test_a_sweep_serves_every_site_in_its_own_scope(place: Place) -> None:
    other = place_of("other")
    mine, theirs = _begun(place), _begun(other)
    for instance in (place.instance, other.instance):
        befall(instance, "stop_sent")
    assert reconcile.sweep() == 2
    assert place.read(mine)["status"] == other.read(theirs)["status"] == "failed"


def test_a_plan_that_somebody_holds_is_left_for_the_next_sweep(place: Place) -> None:
    plan = _begun(place)
    befall(place.instance, "stop_sent")
    with transaction.atomic(using=CREW):
        assert Plan.everywhere.select_for_update().get(pk=plan["id"])
        assert reconcile.sweep() == 0
    assert reconcile.sweep() == 1


def test_a_plan_that_was_started_anew_meanwhile_is_not_failed(place: Place) -> None:
    plan = _begun(place)
    row = stored(plan)
    assert reconcile._do(row.pk, row.site_id, reconcile._fail) is False
    assert place.read(plan)["status"] == "in_progress"


def test_a_plan_is_not_written_for_an_instance_that_is_being_deleted(place: Place) -> None:
    place.call("DELETE", f"/api/instances/{place.instance.pk}", status=202)
    assert place.write(status=409)["code"] == "CONFLICT"


def test_beat_sends_the_sweep() -> None:
    assert settings.CELERY_BEAT_SCHEDULE["plans.sweep"]["task"] == tasks.sweep.name == "plans.sweep"


def test_an_instance_that_goes_down_asks_for_a_sweep_by_name(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr("instances.followers.current_app.send_task", lambda name, **_: sent.append(name))
    befall(place.instance, "stop_sent")
    befall(place.instance, "went_down")
    assert sent == [tasks.sweep.name]
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=CREW):
        befall(place.instance, "destroy_sent")
        raise ZeroDivisionError
    assert sent == [tasks.sweep.name], "what was not committed is not told"


def test_a_lost_broker_costs_an_instance_s_move_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(name: str, **_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("instances.followers.current_app.send_task", away)
    plan = _begun(place)
    befall(place.instance, "stop_sent")
    assert reconcile.sweep() == 1
    assert place.read(plan)["status"] == "failed"


def test_a_plan_in_progress_keeps_its_instance_in_use_and_no_other_plan_does(place: Place) -> None:
    busy, idle = place.up("busy"), place.up("idle")
    for instance in (busy, idle):
        services.change_instance(place.principal, instance.pk, idle_stop_minutes=10)
    plan = _begun(place, on=busy)
    place.write(on=idle)
    begun = Instance.everywhere.get(pk=busy.pk).active_until
    assert begun is not None and begun > clock.now()
    Instance.everywhere.update(active_until=None)
    tasks.sweep()
    until = dict(Instance.everywhere.values_list("pk", "active_until"))
    assert (until[busy.pk] or begun) > clock.in_s(reconcile.ACTIVE_FOR_S / 2)
    assert (until[idle.pk], until[place.instance.pk]) == (None, None)
    assert reconcile.keep_instances_active() == 0, "said just now"
    place.ask(plan, "complete")
    Instance.everywhere.update(active_until=None)
    assert reconcile.keep_instances_active() == 0
