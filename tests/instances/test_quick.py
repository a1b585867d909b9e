"""Actions by the quick way: the same answers as the ordinary way's, and never done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.urls import resolve

from common import windows
from common.api.telemetry import DURATIONS
from common.lines import postgres, redis
from common.realtime import publish
from common.silence import Silence
from instances import services
from instances.guestlink import GuestBusy, GuestDriven, GuestRefused, GuestTimedOut, GuestUnreachable
from instances.models import Instance, Log
from instances.quick import known
from instances.quick.asked import ROUTES
from sites import keys
from sites.models import Site
from tests import make
from tests.contracts.provider import until
from tests.instances.conftest import World
from tests.instances.quick import Asker, asking

pytestmark = pytest.mark.django_db
CLICK = {"type": "click", "x": 1, "y": 2}


@pytest.fixture
def site(world: World) -> Site:
    return Site.objects.using("crew").get(pk=world.principal.site_id)


@pytest.fixture
def secret(site: Site) -> str:
    return make.key(site)[1]


@pytest.fixture
def quick(secret: str) -> Iterator[Asker]:
    with asking(secret) as asker:
        yield asker


@pytest.fixture
def without_redis(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    for module in (windows, publish):  # what they remember of it is not the next test's
        monkeypatch.setattr(module, "_silence", Silence(windows.logger, "redis is away"))


@pytest.fixture
def ordinary(secret: str) -> Any:
    return make.client_with(secret)


def _same(quick: Any, ordinary: Any) -> None:
    changing = {"log_id", "request_id", "took_ms", "duration_ms"}
    first, second = ({k: v for k, v in each.json().items() if k not in changing} for each in (quick, ordinary))
    assert (quick.status_code, first, set(quick.json())) == (ordinary.status_code, second, set(ordinary.json()))
    _same_headers(quick, ordinary)


def _same_headers(quick: Any, ordinary: Any) -> None:
    changing = {"x-request-id", "content-length", "ratelimit-remaining", "ratelimit-reset"}
    first, second = (
        {name.lower(): value for name, value in each.headers.items() if name.lower() not in changing}
        for each in (quick, ordinary)
    )
    assert first == second


@pytest.mark.parametrize(
    "action",
    [CLICK, {"type": "screenshot", "format": "jpeg"}, {"type": "bash", "command": "true"}, {"type": "cursor_position"}],
    ids=lambda action: action["type"],
)
def test_an_action_answers_the_same_by_either_way(
    world: World, quick: Asker, ordinary: Any, action: dict[str, Any]
) -> None:
    instance = world.running()
    path = f"/api/instances/{instance.pk}/actions"
    _same(quick.post(path, action), ordinary.post(path, action))
    first, second = Log.everywhere.filter(instance=instance, tool_name=action["type"]).values()
    changing = ("id", "created_at", "duration_ms", "xid")
    assert {**first, **dict.fromkeys(changing)} == {**second, **dict.fromkeys(changing)}
    assert len(world.guests.acted) == 2 == Instance.everywhere.get(pk=instance.pk).total_commands_executed


@pytest.mark.parametrize("query", ["", "?format=png", "?format=jpeg"])
def test_a_picture_is_the_same_by_either_way(world: World, quick: Asker, ordinary: Any, query: str) -> None:
    path = f"/api/instances/{world.running().pk}/screenshot{query}"
    picture, other = quick.get(path), ordinary.get(path)
    assert picture is not None
    assert (picture.status_code, picture.content) == (other.status_code, other.content) == (200, b"picture")
    _same_headers(picture, other)
    assert Log.everywhere.filter(tool_name="screenshot").count() == 2


@pytest.mark.parametrize("query", ["?format=gif", "?quality=0", "?what=else"])
def test_a_picture_of_another_kind_goes_the_ordinary_way(world: World, quick: Asker, ordinary: Any, query: str) -> None:
    path = f"/api/instances/{world.running().pk}/screenshot{query}"
    assert quick.get(path) is None
    assert ordinary.get(path).status_code == 400


@pytest.mark.parametrize(
    "fault",
    [
        *(GuestUnreachable("lost"), GuestTimedOut("late"), GuestBusy("full"), GuestDriven("Ada")),
        GuestRefused("bad_action", "off the screen"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_what_the_machine_refuses_is_told_the_same_and_asked_once(
    world: World, quick: Asker, ordinary: Any, fault: Exception
) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    world.guests.fail_next += [fault, fault]
    answer = quick.post(path, CLICK)
    _same(answer, ordinary.post(path, CLICK))
    assert answer is not None and answer.status_code >= 400 and world.guests.fail_next == []
    assert [row.is_error for row in Log.everywhere.filter(tool_name="click")] == [True, True]


def test_what_does_not_run_or_is_not_there_is_told_the_same(world: World, quick: Asker, ordinary: Any) -> None:
    resting, foreign = world.ask().pk, make.new_id()
    for instance_id, status in ((resting, 409), (foreign, 404)):
        path = f"/api/instances/{instance_id}/actions"
        answer = quick.post(path, CLICK)
        assert answer is not None and answer.status_code == status
        _same(answer, ordinary.post(path, CLICK))


def test_another_sites_instance_is_not_there(world: World) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    _, stranger = make.key(make.site())
    with asking(stranger) as asker:
        answer = asker.post(path, CLICK)
    assert answer is not None and answer.status_code == 404
    _same(answer, make.client_with(stranger).post(path, CLICK))
    assert world.guests.acted == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"type": "nonsense"}, {}),
        ({"type": "click", "x": -1}, {}),
        ([CLICK], {}),
        ({"actions": [CLICK]}, {}),
        ({"type": "set_environment", "variables": {"A": "1"}}, {}),
        (CLICK, {"idempotency_key": "one"}),
        (CLICK, {"x_site": "00000000-0000-7000-8000-000000000000"}),
        (CLICK, {"accept": "text/html"}),
        (CLICK, {"accept": ""}),
        (CLICK, {"content-type": "text/plain"}),
        (CLICK, {"host": "elsewhere.example"}),
        (CLICK, {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}),
    ],
)
def test_whatever_is_unusual_goes_the_ordinary_way(
    world: World, quick: Asker, body: Any, headers: dict[str, str]
) -> None:
    assert quick.post(f"/api/instances/{world.running().pk}/actions", body, **headers) is None
    assert world.guests.acted == []


def test_a_revoked_key_and_one_without_the_scope_are_left_to_the_ordinary_way(world: World, site: Site) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    for secret in (make.key(site, scopes=["instances:read"])[1], "nonsense", ""):
        with asking(secret) as asker:
            assert asker.post(path, CLICK) is None
    key, secret = make.key(site)
    with asking(secret) as asker:
        assert asker.post(path, CLICK) is not None
        key.revoked_at = key.created_at
        key.save(using="crew")
        keys.forget()
        assert asker.post(path, CLICK) is None
    assert len(world.guests.acted) == 1


def test_a_database_that_goes_meanwhile_is_a_503_and_nothing_is_done_twice(
    world: World, quick: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/instances/{world.running().pk}/actions"

    async def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(postgres.Lines, "write_in_site", away)
        answer = quick.post(path, CLICK)
    assert answer is not None and (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "2" and len(world.guests.acted) == 1
    again = quick.post(path, CLICK)
    assert again is not None and again.status_code == 200


def test_an_action_and_its_request_are_counted_in_one_question(
    world: World, quick: Asker, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.RATE_LIMITS = {"key": (3, 60), "site": (9, 60), "address": (9, 60), "anonymous": (9, 60)}
    asked: list[list[str]] = []
    ask = windows._asked

    def noting(wanted: Any, cost: int) -> Any:
        asked.append([window.name.partition(":")[0] for window in wanted])
        return ask(wanted, cost)

    monkeypatch.setattr(windows, "_asked", noting)
    path = f"/api/instances/{world.running().pk}/actions"
    in_vain = f"/api/instances/{world.ask().pk}/actions"
    answers = [quick.post(where, CLICK) for where in (path, in_vain, path, path)]
    assert [answer and answer.status_code for answer in answers] == [200, 409, 200, 429]
    assert answers[2] and answers[2].headers["RateLimit-Remaining"] == "0"
    assert answers[3] and answers[3].json()["code"] == "RATE_LIMITED"
    assert asked == [["key", "site", "address", "actions"]] * 4
    assert len(world.guests.acted) == 2


def test_a_used_up_quota_is_named(world: World, site: Site, settings: Any) -> None:
    site.quota_actions_a_minute = 1
    site.save(using="crew")
    path = f"/api/instances/{world.running().pk}/actions"
    with asking(make.key(site)[1]) as asker:
        first, second = asker.post(path, CLICK), asker.post(path, CLICK)
    assert first is not None and second is not None and first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (429, "QUOTA_EXCEEDED")
    assert second.json()["details"]["quota"] == "actions_a_minute" and int(second.headers["Retry-After"]) > 0
    assert len(world.guests.acted) == 1


@pytest.mark.usefixtures("without_redis")
def test_without_redis_nothing_is_limited_and_actions_go_on(world: World, quick: Asker) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    answer = quick.post(path, CLICK)
    assert answer is not None and answer.status_code == 200


@pytest.mark.parametrize("kind", sorted(ROUTES))
def test_an_answer_is_timed_under_its_route(world: World, quick: Asker, kind: str) -> None:
    path = f"/api/instances/{world.running().pk}/{kind}"
    assert resolve(path).route == ROUTES[kind]
    labels = {"route": ROUTES[kind], "method": "GET" if kind == "screenshot" else "POST", "status": "200"}
    before = _counted(labels)
    answer = quick.get(path) if kind == "screenshot" else quick.post(path, CLICK)
    assert answer is not None and answer.status_code == 200
    assert _counted(labels) == before + 1


def _counted(labels: dict[str, str]) -> float:
    """How many requests were timed."""
    samples = (sample for metric in DURATIONS.collect() for sample in metric.samples)
    return sum(one.value for one in samples if one.name.endswith("_count") and one.labels == labels)


def test_of_many_at_once_no_more_go_through_than_may(world: World, site: Site) -> None:
    site.quota_actions_a_minute = 20
    site.save(using="crew")
    path = f"/api/instances/{world.running().pk}/actions"
    with asking(make.key(site)[1]) as asker:
        first = asker.post(path, CLICK)  # there is room, so the others go ahead of their count
        answers = asker.post_together(path, CLICK, times=60)
    statuses = Counter(answer.status_code for answer in [first, *answers] if answer is not None)
    assert statuses == {200: 20, 429: 41}
    assert len(world.guests.acted) == 20


def test_an_instance_is_looked_at_once_and_again_after_whatever_happens_to_it(
    world: World, quick: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "BELIEVED_S", 60.0)
    instance = world.running()
    path, looks = f"/api/instances/{instance.pk}/actions", []
    look = known._looked

    async def noting(*about: Any) -> Any:
        looks.append(about)
        return await look(*about)

    monkeypatch.setattr(known, "_looked", noting)

    def settled() -> bool:
        before = len(looks)
        answer = quick.post(path, CLICK)
        return answer is not None and answer.status_code == 200 and len(looks) == before

    until(settled)  # once the subscription stands, nothing is asked any more
    asked = len(looks)
    services.request_stop(world.principal, instance.pk)
    world.settle(world.read(instance))

    def status() -> int:
        answer = quick.post(path, CLICK)
        return answer.status_code if answer is not None else 0

    until(lambda: status() == 409)
    assert len(looks) > asked and status() == 409


@pytest.mark.usefixtures("without_redis")
def test_without_redis_an_instance_is_looked_at_each_time(world: World, quick: Asker) -> None:
    instance = world.running()
    path = f"/api/instances/{instance.pk}/actions"
    assert [quick.post(path, CLICK) is not None for _ in range(3)] == [True] * 3
    Instance.everywhere.filter(pk=instance.pk).update(status="stopped")  # and nobody can be told
    answer = quick.post(path, CLICK)
    assert answer is not None and answer.status_code == 409


def test_a_postgresql_that_never_answers_is_a_503_and_its_line_is_given_up(
    world: World, quick: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "ANSWERED_WITHIN_S", 0.05)
        patch.setattr(postgres.Line, "_take_results", lambda line: None)  # as where the network swallows them
        answer = quick.post(path, CLICK)
    assert answer is not None and (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    again = quick.post(path, CLICK)
    assert again is not None and again.status_code == 200 and len(world.guests.acted) == 1


def test_a_redis_that_never_answers_limits_nothing_and_its_line_is_given_up(
    world: World, quick: Asker, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    monkeypatch.setattr(windows, "_silence", Silence(windows.logger, "redis is away"))
    monkeypatch.setattr(redis, "WITHIN_S", 0.05)
    first = quick.post(path, CLICK)

    async def line() -> Any:
        return redis.of_this_loop(settings.REDIS_URL)._line

    deaf = quick.run(line())
    with monkeypatch.context() as patch:
        patch.setattr(redis.Line, "data_received", lambda line, data: None)
        second = quick.post(path, CLICK)
    assert first is not None and second is not None and (first.status_code, second.status_code) == (200, 200)
    assert not deaf.is_open


def test_a_connection_that_postgresql_ended_is_replaced(world: World, quick: Asker) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    assert quick.post(path, CLICK) is not None

    async def end() -> int:
        lines = postgres.of_this_loop()
        return len([line._pg.finish() for line in lines._idle])

    assert quick.run(end()) == 1
    answer = quick.post(path, CLICK)
    assert answer is not None and answer.status_code == 200


def test_a_pooler_that_knows_no_prepared_statements_is_coped_with(world: World, quick: Asker) -> None:
    path = f"/api/instances/{world.running().pk}/actions"
    assert quick.post(path, CLICK) is not None

    async def forget() -> None:
        """As a pooler that hands us another server's connection."""
        for line in postgres.of_this_loop()._idle:
            line._names = dict.fromkeys(line._names, b"elsewhere")

    quick.run(forget())
    answer = quick.post(path, CLICK)
    assert answer is not None and answer.status_code == 200
    assert len(world.guests.acted) == 2


def test_the_second_wall_stands_around_the_loop_s_own_lines(world: World, quick: Asker) -> None:
    world.running()
    ours, theirs = world.principal.site_id, make.site().pk
    everything = b"SELECT site_id FROM instances_instance"  # as where somebody forgot to filter

    async def seen() -> list[list[postgres.Row]]:
        lines = postgres.of_this_loop()
        found = [await lines.read_in_site(site_id, everything, []) for site_id in (ours, theirs, ours)]
        line = lines._idle[-1]
        return [*found, await line.run([(everything, [])], plans_once=True)]

    mine = [(str(ours).encode(),)]
    assert quick.run(seen()) == [mine, [], mine, []]
