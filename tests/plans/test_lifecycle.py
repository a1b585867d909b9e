"""How plans move: the whole table, each move over HTTP, and nothing that is not in it."""

from __future__ import annotations

from typing import Any

import pytest

from plans import lifecycle, steps
from plans.models import Plan, PlanStatus
from tests.plans.conftest import Place, befall, stored

S = PlanStatus
VERBS = {
    "start": "started",
    "complete": "completed",
    "fail": "failed",
    "cancel": "cancelled",
    "pause": "paused",
    "resume": "resumed",
    "retry": "retried",
}
WAYS: dict[str, list[str]] = {
    S.PENDING: [],
    S.IN_PROGRESS: ["start"],
    S.PAUSED: ["start", "pause"],
    S.COMPLETED: ["start", "complete"],
    S.FAILED: ["start", "fail"],
    S.CANCELLED: ["cancel"],
    S.BLOCKED: [],
}


def _plan_that_is(place: Place, status: str) -> dict[str, Any]:
    needs = [place.write("needed")["id"]] if status == S.BLOCKED else []
    plan = place.write("subject", depends_on=needs)
    for verb in WAYS[status]:
        place.ask(plan, verb)
    plan = place.read(plan)
    assert plan["status"] == status
    return plan


def test_the_table_names_every_status_and_every_verb() -> None:
    sources, targets = {source for source, _ in lifecycle.TABLE}, set(lifecycle.TABLE.values())
    assert sources | targets == set(S)
    assert targets == set(S), "each can be reached"
    assert set(S) - sources == {S.COMPLETED, S.CANCELLED}, "what is over for good"
    assert {event for _, event in lifecycle.TABLE} == set(VERBS.values()) | lifecycle.BY_ITSELF


def test_from_one_status_to_another_leads_one_event_at_most() -> None:
    ways = [(source, target) for (source, _), target in lifecycle.TABLE.items()]
    assert len(ways) == len(set(ways))


@pytest.mark.parametrize("status", S.values)
def test_a_verb_does_what_the_table_says_and_else_is_a_conflict(place: Place, status: str) -> None:
    for verb, event in VERBS.items():
        plan = _plan_that_is(place, status)
        target = lifecycle.TABLE.get((status, event))
        answer = place.ask(plan, verb, status=200 if target else 409)
        assert place.read(plan)["status"] == (target or status)
        if target is None:
            assert answer["code"] == "CONFLICT" and answer["details"]["status"] == status


@pytest.mark.parametrize("status", S.values)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_status_that_is_sent_is_a_wish_along_the_table(place: Place, status: str, method: str) -> None:
    asked = {
        (source, target) for (source, event), target in lifecycle.TABLE.items() if event not in lifecycle.BY_ITSELF
    }
    for wished in S.values:
        plan = _plan_that_is(place, status)
        possible = wished == status or (status, wished) in asked
        place.call(method, f"/api/plans/{plan['id']}", {"status": wished}, status=200 if possible else 409)
        assert place.read(plan)["status"] == (wished if possible else status)


def test_a_wish_at_birth_starts_from_pending(place: Place) -> None:
    codes = {"pending": 201, "in_progress": 201, "cancelled": 201, "completed": 409, "blocked": 409, "paused": 409}
    for wished, code in codes.items():
        answer = _written(place, wished, code)
        if code == 201:
            assert answer["status"] == wished
    assert Plan.everywhere.count() == 3, "what was refused was not written"
    _written(place, "nonsense", 400)


def _written(place: Place, wished: str, code: int) -> Any:
    body = {"title": "p", "plan_type": "task", "instance_id": str(place.instance.pk), "status": wished}
    return place.call("POST", "/api/plans", body, status=code)


def test_times_and_history_are_kept(place: Place) -> None:
    plan = place.write()
    assert (plan["started_at"], plan["completed_at"]) == (None, None)
    place.ask(plan, "start")
    done = place.ask(plan, "complete")
    assert done["started_at"] < done["completed_at"]
    assert done["progress_percentage"] == 100
    events = place.call("GET", f"/api/plans/{plan['id']}/events")["results"]
    assert [(e["number"], e["kind"], e["status"]) for e in events] == [
        (1, "written", "pending"),
        (2, "started", "in_progress"),
        (3, "completed", "completed"),
    ]


def test_a_failed_plan_says_why_and_is_tried_again_as_often_as_it_may(place: Place) -> None:
    plan = place.write(max_retries=2)
    for count in (1, 2):
        place.ask(plan, "start")
        failed = place.ask(plan, "fail", {"reason": "The shop is closed."})
        assert (failed["error_message"], failed["completed_at"]) == ("The shop is closed.", None)
        again = place.ask(plan, "retry")
        assert (again["status"], again["retry_count"], again["error_message"]) == ("pending", count, "")
    place.ask(plan, "start")
    place.ask(plan, "fail")
    refused = place.ask(plan, "retry", status=409)
    assert refused["details"] == {"max_retries": 2}


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_takes_no_foreign_body(place: Place, verb: str) -> None:
    plan = place.write()
    place.ask(plan, verb, {"status": "completed"}, status=400)
    assert place.read(plan)["status"] == "pending"


@pytest.mark.parametrize(
    "events", [["stop_sent"], ["stop_sent", "went_down"], ["vanished"], ["destroy_sent"]], ids=lambda e: e[-1]
)
def test_a_plan_does_not_start_on_an_instance_that_is_not_up(place: Place, events: list[str]) -> None:
    plan = place.write()
    for event in events:
        befall(place.instance, event)
    refused = place.ask(plan, "start", status=409)
    assert refused["details"]["instance_status"] in {"stopping", "stopped", "error", "deleting"}
    place.call("PUT", f"/api/plans/{plan['id']}", {"status": "in_progress"}, status=409)
    assert stored(plan).status == S.PENDING


def test_a_plan_does_not_start_on_an_instance_that_is_asked_to_stop(place: Place) -> None:
    plan = place.write()
    place.call("POST", f"/api/instances/{place.instance.pk}/stop", status=202)
    assert place.ask(plan, "start", status=409)["code"] == "CONFLICT"
    assert stored(plan).status == S.PENDING


def test_a_paused_plan_goes_on_only_on_an_instance_that_is_up(place: Place) -> None:
    plan = _plan_that_is(place, S.PAUSED)
    befall(place.instance, "stop_sent")
    place.ask(plan, "resume", status=409)
    befall(place.instance, "went_down")
    befall(place.instance, "start_sent")
    befall(place.instance, "guest_ready")
    assert place.ask(plan, "resume")["status"] == "in_progress"


def test_the_steps_table_names_every_status() -> None:
    assert set(steps.MOVES) == set(steps.STATUSES)
    assert frozenset().union(*steps.MOVES.values()) == set(steps.STATUSES)
