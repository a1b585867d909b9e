"""Where log entries lie and how long: a month a partition, walls around each, what is dropped and what deleted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, connections, transaction

from common import partitions
from common.ids import first_id_at, new_id
from common.partitions import Month
from common.tenancy import CREW, site_scope
from instances import retention, selectors, services, tasks
from instances.models import Log
from sites.models import Site
from tests import make

TABLE = retention.TABLE
OWNER = "owner"


@pytest.fixture
def months(db: None) -> Iterator[None]:
    """Whatever months a test makes or drops, afterwards there are those of now and the next ones again."""
    yield
    owner = connections[OWNER]
    with owner.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLE}")
    usual = {Month.of(datetime.now(UTC))}
    for _ in range(partitions.MONTHS_AHEAD):
        usual.add(max(usual).next())
    for month in set(partitions.months_of(owner, TABLE)) - usual:
        with owner.cursor() as cursor:
            cursor.execute(f"DROP TABLE {month.table(TABLE)}")
    retention.make_partitions()


def entry(instance: object, *, at: datetime | None = None, **fields: object) -> Log:
    """A row as if written at `at`."""
    born = at or datetime.now(UTC)
    log_id = UUID(int=first_id_at(born).int | new_id().int & (1 << 80) - 1)
    log = Log(id=log_id, site_id=instance.site_id, instance=instance, log_type="system", message="m", **fields)
    log.save(using=CREW, force_insert=True)
    return log


def lies_in(log: Log) -> str:
    with connections[CREW].cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM instances_log WHERE id = %s", [log.pk])
        return cursor.fetchone()[0]


def test_an_entry_lies_in_its_month_and_one_of_no_month_in_the_default_partition(world, months):
    instance = world.ask()
    now = datetime.now(UTC)
    assert lies_in(entry(instance)) == Month.of(now).table(TABLE)
    assert lies_in(entry(instance, at=now + timedelta(days=3650))) == f"{TABLE}_default"


def test_the_last_and_the_first_id_of_a_month_are_kept_apart(world, months):
    instance = world.ask()
    following = Month.of(datetime.now(UTC)).next()
    before = entry(instance, at=following.begin - timedelta(milliseconds=1))
    first = entry(instance, at=following.begin)
    assert (lies_in(before), lies_in(first)) == (Month.of(datetime.now(UTC)).table(TABLE), following.table(TABLE))


def test_a_month_made_late_takes_over_what_lies_in_the_default_partition(world, months):
    instance = world.ask()
    late = datetime.now(UTC) + timedelta(days=400)
    logs = [entry(instance, at=late), entry(instance, at=late + timedelta(days=90))]
    assert {lies_in(log) for log in logs} == {f"{TABLE}_default"}
    made = partitions.make_ahead(connections[OWNER], TABLE, late)
    assert made[0] == Month.of(late) and len(made) == partitions.MONTHS_AHEAD + 1
    assert lies_in(logs[0]) == Month.of(late).table(TABLE)
    assert Log.everywhere.count() == 2
    assert partitions.make_ahead(connections[OWNER], TABLE, late) == []


def test_a_months_lock_is_not_waited_for(world, months):
    late = datetime.now(UTC) + timedelta(days=400)
    holds, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(using=CREW), connections[CREW].cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {TABLE}")
            holds.set()
            done.wait(20)
        connections.close_all()

    reader = threading.Thread(target=hold)
    reader.start()
    assert holds.wait(10)
    try:
        with pytest.raises(OperationalError):
            partitions.make_ahead(connections[OWNER], TABLE, late)
    finally:
        done.set()
        reader.join()
    assert Month.of(late) not in partitions.months_of(connections[OWNER], TABLE)
    assert Month.of(late) in partitions.make_ahead(connections[OWNER], TABLE, late)


def _children() -> list[str]:
    with connections[OWNER].cursor() as cursor:
        cursor.execute(f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{TABLE}'::regclass")
        return [name for (name,) in cursor.fetchall()]


def test_the_requests_role_reaches_no_partition_but_through_the_table(world, months):
    partitions.make_ahead(connections[OWNER], TABLE, datetime.now(UTC) + timedelta(days=400))
    log, children = entry(world.ask()), _children()
    assert f"{TABLE}_default" in children and len(children) >= 5
    for child in children:
        for role in ("default", CREW):
            with pytest.raises(ProgrammingError, match="permission denied"), connections[role].cursor() as cursor:
                cursor.execute(f"SELECT * FROM {child}")
    with site_scope(log.site_id), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE}")
        assert cursor.fetchone() == (1,)
    with site_scope(make.site().pk), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE}")
        assert cursor.fetchone() == (0,)


def test_every_partition_forces_row_security_and_lets_no_tenant_by(months):
    partitions.make_ahead(connections[OWNER], TABLE, datetime.now(UTC) + timedelta(days=400))
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = %s::regclass"
            " AND NOT (relrowsecurity AND relforcerowsecurity AND ARRAY(SELECT polname FROM pg_policy"
            " WHERE polrelid = c.oid) = ARRAY['migrations'::name])",
            [TABLE],
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize("field", ["instance_id", "agent_id"])
def test_an_entry_can_not_point_at_a_row_of_another_site(world, field):
    mine, theirs = world.ask(), make.site()
    stranger = make.agent(theirs)
    wrong = {"instance_id": new_id()} if field == "instance_id" else {"agent_id": stranger.pk}
    fields = {"instance_id": mine.pk, "log_type": "system", "message": "m", **wrong}
    with pytest.raises(IntegrityError):
        Log(site_id=mine.site_id, **fields).save(using=CREW, force_insert=True)
    assert Log.everywhere.count() == 0


def test_an_agent_can_be_deleted_and_its_entries_stay(world):
    instance = world.ask()
    agent = make.agent(Site.objects.using(CREW).get(pk=instance.site_id))
    log = entry(instance, agent=agent)
    agent.delete(using=CREW)
    assert Log.everywhere.get(pk=log.pk).agent_id is None


def test_old_months_are_dropped_whole_and_the_limits_own_month_stays(world, months):
    instance, now = world.ask(), datetime.now(UTC)
    limit = now - timedelta(days=settings.LOG_RETENTION_DAYS)
    old = limit - timedelta(days=62)
    partitions.make_ahead(connections[OWNER], TABLE, old)
    gone, hidden, shown = entry(instance, at=old), entry(instance, at=limit - timedelta(minutes=1)), entry(instance)
    assert Month.of(old) in retention.drop_old_months()
    assert retention.drop_old_months() == []
    left = set(Log.everywhere.values_list("pk", flat=True))
    assert gone.pk not in left and shown.pk in left
    assert min(partitions.months_of(connections[OWNER], TABLE)) >= Month.of(limit)
    if Month.of(limit - timedelta(minutes=1)) == Month.of(limit):
        assert hidden.pk in left
    with site_scope(instance.site_id):
        assert list(selectors.logs(world.principal)) == [shown]


def test_a_site_that_wishes_for_less_has_its_older_entries_deleted_in_batches(world, months, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    instance, now = world.ask(), datetime.now(UTC)
    other = services.request_instance(make.principal(make.site()), name="other")
    Site.objects.using(CREW).filter(pk=instance.site_id).update(log_retention_days=7)
    for days in (8, 9, 10, 30, 31):
        entry(instance, at=now - timedelta(days=days))
        entry(other, at=now - timedelta(days=days))
    kept = entry(instance, at=now - timedelta(days=6))
    assert retention.delete_expired() == 5
    assert [log.pk for log in Log.everywhere.filter(instance=instance)] == [kept.pk]
    assert Log.everywhere.filter(instance=other).count() == 5
    assert retention.delete_expired() == 0


def test_a_longer_wish_than_the_platforms_limit_deletes_nothing(world):
    instance = world.ask()
    Site.objects.using(CREW).filter(pk=instance.site_id).update(log_retention_days=settings.LOG_RETENTION_DAYS + 1)
    entry(instance, at=datetime.now(UTC) - timedelta(days=settings.LOG_RETENTION_DAYS + 2))
    assert retention.delete_expired() == 0


@pytest.mark.django_db
def test_a_site_owner_sets_its_retention_and_nobody_else_does():
    site = make.site()
    path = f"/api/sites/{site.pk}"
    answer = make.client(site).patch(path, {"log_retention_days": 30})
    assert (answer.status_code, answer.json()["log_retention_days"]) == (200, 30)
    assert make.client(site, "admin").patch(path, {"log_retention_days": 1}).status_code == 403
    for wrong in (0, -1, "7", 2**40):
        assert make.client(site).patch(path, {"log_retention_days": wrong}).status_code == 400
    assert make.client(site).patch(path, {"log_retention_days": None}).json()["log_retention_days"] is None


def test_the_beat_keeps_the_log(world, months):
    with connections[OWNER].cursor() as cursor:
        last = max(partitions.months_of(connections[OWNER], TABLE))
        cursor.execute(f"DROP TABLE {last.table(TABLE)}")
    assert settings.CELERY_BEAT_SCHEDULE["instances.keep_logs"]["task"] == "instances.keep_logs"
    tasks.keep_logs()
    assert last in partitions.months_of(connections[OWNER], TABLE)
