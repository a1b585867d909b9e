"""Warm pools: filled, claimed by one each, replaced when stale, and held back while machines fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction
from django.test import override_settings

from common import clock
from common.errors import Invalid, NotFound
from common.tenancy import CREW
from guest.protocol.actions import CursorPosition
from infra.embedded.processes import wait_until
from instances import outbox, perform, periodic, pools, selectors, services, startup, templates
from instances.models import Event, Instance, Log, Template
from sites.models import Site
from tests import make
from tests.instances.conftest import principal_of_new_site, site_scope


def _template(world, size: int = 2, **spec) -> Template:
    fields = {"name": "desk", "instance_type": "ubuntu", "environment_variables": {"SHOP": "a"}, **spec}
    return templates.create_template(world.principal, pool_size=size, **fields)


def _members() -> list[Instance]:
    rows = Instance.everywhere.filter(pooled=True, deleted_at=None).exclude(desired_state="deleted")
    return list(rows.order_by("id"))


def _bring_up(world) -> None:
    for row in _members():
        world.guests.arrive(world.settle(row).machine)
        world.settle(row)


def _fill(world, *, rounds: int = 6) -> list[Instance]:
    for _ in range(rounds):
        for each in pools.due():
            pools.refill(*each)
        _bring_up(world)
    return _members()


def _ask(world, **fields) -> Instance:
    return services.request_instance(world.principal, **{"name": "mine", "template": "desk", **fields})


def test_a_pool_is_filled_a_few_at_a_time_to_its_size_and_then_left_alone(world):
    template = _template(world, size=3)
    pools.refill(template.pk, template.site_id)
    assert len(_members()) == pools.AT_ONCE
    pools.refill(template.pk, template.site_id)
    assert len(_members()) == pools.AT_ONCE, "as many as may be on their way"
    assert [row.status for row in _fill(world)] == ["running"] * 3
    assert pools.due() == []
    shown = make.client(Site(pk=world.principal.site_id)).get(f"/api/templates/{template.pk}").json()
    assert (shown["pool_size"], shown["pool_ready"], shown["pool_failures"]) == (3, 3, 0)


def test_a_member_becomes_somebodys_instance_at_once(world, later):
    _template(world, timeout_ms=7_200_000, idle_stop_minutes=20, on_timeout="delete")
    member = _fill(world)[0]
    later(3600)
    asked_for = world.provider.called("create")
    mine = _ask(world)
    assert (mine.pk, mine.status, mine.name, mine.pooled) == (member.pk, "running", "mine", False)
    assert (mine.timeout_ms, mine.idle_stop_minutes, mine.on_timeout) == (7_200_000, 20, "delete")
    assert (mine.expires_at - clock.now()).total_seconds() == pytest.approx(7200, abs=5)
    assert world.provider.called("create") == asked_for
    assert world.history(mine) == ["requested", "claimed"]
    assert (
        abs((mine.created_at - clock.now()).total_seconds())
        < 30
        < (mine.created_at - member.created_at).total_seconds()
    )
    assert world.settle(mine).status == "running"
    assert mine.pk in world.looked
    assert len(_fill(world)) == 2, "and the pool is filled again"


def test_variables_of_its_own_reach_the_guest_before_it_runs(world):
    _template(world, startup_script="echo $TOKEN", required_variables=["TOKEN"])
    _fill(world)
    assert startup.due() == [], "a script that needs them waits for whoever brings them"
    mine = _ask(world, environment_variables={"TOKEN": "t"})
    assert mine.status == "starting"
    mine = world.settle(mine)
    assert mine.status == "running"
    assert world.guests.environments[mine.machine] == {"SHOP": "a", "TOKEN": "t"}
    assert startup.due() == [mine.pk]
    assert world.provider.called("create") == 2


def test_a_script_that_needs_nobody_runs_ahead_and_once(world):
    _template(world, startup_script="true")
    _fill(world)
    ahead = startup.due()
    for instance_id in ahead:
        startup.run(instance_id)
    assert not Log.everywhere.exists(), "nobody is told while it is nobody's"
    mine = _ask(world)
    assert (len(ahead), startup.due()) == (2, [])
    assert world.history(mine) == ["requested", "claimed", "startup_finished"]
    assert Log.everywhere.get().instance_id == mine.pk


def test_a_script_that_has_not_begun_at_the_claim_is_not_told_of_as_lost(world):
    _template(world, startup_script="true")
    _fill(world)
    mine = _ask(world, environment_variables={"SHOP": "b"})
    for _ in range(2):  # before its guest has the variables, and after
        for instance_id in startup.due():
            startup.run(instance_id)
        world.settle(mine)
    assert world.history(mine) == ["requested", "claimed", "guest_ready", "startup_began", "startup_finished"]


def test_what_a_member_is_not_comes_cold(world):
    _template(world)
    _fill(world)
    cold = [
        _ask(world, instance_type="browser"),
        _ask(world, configuration={"width": 800}),
        _ask(world, startup_script="true"),
        _ask(world, desired_state="stopped"),
        services.request_instance(world.principal, name="none", instance_type="ubuntu"),
    ]
    assert [row.status for row in cold] == ["pending"] * 5
    assert len(_members()) == 2
    assert [_ask(world).status for _ in range(3)] == ["running", "running", "pending"]


def test_twenty_at_once_get_five_different_members_and_the_rest_come_cold(world):
    _template(world, size=5)
    ready = {row.pk for row in _fill(world)}

    def ask(number: int) -> Instance:
        try:
            return _ask(world, name=f"desk {number}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(ask, range(20)))
    warm = [row.pk for row in made if row.status == "running"]
    assert (len(warm), set(warm)) == (5, ready)
    assert len({row.pk for row in made}) == 20
    assert [row.status for row in made].count("pending") == 15


def test_a_member_is_in_no_list_and_nobody_acts_on_it(world):
    _template(world)
    member = _fill(world)[0]
    with site_scope(world.principal.site_id):
        assert not selectors.instances_of(world.principal).exists()
    with pytest.raises(NotFound):
        perform.act(world.principal, member.pk, CursorPosition())
    with pytest.raises(NotFound):
        services.request_stop(world.principal, member.pk)
    client = make.client(Site(pk=world.principal.site_id))
    assert client.get("/api/instances").json()["count"] == 0
    for path in ("", "/wait?timeout_s=0", "/logs", "/events", "/plans"):
        assert client.get(f"/api/instances/{member.pk}{path}").status_code == 404, path
    assert client.post(f"/api/instances/{member.pk}/logs", {"log_type": "system", "message": "x"}).status_code == 404


def test_what_happens_to_members_is_told_to_nobody(world, later):
    """Not in the site's stream, which is the events; not to its webhooks, which read them; not in its logs or usage."""
    _template(world)
    client = make.client(Site(pk=world.principal.site_id))
    hook = client.post("/api/webhooks", {"url": "https://example.com/hook"})
    assert hook.status_code == 201, hook.content
    ended, kept = _fill(world)
    world.provider.machines.pop(ended.machine)
    later(3600)
    assert world.step(ended).status == "error"
    used = {
        line["quota"]: line["used"]
        for line in client.get(f"/api/sites/{world.principal.site_id}/usage").json()["quotas"]
    }
    assert (used["instances"], used["running"]) == (0, 0)
    assert (Event.everywhere.count(), Log.everywhere.count(), outbox.collect()) == (0, 0, 0)
    assert _ask(world).pk == kept.pk
    assert [event.number for event in Event.everywhere.order_by("number")] == [1, 2]
    assert outbox.collect() == 2


def test_another_site_gets_nothing_of_it(world):
    _template(world)
    _fill(world)
    stranger = principal_of_new_site()
    templates.create_template(stranger, name="desk", instance_type="ubuntu", environment_variables={"SHOP": "a"})
    theirs = services.request_instance(stranger, name="theirs", template="desk")
    assert theirs.status == "pending"
    assert len(_members()) == 2


def test_a_new_version_and_old_age_replace_the_members(world, later):
    template = _template(world)
    old = {row.pk for row in _fill(world)}
    templates.change_template(world.principal, template.pk, environment_variables={"SHOP": "b"})
    assert _ask(world).status == "pending", "none of the new version is up yet"
    new = {row.pk for row in _fill(world)}
    assert (len(new), new & old) == (2, set())
    later(13 * 3600)
    newest = {row.pk for row in _fill(world)}
    assert (len(newest), newest & new) == (2, set())
    assert all(world.settle(world.read(Instance(pk=pk))).status == "deleted" for pk in old | new)


def test_a_smaller_pool_and_a_template_that_goes_end_their_members(world):
    template = _template(world, size=3)
    _fill(world)
    templates.change_template(world.principal, template.pk, pool_size=1)
    assert len(_fill(world)) == 1
    templates.remove_template(world.principal, template.pk)
    assert _members() == []
    for row in Instance.everywhere.filter(pooled=True):
        world.settle(row)
    assert world.provider.machines == {}


def test_pools_have_no_more_members_than_their_site_may_have_instances(world, later):
    """They count for no quota, and anybody can write templates without an end."""
    Site.objects.using(CREW).filter(pk=world.principal.site_id).update(quota_instances=3)
    for number in range(3):
        _template(world, size=2, name=f"desk {number}")
    assert len(_fill(world)) == 3
    reasons = sorted(Template.everywhere.values_list("pool_reason", flat=True))  # in whatever order they came
    assert reasons[0] == "" and all("quota of 3" in reason for reason in reasons[1:])
    assert pools.due() == [], "and it is left alone for a while"
    Site.objects.using(CREW).filter(pk=world.principal.site_id).update(quota_instances=9)
    later(31)
    assert len(_fill(world)) == 6
    assert set(Template.everywhere.values_list("pool_reason", flat=True)) == {""}


def test_a_site_with_many_pools_keeps_no_other_ones_empty(world, monkeypatch):
    _template(world)
    stranger = templates.create_template(principal_of_new_site(), name="desk", instance_type="ubuntu", pool_size=1)
    monkeypatch.setattr(pools, "_TEMPLATES_AT_ONCE", 1)
    found = {each for _ in range(60) for each in pools.due()}
    assert (stranger.pk, stranger.site_id) in found


def test_a_member_that_a_worker_holds_ends_with_its_template_too(world):
    """Passed by, it would run on for nobody: no template is left that could find it."""
    template = _template(world)
    held = _fill(world)[0]

    def remove() -> None:
        try:
            templates.remove_template(world.principal, template.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic(using=CREW):
            Instance.everywhere.select_for_update().get(pk=held.pk)
            removed = thread.submit(remove)
            wait_until(_somebody_waits, timeout_s=10, what="the removal waits for the row")
        removed.result(timeout=10)
    assert _members() == []


def _somebody_waits() -> bool:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.rowcount > 0


def test_repeated_failures_hold_the_pool_back_and_one_that_runs_mends_it(world, later):
    template = _template(world, size=2)
    for _ in range(2):
        for each in pools.due():
            pools.refill(*each)
        for row in _members():
            world.settle(row)
        later(600)
        for row in _members():
            world.settle(row)
    for each in pools.due():
        pools.refill(*each)
    broken = Template.everywhere.get(pk=template.pk)
    assert broken.pool_failures == 4
    assert broken.pool_open_until > clock.now()
    assert "desktop did not come up" in broken.pool_reason
    assert _members() == [] and pools.due() == []
    assert _ask(world).status == "pending", "whoever asks meanwhile gets one as without a pool"
    later(3601)
    for each in pools.due():
        pools.refill(*each)
    assert len(_members()) == 1, "one to try"
    assert len(_fill(world)) == 2
    mended = Template.everywhere.get(pk=template.pk)
    assert (mended.pool_failures, mended.pool_open_until, mended.pool_reason) == (0, None, "")


def test_two_sweeps_never_make_more_than_the_pools_size(world):
    template = _template(world, size=2)

    def refill(_: int) -> None:
        try:
            pools.refill(template.pk, template.site_id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(refill, range(12)))
    assert len(_members()) == 2


def test_an_inactive_site_keeps_no_machines_warm(world):
    template = _template(world)
    _fill(world)
    make.Site.objects.using(CREW).filter(pk=world.principal.site_id).update(is_active=False)
    assert pools.due() == [(template.pk, template.site_id)]
    pools.refill(template.pk, template.site_id)
    assert _members() == []
    assert pools.due() == [], "and then there is nothing left to do"


def test_beat_fills_pools_and_the_operators_limit_binds(world, monkeypatch):
    template = _template(world)
    queued = []
    monkeypatch.setattr(periodic.fill_pool, "delay", lambda *ids: queued.append(ids))
    assert periodic.fill_pools() == 1
    periodic.fill_pool(*queued[0])
    assert len(_members()) == 2
    with override_settings(POOL_SIZE_MAX=3), pytest.raises(Invalid):
        templates.change_template(world.principal, template.pk, pool_size=4)
