"""What plans wait for and what they are a part of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from plans import reconcile
from plans.models import Dependency, Plan
from tests.plans.conftest import Place, place_of, stored


def _put(place: Place, plan: dict[str, Any], status: int = 200, **fields: Any) -> Any:
    return place.call("PUT", f"/api/plans/{plan['id']}", fields, status=status)


def _done(place: Place, plan: dict[str, Any]) -> None:
    place.ask(plan, "start")
    place.ask(plan, "complete")


def test_a_plan_is_blocked_until_all_that_it_needs_is_completed(place: Place) -> None:
    one, two = place.write("one"), place.write("two")
    plan = place.write("last", depends_on=[one["id"], two["id"]])
    assert (plan["status"], plan["depends_on"]) == ("blocked", [one["id"], two["id"]])
    assert place.read(one)["blocks"] == [plan["id"]]
    place.ask(plan, "start", status=409)
    _done(place, one)
    assert place.read(plan)["status"] == "blocked"
    _done(place, two)
    assert place.read(plan)["status"] == "pending"
    assert place.ask(plan, "start")["status"] == "in_progress"
    assert place.kinds(plan) == ["written", "blocked", "unblocked", "started"]


def test_what_failed_or_was_cancelled_unblocks_nothing(place: Place) -> None:
    needed = place.write("needed")
    plan = place.write(depends_on=[needed["id"]])
    place.ask(needed, "start")
    place.ask(needed, "fail")
    assert place.read(plan)["status"] == "blocked"
    place.ask(needed, "retry")
    _done(place, needed)
    assert place.read(plan)["status"] == "pending"


def test_needs_can_change_until_the_plan_begins(place: Place) -> None:
    needed, plan = place.write("needed"), place.write()
    assert _put(place, plan, depends_on=[needed["id"]])["status"] == "blocked"
    assert _put(place, plan, depends_on=[])["status"] == "pending"
    place.ask(plan, "start")
    _put(place, plan, 409, depends_on=[needed["id"]])
    _put(place, plan, depends_on=[])
    assert not Dependency.everywhere.exists()


def test_a_plan_does_not_begin_through_a_step_while_it_waits(place: Place) -> None:
    needed = place.write("needed")
    plan = place.write(depends_on=[needed["id"]], steps=[{"id": "a", "title": "A"}])
    place.step(plan, "a", expect=409, status="in_progress")
    place.write(status=409, depends_on=[needed["id"]], steps=[{"title": "A", "status": "in_progress"}])
    assert stored(plan).steps[0]["status"] == "pending"


@pytest.mark.parametrize("length", [1, 2, 5])
def test_needs_never_run_in_a_circle(place: Place, length: int) -> None:
    plans = [place.write("0")]
    for number in range(1, length):
        plans.append(place.write(str(number), depends_on=[plans[-1]["id"]]))
    refused = _put(place, plans[0], 400, depends_on=[plans[-1]["id"]])
    assert refused["details"]["fields"] == {"depends_on": ["That would be a circle."]}
    assert place.read(plans[0])["depends_on"] == []


@pytest.mark.parametrize("length", [1, 2, 5])
def test_parents_never_run_in_a_circle(place: Place, length: int) -> None:
    plans = [place.write("0")]
    for number in range(1, length):
        plans.append(place.write(str(number), parent_id=plans[-1]["id"]))
    refused = _put(place, plans[0], 400, parent_id=plans[-1]["id"])
    assert refused["details"]["fields"] == {"parent_id": ["That would be a circle."]}
    assert place.read(plans[0])["parent_id"] is None


@pytest.mark.parametrize("field", ["depends_on", "parent_id"])
def test_two_changes_at_once_make_no_circle(place: Place, field: str) -> None:
    for _ in range(5):
        one, two = place.write("one"), place.write("two")

        def tie(pair: tuple[dict[str, Any], dict[str, Any]], place: Place = place) -> int:
            value: Any = pair[1]["id"] if field == "parent_id" else [pair[1]["id"]]
            answer = place.client.put(f"/api/plans/{pair[0]['id']}", {field: value}, format="json")
            connections.close_all()
            return int(answer.status_code)

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(tie, [(one, two), (two, one)])) == [200, 400]


@pytest.mark.parametrize("field", ["depends_on", "parent_id"])
def test_a_foreign_plan_is_like_one_that_does_not_exist(place: Place, field: str) -> None:
    foreign = place_of("other").write()
    plan = place.write()
    answers = []
    for other in (foreign["id"], str(uuid4())):
        value = other if field == "parent_id" else [other]
        answers.append(place.write(status=400, **{field: value})["details"])
        answers.append(_put(place, plan, 400, **{field: value})["details"])
    assert answers == [{"fields": {field: ["No such plan in this site."]}}] * 4


def test_deleting_a_plan_frees_what_waited_for_it_and_what_was_a_part_of_it(place: Place) -> None:
    plan = place.write()
    waiting, part = place.write(depends_on=[plan["id"]]), place.write(parent_id=plan["id"])
    place.call("DELETE", f"/api/plans/{plan['id']}", status=204)
    assert place.read(waiting)["status"] == "pending" and place.read(waiting)["depends_on"] == []
    assert place.read(part)["parent_id"] is None
    place.call("GET", f"/api/plans/{plan['id']}", status=404)


def test_a_plan_in_progress_is_not_deleted(place: Place) -> None:
    plan = place.write()
    place.ask(plan, "start")
    place.call("DELETE", f"/api/plans/{plan['id']}", status=409)
    assert Plan.everywhere.count() == 1


def test_a_plan_left_blocked_is_found_by_the_sweep_or_by_starting_it(place: Place) -> None:
    for find in ("sweep", "start"):
        needed = place.write("needed")
        plan = place.write(depends_on=[needed["id"]])
        _done(place, needed)
        Plan.everywhere.filter(pk=plan["id"]).update(status="blocked")
        if find == "sweep":
            assert reconcile.sweep() == 1
            assert place.read(plan)["status"] == "pending"
        else:
            assert place.ask(plan, "start")["status"] == "in_progress"
    assert reconcile.sweep() == 0
