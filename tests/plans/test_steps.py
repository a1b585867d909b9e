"""Steps: each moves along its table, and the plan follows them."""

from __future__ import annotations

from typing import Any

import pytest

from plans import steps
from tests.plans.conftest import Place

THREE = [{"id": "a", "title": "A"}, {"id": "b", "title": "B"}, {"id": "c", "title": "C"}]
WAYS: dict[str, list[str]] = {
    "pending": [],
    "in_progress": ["in_progress"],
    "completed": ["completed"],
    "failed": ["failed"],
    "skipped": ["skipped"],
}


def _counts(plan: dict[str, Any]) -> tuple[int, int, int]:
    return plan["steps_completed"], plan["steps_total"], plan["progress_percentage"]


def _statuses(plan: dict[str, Any]) -> list[str]:
    return [step["status"] for step in plan["steps"]]


def test_a_step_has_all_its_fields_from_the_beginning(place: Place) -> None:
    plan = place.write(steps=[{"title": "A"}])
    (step,) = plan["steps"]
    assert step.pop("id")
    assert step == {
        "title": "A",
        "description": "",
        "order": 0,
        "status": "pending",
        "instructions": "",
        "expected_output": "",
        "actual_output": "",
        "error_message": "",
        "retry_count": 0,
        "started_at": None,
        "completed_at": None,
    }
    assert _counts(plan) == (0, 1, 0)


def test_the_plan_begins_with_its_first_step_and_is_completed_with_its_last(place: Place) -> None:
    plan = place.write(steps=THREE)
    begun = place.step(plan, "a", status="in_progress")
    assert (begun["status"], _counts(begun)) == ("in_progress", (0, 3, 0))
    assert begun["started_at"] and begun["steps"][0]["started_at"] and not begun["completed_at"]
    assert _counts(place.step(plan, "a", status="completed", actual_output=" fine\n")) == (1, 3, 33)
    assert _counts(place.step(plan, "b", status="completed")) == (2, 3, 66)
    done = place.step(plan, "c", status="completed")
    assert (done["status"], _counts(done)) == ("completed", (3, 3, 100))
    assert done["completed_at"] and done["steps"][0]["actual_output"] == " fine\n"
    assert place.kinds(plan).count("completed") == 1


def test_a_skipped_step_does_not_count(place: Place) -> None:
    plan = place.write(steps=THREE)
    skipped = place.step(plan, "a", status="skipped")
    assert (skipped["status"], _counts(skipped)) == ("pending", (0, 2, 0))
    place.step(plan, "b", status="completed")
    assert place.step(plan, "c", status="completed")["status"] == "completed"


def test_skipping_all_steps_completes_nothing(place: Place) -> None:
    plan = place.write(steps=THREE[:1])
    place.ask(plan, "start")
    assert place.step(plan, "a", status="skipped")["status"] == "in_progress"
    assert place.ask(plan, "complete")["progress_percentage"] == 100


@pytest.mark.parametrize("status", steps.STATUSES)
def test_a_step_moves_along_its_table_only(place: Place, status: str) -> None:
    for wished in steps.STATUSES:
        plan = place.write(steps=THREE)
        for way in WAYS[status]:
            place.step(plan, "a", status=way)
        possible = wished == status or wished in steps.MOVES[status]
        place.step(plan, "a", expect=200 if possible else 409, status=wished)
        assert _statuses(place.read(plan))[0] == (wished if possible else status)


def test_a_failed_step_is_tried_again_as_often_as_its_plan(place: Place) -> None:
    plan = place.write(steps=THREE, max_retries=1)
    place.step(plan, "a", status="failed", error_message="no button")
    again = place.step(plan, "a", status="in_progress")["steps"][0]
    assert (again["retry_count"], again["error_message"]) == (1, "")
    assert place.step(plan, "a", status="failed")["status"] == "in_progress", "the plan goes on"
    place.step(plan, "a", expect=409, status="in_progress")


def test_a_plan_is_not_completed_over_open_steps(place: Place) -> None:
    plan = place.write(steps=THREE)
    place.step(plan, "a", status="completed")
    refused = place.ask(plan, "complete", status=409)
    assert refused["details"] == {"unfinished_steps": ["b", "c"]}


def test_a_plan_that_ends_early_breaks_off_its_step(place: Place) -> None:
    plan = place.write(steps=THREE)
    place.step(plan, "a", status="completed")
    place.step(plan, "b", status="in_progress")
    failed = place.ask(plan, "fail", {"reason": "enough"})
    assert _statuses(failed) == ["completed", "failed", "pending"]
    assert failed["steps"][1]["error_message"] == "enough"
    again = place.ask(plan, "retry")
    assert _statuses(again) == ["completed", "pending", "pending"]
    assert (again["steps"][1]["retry_count"], _counts(again)) == (1, (1, 3, 33))


@pytest.mark.parametrize("verb", ["fail", "cancel", "pause"])
def test_steps_rest_while_their_plan_does(place: Place, verb: str) -> None:
    plan = place.write(steps=THREE)
    place.ask(plan, "start")
    place.ask(plan, verb)
    place.step(plan, "a", expect=409, status="completed")
    assert _counts(place.read(plan)) == (0, 3, 0)


def test_a_list_of_steps_keeps_what_it_knows_and_takes_what_is_new(place: Place) -> None:
    plan = place.write(steps=THREE)
    begun = place.step(plan, "a", status="completed")
    sent = [{**begun["steps"][0], "title": "A, renamed"}, {"id": "d", "title": "D"}, {"id": "c", "status": "completed"}]
    changed = place.call("PUT", f"/api/plans/{plan['id']}", {"steps": sent})
    shown = [(step["id"], step["title"], step["status"]) for step in changed["steps"]]
    assert shown == [("a", "A, renamed", "completed"), ("d", "D", "pending"), ("c", "C", "completed")]
    assert changed["steps"][0]["completed_at"] == begun["steps"][0]["completed_at"]
    assert _counts(changed) == (2, 3, 66)


def test_steps_are_shown_by_their_order(place: Place) -> None:
    plan = place.write(steps=[{"id": "late", "title": "L", "order": 5}, {"id": "early", "title": "E", "order": 1}])
    assert [step["id"] for step in plan["steps"]] == ["early", "late"]
    moved = place.step(plan, "late", order=0)
    assert [step["id"] for step in moved["steps"]] == ["late", "early"]


@pytest.mark.parametrize(
    "bad",
    [
        [{}],
        [{"id": "x"}],
        [{"title": 5}],
        [{"title": "t", "status": "done"}],
        [{"title": "t", "id": "a/b"}],
        [{"title": "t", "id": "same"}, {"title": "u", "id": "same"}],
        [{"title": "t", "colour": "blue"}],
        [{"title": "t", "order": -1}],
        [{"title": "t"}] * 201,
        "steps",
        {"title": "t"},
    ],
)
def test_bad_steps_are_refused(place: Place, bad: Any) -> None:
    place.write(status=400, steps=bad)
    plan = place.write(steps=THREE)
    place.call("PUT", f"/api/plans/{plan['id']}", {"steps": bad}, status=400)
    assert place.read(plan) == plan


@pytest.mark.parametrize("field", ["id", "started_at", "completed_at", "retry_count", "nonsense"])
def test_a_step_s_own_fields_are_not_for_a_client(place: Place, field: str) -> None:
    plan = place.write(steps=THREE)
    assert place.step(plan, "a", expect=400, **{field: "1"})["code"] == "INVALID"
    assert place.read(plan) == plan


def test_an_unknown_step_is_not_found(place: Place) -> None:
    plan = place.write(steps=THREE)
    assert place.step(plan, "z", expect=404, status="completed")["code"] == "NOT_FOUND"
