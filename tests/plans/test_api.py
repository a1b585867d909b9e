"""`/api/plans` and `/api/instances/{id}/plans` as clients of several sites and roles see them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plans.api.filters import PlanFilter
from plans.models import Plan
from tests import make
from tests.plans.conftest import Place, place_of

VERBS = ["start", "complete", "fail", "cancel", "pause", "resume", "retry"]


def _listed(place: Place, query: str = "", path: str = "/api/plans") -> list[str]:
    return [plan["title"] for plan in place.call("GET", f"{path}{query}")["results"]]


def test_site_user_and_agent_are_the_instances(place: Place) -> None:
    somebody = make.member(place.site).user_id
    place.call("PATCH", f"/api/instances/{place.instance.pk}", {"user_id": str(somebody)})
    for path, body in (
        ("/api/plans", _body(instance_id=str(place.instance.pk))),
        (f"/api/instances/{place.instance.pk}/plans", _body()),
    ):
        plan = place.call("POST", path, body, status=201)
        assert place.answer["Location"] == f"/api/plans/{plan['id']}"
        assert (plan["site_id"], plan["user_id"], plan["agent_id"]) == (str(place.site.pk), str(somebody), None)
        assert (plan["status"], plan["priority"], plan["max_retries"]) == ("pending", 5, 3)
        assert place.read(plan) == plan


def test_a_plan_is_the_agents_whose_key_wrote_it(place: Place) -> None:
    agent, other = make.agent(place.site), make.agent(place.site)
    place.client = make.client(place.site, "operator", acts_for=agent)
    assert place.write()["agent_id"] == str(agent.pk)
    plan = place.write(agent_id=str(other.pk))
    assert plan["agent_id"] == str(other.pk)
    assert place.call("PUT", f"/api/plans/{plan['id']}", {"agent_id": None})["agent_id"] is None
    place.write(status=400, agent_id=str(make.agent(make.site()).pk))


def test_put_and_patch_change_what_is_sent_and_take_back_what_was_got(place: Place) -> None:
    plan = place.write(steps=[{"title": "A"}], success_criteria=["good"])
    changed = place.call("PUT", f"/api/plans/{plan['id']}", {**plan, "title": "new", "retry_count": 9, "user_id": "x"})
    assert (changed["title"], changed["retry_count"], changed["user_id"]) == ("new", 0, plan["user_id"])
    patched = place.call("PATCH", f"/api/plans/{plan['id']}", {"priority": 10})
    assert (patched["title"], patched["priority"], patched["steps"]) == ("new", 10, plan["steps"])


@pytest.mark.parametrize(
    "bad",
    [
        {"title": ""},
        {"title": None},
        {"title": "x" * 301},
        {"plan_type": "dream"},
        {"priority": 0},
        {"priority": 11},
        {"priority": "5"},
        {"max_retries": -1},
        {"success_criteria": "good"},
        {"success_criteria": [1]},
        {"depends_on": "x"},
        {"depends_on": ["x"]},
        {"due_at": "soon"},
        {"nonsense": 1},
    ],
)
def test_bad_fields_are_refused_in_a_new_plan_and_in_a_change(place: Place, bad: dict[str, Any]) -> None:
    plan = place.write()
    place.call("POST", f"/api/instances/{place.instance.pk}/plans", _body(**bad), status=400)
    place.call("PUT", f"/api/plans/{plan['id']}", bad, status=400)
    assert place.read(plan) == plan and Plan.everywhere.count() == 1


def test_the_texts_of_a_plans_steps_are_bounded_together(place: Place) -> None:
    """Else 500 plans, each grown step by step to tens of megabytes, would be one page."""
    plan = place.write(steps=[{"id": str(number), "title": "x"} for number in range(40)])
    fields = ("description", "instructions", "expected_output")
    texts = dict.fromkeys(fields, "x" * 10_000)
    for number in range(8):
        place.step(plan, str(number), **texts)
    place.step(plan, "8", **texts, expect=400)
    assert place.answer.json()["details"]["fields"]["steps"]
    place.step(plan, "8", status="completed")
    for number in range(9, 40):
        place.step(plan, str(number), status="in_progress")
    place.ask(plan, "fail", {"reason": "y" * 10_000})
    told = place.read(plan)
    assert len(told["error_message"]) == 10_000
    assert sum(len(str(step)) for step in told["steps"]) < 2 * 256 * 1024


@pytest.mark.parametrize("missing", ["title", "plan_type", "instance_id"])
def test_a_new_plan_must_say_what_and_where(place: Place, missing: str) -> None:
    body = {"instance_id": str(place.instance.pk), **_body()}
    del body[missing]
    refused = place.call("POST", "/api/plans", body, status=400)
    assert refused["details"]["fields"] == {missing: ["This field is required."]}


def test_a_change_of_an_older_version_is_refused(place: Place) -> None:
    plan = place.write(steps=[{"id": "a", "title": "A"}])
    path = f"/api/plans/{plan['id']}"
    place.read(plan)
    old = place.answer["ETag"]
    place.step(plan, "a", title="changed")
    assert place.answer["ETag"] != old
    for method, below, body in (
        ("PUT", "", {"title": "x"}),
        ("PATCH", "", {"title": "x"}),
        ("PATCH", "/steps/a", {"title": "x"}),
        ("POST", "/start", None),
        ("DELETE", "", None),
    ):
        place.call(method, path + below, body, status=412, **{"if-match": old})
    place.read(plan)
    place.call("PATCH", path, {"title": "x"}, **{"if-match": place.answer["ETag"]})


def test_a_foreign_plan_is_like_one_that_does_not_exist(place: Place) -> None:
    other = place_of("other")
    foreign = other.write(steps=[{"id": "a", "title": "A"}])
    nowhere = str(uuid4())
    ways = [("GET", "", None), ("PUT", "", {"title": "x"}), ("PATCH", "", {"title": "x"}), ("DELETE", "", None)]
    ways += [("PATCH", "/steps/a", {"title": "x"}), ("GET", "/events", None)]
    ways += [("POST", f"/{verb}", None) for verb in VERBS]
    for method, below, body in ways:
        answers = [place.call(method, f"/api/plans/{id_}{below}", body, status=404) for id_ in (foreign["id"], nowhere)]
        assert [(answer["error"], answer["code"], answer["details"]) for answer in answers] == [
            (answers[1]["error"], "NOT_FOUND", {})
        ] * 2
    for method, body in (("GET", None), ("POST", _body())):
        place.call(method, f"/api/instances/{other.instance.pk}/plans", body, status=404)
    place.write(status=404, on=other.instance)
    assert _listed(place) == [] and _listed(place, f"?instance_id={other.instance.pk}") == []
    assert other.read(foreign) == foreign


def test_a_viewer_reads_and_changes_nothing(place: Place) -> None:
    plan = place.write(steps=[{"id": "a", "title": "A"}])
    place.client = make.client(place.site, "viewer")
    assert place.read(plan) == plan
    assert place.kinds(plan) == ["written", "steps_changed"]
    place.write(status=403)
    place.call("POST", f"/api/instances/{place.instance.pk}/plans", _body(), status=403)
    place.call("PUT", f"/api/plans/{plan['id']}", {"title": "x"}, status=403)
    place.call("DELETE", f"/api/plans/{plan['id']}", status=403)
    place.step(plan, "a", expect=403, title="x")
    for verb in VERBS:
        place.ask(plan, verb, status=403)


def test_a_key_without_the_scope_does_not_read(place: Place) -> None:
    plan = place.write()
    place.client = make.client(place.site, "owner", scopes=["instances:read"])
    for path in ("/api/plans", f"/api/plans/{plan['id']}", f"/api/instances/{place.instance.pk}/plans"):
        assert place.call("GET", path, status=403)["code"] == "FORBIDDEN"


def test_lists_are_newest_first_filtered_searched_and_ordered(place: Place) -> None:
    desk = place.up()
    first = place.write("first", priority=2, due_at="2020-01-01T00:00:00Z", description="blue herring")
    second = place.write("second", priority=9, plan_type="milestone", depends_on=[first["id"]])
    place.write("third", on=desk, parent_id=second["id"], due_at="2099-01-01T00:00:00Z")
    assert _listed(place) == ["third", "second", "first"]
    for query, expected in {
        "?status=pending": ["third", "first"],
        "?status=pending&status=blocked": ["third", "second", "first"],
        "?plan_type=milestone": ["second"],
        "?priority=9": ["second"],
        "?priority_at_least=5": ["third", "second"],
        f"?instance_id={desk.pk}": ["third"],
        f"?parent_id={second['id']}": ["third"],
        f"?depends_on={first['id']}": ["second"],
        f"?user_id={place.principal.user_id}": ["third", "second", "first"],
        f"?agent_id={uuid4()}": [],
        "?due_before=2030-01-01T00:00:00Z": ["first"],
        "?due_after=2030-01-01T00:00:00Z": ["third"],
        "?overdue=true": ["first"],
        "?overdue=false": ["third", "second"],
        f"?id={first['id']},{second['id']}": ["second", "first"],
        "?created_before=2020-01-01T00:00:00Z": [],
        "?created_after=2020-01-01T00:00:00Z": ["third", "second", "first"],
        "?search=HERRING": ["first"],
        "?ordering=priority": ["first", "third", "second"],
        "?ordering=-title": ["third", "second", "first"],
        "?ordering=due_at": ["first", "third", "second"],
        "?ordering=-created_at": ["third", "second", "first"],
        "?ordering=created_at": ["first", "second", "third"],
        "?ordering=progress_percentage,-priority": ["second", "third", "first"],
        "?limit=1&offset=1": ["second"],
        "?cursor=&limit=2": ["third", "second"],
        "?cursor=&ordering=priority": ["first", "third", "second"],
    }.items():
        assert _listed(place, query) == expected, query
    assert _listed(place, path=f"/api/instances/{desk.pk}/plans") == ["third"]
    for bad in (
        "?status=odd",
        "?priority=x",
        "?priority=0.5",
        "?nonsense=1",
        "?overdue=maybe",
        "?user_id=1",
        "?ordering=site_id",
        "?ordering=-",
    ):
        place.call("GET", f"/api/plans{bad}", status=400)


def test_every_column_of_an_index_can_be_filtered_by() -> None:
    by_site_or_id = {"site", "id"}
    indexed = {name.lstrip("-") for index in Plan._meta.indexes for name in index.fields} - by_site_or_id
    names = set(PlanFilter.base_filters)
    missing = {name for name in indexed if not {name, f"{name}_id", f"{name.removesuffix('_at')}_before"} & names}
    assert indexed and not missing


def test_the_number_of_statements_does_not_grow_with_rows_and_links(place: Place) -> None:
    plans = [place.write("0")]
    with CaptureQueriesContext(connection) as few:
        assert len(_listed(place)) == 1
    for number in range(1, 8):
        plans.append(place.write(str(number), depends_on=[plan["id"] for plan in plans]))
    with CaptureQueriesContext(connection) as many:
        assert len(_listed(place)) == 8
    assert len(many) == len(few) <= 4
    with CaptureQueriesContext(connection) as one:
        assert len(place.read(plans[-1])["depends_on"]) == 7
    assert len(one) <= 4


def test_counting_works_out_no_links(place: Place) -> None:
    for number in range(3):
        place.write(f"plan {number}")
    with CaptureQueriesContext(connection) as queries:
        assert place.call("GET", "/api/plans?limit=1")["count"] == 3
    counting = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert len(counting) == 1 and "plans_dependency" not in counting[0]


def test_the_browsable_pages_are_drawn(place: Place) -> None:
    plan = place.write(steps=[{"id": "a", "title": "A"}])
    for path in ("/api/plans", f"/api/plans/{plan['id']}", f"/api/instances/{place.instance.pk}/plans"):
        page = place.client.get(path, headers={"accept": "text/html"})
        assert page.status_code == 200 and "text/html" in page["Content-Type"], path


def _body(**fields: Any) -> dict[str, Any]:
    return {"title": "plan", "plan_type": "task", **fields}
