"""Schedules: when they are due by the clocks of a place, and that each moment is acted on once, whoever looks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from common.errors import Forbidden, Invalid, NotFound
from common.tenancy import CREW
from instances import periodic, pools, schedules, services, templates
from instances.models import Instance, Occurrence, Schedule
from instances.timing import NeverDue, next_of_cron, next_of_interval
from sites.models import Membership
from sites.roles import Role
from tests import make
from tests.instances.conftest import principal_of_new_site

DAY_S = 86_400


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _run(cron: str, begin: str, zone: str, times: int) -> list[str]:
    found, moment = [], _utc(begin)
    for _ in range(times):
        moment = next_of_cron(cron, moment, zone)
        found.append(moment.strftime("%d %H:%M"))
    return found


def test_a_time_of_day_is_that_of_the_place():
    assert _run("30 8 * * *", "2026-07-01T00:00", "Europe/Berlin", 2) == ["01 06:30", "02 06:30"]
    assert _run("30 8 * * *", "2026-07-01T00:00", "America/New_York", 1) == ["01 12:30"]


def test_a_time_that_the_clocks_leave_out_comes_right_after_the_gap():
    assert _run("30 2 * * *", "2026-03-28T12:00", "Europe/Berlin", 2) == ["29 01:00", "30 00:30"]


def test_a_time_that_the_clocks_show_twice_comes_once():
    assert _run("30 2 * * *", "2026-10-24T12:00", "Europe/Berlin", 2) == ["25 00:30", "26 01:30"]


def test_from_within_the_hour_that_comes_twice_it_lies_ahead_all_the_same():
    """A worker that comes late, or somebody who writes a schedule just then."""
    assert _run("50 2 * * *", "2026-10-25T01:10", "Europe/Berlin", 2) == ["26 01:50", "27 01:50"]
    assert _run("30-59 2 * * *", "2026-10-25T01:40", "Europe/Berlin", 1) == ["26 01:30"]
    assert _run("50 2 * * *", "2026-10-25T00:10", "Europe/Berlin", 1) == ["25 00:50"]
    after = _utc("2019-04-06T13:44")
    assert next_of_cron("*/29 3 * * *", after, "Pacific/Chatham") > after


def test_every_half_hour_goes_by_the_time_that_passes():
    assert _run("*/30 * * * *", "2026-10-25T00:15", "Europe/Berlin", 4) == [
        "25 00:30",
        "25 01:00",
        "25 01:30",
        "25 02:00",
    ]
    assert _run("*/30 * * * *", "2026-03-29T00:15", "Europe/Berlin", 3) == ["29 00:30", "29 01:00", "29 01:30"]


@pytest.mark.parametrize("cron", ["", "* * * *", "61 * * * *", "0 0 30 2 *", "@daily", "* * * * * *", "a b c d e"])
def test_what_is_no_cron_expression_says_so(cron):
    with pytest.raises(NeverDue):
        next_of_cron(cron, _utc("2026-01-01T00:00"), "UTC")


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    at=st.integers(0, 3 * 366 * DAY_S),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_a_daily_moment_always_lies_ahead_and_comes_once_a_day(minute, hour, at, zone):
    after = _utc("2025-01-01T00:00") + timedelta(seconds=at)
    first = next_of_cron(f"{minute} {hour} * * *", after, zone)
    second = next_of_cron(f"{minute} {hour} * * *", first, zone)
    assert after < first <= after + timedelta(hours=26)
    days = (second.astimezone(ZoneInfo(zone)).date() - first.astimezone(ZoneInfo(zone)).date()).days
    assert days == 1


@given(interval_s=st.integers(60, 10**7), passed_s=st.integers(0, 10**9))
def test_an_interval_keeps_its_beat(interval_s, passed_s):
    anchor = _utc("2026-01-01T00:00")
    after = anchor + timedelta(seconds=passed_s)
    found = next_of_interval(interval_s, after, anchor)
    assert after < found <= after + timedelta(seconds=interval_s)
    assert (found - anchor).total_seconds() % interval_s == 0


@pytest.fixture
def template(world):
    return templates.create_template(world.principal, name="desk", instance_type="ubuntu")


def _daily(world, template, **fields) -> Schedule:
    fields = {"name": "daily", "action": "start", "interval_s": DAY_S, **fields}
    return schedules.create_schedule(world.principal, template_id=template.pk, **fields)


def _sweep() -> int:
    return sum(schedules.run(*each) for each in schedules.due())


def _came(schedule: Schedule) -> list[tuple[str, str]]:
    return list(Occurrence.everywhere.filter(schedule=schedule).order_by("id").values_list("trigger", "status"))


def test_it_starts_so_many_of_a_template_when_it_is_due(world, template, later):
    schedule = _daily(world, template, count=3)
    assert (_sweep(), Instance.everywhere.count()) == (0, 0)
    later(DAY_S + 1)
    assert _sweep() == 1
    made = list(Instance.everywhere.values_list("name", "template_id", "user_id"))
    assert made == [("daily", template.pk, world.principal.user_id)] * 3
    assert _came(schedule) == [("due", "done")]
    assert _sweep() == 0
    assert len(world.looked) == 3, "workers were told to look"


def test_what_was_missed_is_caught_up_once(world, template, later):
    schedule = _daily(world, template)
    later(5.5 * DAY_S)
    assert (_sweep(), _sweep()) == (1, 0)
    assert _came(schedule) == [("catch_up", "done")]
    left_s = (Schedule.everywhere.get().next_at - clock.now()).total_seconds()
    assert left_s == pytest.approx(DAY_S / 2, abs=30), "the beat is kept"


def test_two_beats_and_a_repeated_message_do_it_once(world, template, later):
    schedule = _daily(world, template)
    later(DAY_S + 1)
    found = schedules.due() * 8

    def run(each):
        try:
            return schedules.run(*each)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(run, found)) == 1
    assert (len(_came(schedule)), Instance.everywhere.count()) == (1, 1)


def test_a_crash_in_the_middle_undoes_all_of_it(world, template, later, monkeypatch):
    schedule = _daily(world, template, count=2)
    later(DAY_S + 1)
    save = Occurrence.save

    def crash(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Occurrence, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        _sweep()
    assert Instance.everywhere.count() == 0
    monkeypatch.setattr(Occurrence, "save", save)
    assert _sweep() == 1
    assert (Instance.everywhere.count(), _came(schedule)) == (2, [("due", "done")])


def test_it_stops_and_extends_what_runs_by_the_template_and_nothing_else(world, template, later):
    ours, other = world.running(template="desk"), world.running()
    extend = _daily(world, template, action="extend", timeout_ms=7_200_000)
    schedules.run_now(world.principal, extend.pk)
    assert world.read(ours).expires_at - clock.now() > timedelta(minutes=110)
    assert world.read(other).expires_at - clock.now() < timedelta(minutes=61)
    stop = _daily(world, template, action="stop")
    done = schedules.run_now(world.principal, stop.pk)
    assert (done.status, done.instance_ids) == ("done", [str(ours.pk)])
    assert (world.settle(ours).status, world.settle(other).status) == ("stopped", "running")
    assert schedules.run_now(world.principal, stop.pk).status == "nothing"


def test_it_stops_what_is_paused_and_passes_by_what_waits_in_a_pool(world):
    template = templates.create_template(world.principal, name="desk", instance_type="ubuntu", pool_size=1)
    pools.refill(template.pk, template.site_id)
    member = Instance.everywhere.get()
    paused = world.running(template="desk")
    services.request_pause(world.principal, paused.pk)
    assert world.settle(paused).status == "paused"
    extended = schedules.run_now(world.principal, _daily(world, template, action="extend", timeout_ms=7_200_000).pk)
    assert (extended.status, extended.problems, extended.instance_ids) == ("done", [], [str(paused.pk)])
    stopped = schedules.run_now(world.principal, _daily(world, template, action="stop").pk)
    assert (stopped.status, stopped.problems, stopped.instance_ids) == ("done", [], [str(paused.pk)])
    assert (world.settle(paused).status, world.read(member).desired_state) == ("stopped", "running")


def test_a_moment_that_a_clock_put_back_shows_again_is_passed_over(world, template, later):
    schedule = _daily(world, template, interval_s=None, cron="0 0 * * *")
    later(DAY_S)
    assert _sweep() == 1
    later(-DAY_S)
    schedules.change_schedule(world.principal, schedule.pk, cron="00 0 * * *")
    later(DAY_S)
    assert (_sweep(), len(_came(schedule))) == (0, 1)
    later(DAY_S)
    assert (_sweep(), len(_came(schedule))) == (1, 2), "and it goes on"


def test_what_goes_wrong_is_told_and_comes_again_when_it_is_due_next(world, later):
    needy = templates.create_template(world.principal, name="needy", required_variables=["SECRET"])
    schedule = _daily(world, needy, count=2)
    later(DAY_S + 1)
    _sweep()
    failed = Occurrence.everywhere.get()
    assert (failed.status, failed.instance_ids, len(failed.problems)) == ("failed", [], 1)
    assert "SECRET" in failed.problems[0]
    assert Schedule.everywhere.get(pk=schedule.pk).next_at > clock.now()


def test_it_acts_for_its_author_with_the_role_they_have_then(world, template, later):
    schedule = _daily(world, template)
    members = Membership.everywhere.filter(user_id=world.principal.user_id)
    members.update(role=Role.VIEWER)
    later(DAY_S + 1)
    _sweep()
    members.using(CREW).all().delete()
    later(DAY_S + 1)
    _sweep()
    assert Instance.everywhere.count() == 0
    told = [row.problems[0] for row in Occurrence.everywhere.order_by("id")]
    assert "no member" in told[1] and len(_came(schedule)) == 2


def test_a_paused_schedule_misses_what_it_misses(world, template, later):
    schedule = _daily(world, template)
    schedules.change_schedule(world.principal, schedule.pk, paused=True)
    later(3 * DAY_S)
    assert _sweep() == 0
    resumed = schedules.change_schedule(world.principal, schedule.pk, paused=False)
    assert resumed.next_at > clock.now()
    assert _sweep() == 0


def test_one_that_may_not_be_any_more_can_still_be_paused(world, template):
    schedule = _daily(world, template, action="extend", timeout_ms=7_200_000)
    with override_settings(TIMEOUT_HOURS_MAX=1):
        assert schedules.change_schedule(world.principal, schedule.pk, paused=True).paused
        with pytest.raises(Invalid):
            schedules.change_schedule(world.principal, schedule.pk, paused=False)


def test_staff_pause_resume_and_run_a_schedule_as_their_role_allows_and_it_stays_its_authors(world, template):
    schedule = _daily(world, template)
    page, listed = (f"/admin/instances/schedule/{rest}" for rest in (f"{schedule.pk}/change/", ""))

    def order(role: str | None, name: str) -> int:
        person, browser = make.user(is_staff=True, is_superuser=role is None), Client()
        if role:
            Membership(site_id=schedule.site_id, user=person, role=role).save(using=CREW)
        browser.force_login(person)
        assert "daily" in browser.get(listed, {"q": "daily"}).content.decode()
        return browser.post(page.replace("change/", f"order/{name}/")).status_code

    def read() -> Schedule:
        return Schedule.everywhere.get(pk=schedule.pk)

    assert (order(Role.VIEWER, "pause"), read().paused) == (403, False)
    assert (order(Role.OPERATOR, "pause"), read().paused, read().next_at) == (302, True, None)
    assert (order(None, "resume"), read().paused, read().user_id) == (302, False, world.principal.user_id)
    assert (order(None, "run"), Instance.everywhere.count()) == (302, 1)
    assert (read().name, Occurrence.everywhere.get().trigger) == ("daily", "asked")


def test_what_may_not_be_is_refused(world, template):
    for wrong in (
        {"cron": "0 0 * * *"},
        {"interval_s": None},
        {"interval_s": None, "cron": "no"},
        {"interval_s": None, "cron": "0 0 * * *", "time_zone": "Moon/Base"},
        {"template_version": 9},
    ):
        with pytest.raises(Invalid):
            _daily(world, template, **wrong)
    stranger = principal_of_new_site()
    with pytest.raises(Invalid):
        schedules.create_schedule(stranger, name="x", template_id=template.pk, action="stop", interval_s=60)
    mine = _daily(world, template)
    with pytest.raises(NotFound):
        schedules.run_now(stranger, mine.pk)
    with pytest.raises(Forbidden):
        schedules.create_schedule(
            make.principal(make.site(), Role.VIEWER), name="x", template_id=template.pk, action="stop", interval_s=60
        )


def test_the_sites_clocks_count_where_the_schedule_names_none(world, template, monkeypatch):
    make.Site.objects.using(CREW).filter(pk=world.principal.site_id).update(time_zone="Asia/Kolkata")
    monkeypatch.setattr(clock, "now", lambda: _utc("2026-05-01T00:00"))
    fields = {"interval_s": None, "cron": "0 9 * * *"}
    assert _daily(world, template, **fields).next_at == _utc("2026-05-01T03:30")
    assert _daily(world, template, **fields, time_zone="UTC").next_at == _utc("2026-05-01T09:00")


def test_beat_queues_each_schedule_for_itself(world, template, later, monkeypatch):
    schedule = _daily(world, template)
    later(DAY_S + 1)
    queued = []
    monkeypatch.setattr(periodic.run_schedule, "delay", lambda *ids: queued.append(ids))
    assert periodic.run_schedules() == 1
    periodic.run_schedule(*queued[0])
    assert _came(schedule) == [("due", "done")]


def test_over_http(world, template):
    client = make.client(make.Site(pk=world.principal.site_id))
    body = {"name": "day", "template_id": str(template.pk), "action": "start", "cron": "0 9 * * 1-5"}
    made = client.post("/api/schedules", body)
    assert made.status_code == 201 and made.json()["next_at"]
    path = made.headers["Location"]
    changed = client.patch(path, {"cron": "", "interval_s": 3600, "count": 2})
    assert (changed.status_code, changed.json()["interval_s"]) == (200, 3600)
    assert client.patch(path, {"cron": "x"}).status_code == 400
    assert client.post(f"{path}/pause").json()["next_at"] is None
    ran = client.post(f"{path}/run").json()
    assert (ran["status"], ran["trigger"], len(ran["instance_ids"])) == ("done", "asked", 2)
    assert client.post(f"{path}/resume").json()["paused"] is False
    listed = client.get(f"{path}/occurrences?status=done").json()["results"]
    assert [row["id"] for row in listed] == [ran["id"]]
    assert client.get(f"/api/schedules?template_id={template.pk}&paused=false").json()["count"] == 1
    assert client.delete(path).status_code == 204
    assert client.get(f"{path}/occurrences").status_code == 404
