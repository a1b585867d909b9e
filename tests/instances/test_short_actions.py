"""Actions by the short way: the same answers as the ordinary way's, and never done twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection

from common import windows
from instances import perform
from instances.api import shortly
from instances.guestlink import GuestBusy, GuestRefused, GuestTimedOut, GuestUnreachable
from instances.models import Log
from sites import keys
from sites.models import Site
from tests import make
from tests.instances.conftest import World

pytestmark = pytest.mark.django_db
ORDINARY = "application/json; indent=0"
CLICK = {"type": "click", "x": 1, "y": 2}


@pytest.fixture
def client(world: World) -> Any:
    return make.client(Site.objects.using("crew").get(pk=world.principal.site_id))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses that the short way has answered with."""
    statuses: list[int] = []

    def noting(short: Any) -> Any:
        def answered(*arguments: Any) -> Any:
            answer = short(*arguments)
            statuses.extend([] if answer is None else [answer.status_code])
            return answer

        return answered

    monkeypatch.setattr(shortly, "act", noting(shortly.act))
    monkeypatch.setattr(shortly, "look", noting(shortly.look))
    return statuses


def _same(answer: Any, other: Any) -> None:
    changing = {"log_id", "request_id", "took_ms"}
    first, second = ({k: v for k, v in each.json().items() if k not in changing} for each in (answer, other))
    assert (answer.status_code, first, set(answer.json())) == (other.status_code, second, set(other.json()))
    for name in ("Content-Type", "Allow", "Vary", "Retry-After"):
        assert answer.get(name) == other.get(name), name


@pytest.mark.parametrize(
    "action",
    [CLICK, {"type": "screenshot", "format": "jpeg"}, {"type": "bash", "command": "true"}, {"type": "cursor_position"}],
    ids=lambda action: action["type"],
)
def test_an_action_answers_the_same_by_either_way(
    world: World, client: Any, taken: list[int], action: dict[str, Any]
) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    _same(client.post(path, action), client.post(path, action, headers={"accept": ORDINARY}))
    assert taken == [200]
    assert len(world.guests.acted) == 2 == Log.everywhere.filter(tool_name=action["type"]).count()


@pytest.mark.parametrize("query", ["", "?format=png", "?format=jpeg"])
def test_a_picture_is_the_same_by_either_way(world: World, client: Any, taken: list[int], query: str) -> None:
    path = f"/api/instances/{world.running().pk}/screenshot{query}"
    short, ordinary = client.get(path), client.get(f"{path}{'&' if query else '?'}quality=80")
    assert (short.status_code, short.content) == (ordinary.status_code, ordinary.content) == (200, b"picture")
    for name in ("Content-Type", "Allow", "Vary", "Cache-Control"):
        assert short.get(name) == ordinary.get(name), name
    assert taken == [200]
    assert Log.everywhere.filter(tool_name="screenshot").count() == 2


@pytest.mark.parametrize("query", ["?format=gif", "?quality=0", "?what=else"])
def test_a_picture_of_another_kind_goes_the_ordinary_way(
    world: World, client: Any, taken: list[int], query: str
) -> None:
    assert client.get(f"/api/instances/{world.running().pk}/screenshot{query}").status_code == 400
    assert taken == []


@pytest.mark.parametrize(
    "fault",
    [GuestUnreachable("lost"), GuestTimedOut("late"), GuestBusy("full"), GuestRefused("bad_action", "off the screen")],
    ids=lambda fault: type(fault).__name__,
)
def test_what_the_machine_refuses_is_told_the_same_and_asked_once(
    world: World, client: Any, taken: list[int], fault: Exception
) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    world.guests.fail_next += [fault, fault]
    _same(client.post(path, CLICK), client.post(path, CLICK, headers={"accept": ORDINARY}))
    assert len(taken) == 1 and taken[0] >= 400
    assert world.guests.fail_next == []


def test_what_does_not_run_or_is_not_there_is_told_the_same(world: World, client: Any) -> None:
    stranger = make.client(make.site())
    path = f"/api/instances/{world.ask().pk}/actions"
    for somebody, status in ((client, 409), (stranger, 404)):
        answer = somebody.post(path, CLICK)
        assert answer.status_code == status
        _same(answer, somebody.post(path, CLICK, headers={"accept": ORDINARY}))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"type": "nonsense"}, {}),
        ({"type": "click", "x": -1}, {}),
        ([CLICK], {}),
        ({"actions": [CLICK]}, {}),
        (CLICK, {"idempotency-key": "one"}),
        (CLICK, {"x-site": "00000000-0000-7000-8000-000000000000"}),
    ],
)
def test_whatever_is_unusual_goes_the_ordinary_way(
    world: World, client: Any, taken: list[int], body: Any, headers: dict[str, str]
) -> None:
    client.post(f"/api/instances/{world.running().pk}/actions", body, headers=headers)
    assert taken == []


def test_a_revoked_key_and_one_without_the_scope_are_refused(world: World, client: Any, taken: list[int]) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    site = Site.objects.using("crew").get(pk=world.principal.site_id)
    assert make.client(site, scopes=["instances:read"]).post(path, CLICK).status_code == 403
    assert make.client_with("nonsense").post(path, CLICK).status_code == 401
    keys.forget()
    assert world.guests.acted == [] and taken == []


def test_a_database_that_is_away_is_a_503_and_nothing_is_done_twice(
    world: World, client: Any, taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/instances/{world.running().pk}/actions"

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(perform, "_write", away)
    answer = client.post(path, CLICK)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert taken == [503] and len(world.guests.acted) == 1
    monkeypatch.undo()
    connection.close()
    assert client.post(path, CLICK).status_code == 200


def test_an_action_and_its_request_are_counted_in_one_question_and_one_in_vain_as_a_request(
    world: World, client: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.RATE_LIMITS = {"key": (3, 60), "site": (9, 60), "address": (9, 60), "anonymous": (9, 60)}
    asked: list[list[str]] = []
    spend = windows.spend

    def noting(wanted: Any, *, cost: int = 1) -> Any:
        asked.append([window.name.partition(":")[0] for window in wanted])
        return spend(wanted, cost=cost)

    monkeypatch.setattr(windows, "spend", noting)
    path = f"/api/instances/{world.running().pk}/actions"
    assert client.post(path, CLICK).status_code == 200
    assert client.post(f"/api/instances/{world.ask().pk}/actions", CLICK).status_code == 409
    third, fourth = client.post(path, CLICK), client.post(path, CLICK)
    assert (third.status_code, third["RateLimit-Remaining"]) == (200, "0")
    assert (fourth.status_code, fourth.json()["code"]) == (429, "RATE_LIMITED")
    together = ["key", "site", "address", "actions"]
    assert asked == [together, together[:3], together, together]
    assert len(world.guests.acted) == 2
