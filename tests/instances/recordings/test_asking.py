"""What may be asked about recordings over REST, and how they go: by deletion, by age, and what nobody knows."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from common import clock
from common.objects import StoreAway
from common.objects.folder import FolderStore
from instances.models import Instance, Recording, RecordingPart, RecordingStatus, Status
from instances.recordings import keeping, leases
from instances.recordings.ending import ending_of
from sites.models import AuditEntry, Site
from tests import make
from tests.instances.conftest import World
from tests.instances.recordings.conftest import Studio
from tests.instances.recordings.test_recording import _part


@pytest.fixture
def client(world: World) -> Any:
    return make.client(Site(pk=world.principal.site_id))


def test_one_is_begun_read_ended_and_deleted(studio: Studio, world: World, client: Any) -> None:
    instance = world.settle(world.ask())
    made = client.post(f"/api/instances/{instance.pk}/recordings", {"max_fps": 5, "max_minutes": 10})
    row = made.json()
    assert (made.status_code, made["Location"], row["status"]) == (201, f"/api/recordings/{row['id']}", "waiting")
    assert (row["max_fps"], row["max_minutes"], row["quality"], row["max_mib"]) == (5, 10, 60, 1024)
    again = client.post(f"/api/instances/{instance.pk}/recordings")
    assert (again.status_code, again.json()["code"]) == (409, "RECORDING_UNDER_WAY")
    assert again.json()["details"] == {"recording_id": row["id"]}

    ended = client.post(f"/api/recordings/{row['id']}/stop")
    assert (ended.status_code, ended.json()["status"]) == (202, "finished")
    assert client.post(f"/api/recordings/{row['id']}/stop").json()["updated_at"] == ended.json()["updated_at"]
    assert client.delete(f"/api/recordings/{row['id']}").status_code == 204
    assert client.get(f"/api/recordings/{row['id']}").status_code == 404
    assert client.delete(f"/api/recordings/{row['id']}").status_code == 404
    said = AuditEntry.everywhere.filter(action__startswith="recording.").order_by("id").values_list("action", flat=True)
    assert list(said) == ["recording.started", "recording.stopped", "recording.deleted"]


@pytest.mark.parametrize(
    "wanted", [{"max_fps": 0}, {"max_fps": 11}, {"quality": 100}, {"max_minutes": 121}, {"max_mib": 1025}, {"fps": 2}]
)
def test_more_than_may_be_is_refused_by_name(world: World, client: Any, wanted: dict[str, int]) -> None:
    answer = client.post(f"/api/instances/{world.ask().pk}/recordings", wanted)
    assert answer.status_code == 400 and list(wanted) == list(answer.json()["details"]["fields"])


def test_a_quota_that_is_used_up_is_a_429(studio: Studio, world: World, client: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(settings.QUOTAS, "recordings_mib", 0)
    answer = client.post(f"/api/instances/{world.ask().pk}/recordings")
    assert (answer.status_code, answer.json()["details"]["quota"]) == (429, "recordings_mib")
    usage = client.get(f"/api/sites/{world.principal.site_id}/usage").json()["quotas"]
    assert {"quota": "recordings_mib", "limit": 0, "used": 0, "remaining": 0} in usage


def test_a_viewer_reads_and_does_not_record(world: World, client: Any) -> None:
    instance = world.ask()
    assert client.post(f"/api/instances/{instance.pk}/recordings").status_code == 201
    viewer = make.client(Site(pk=world.principal.site_id), "viewer")
    assert viewer.get(f"/api/instances/{instance.pk}/recordings").json()["results"][0]["status"] == "waiting"
    assert viewer.post(f"/api/instances/{instance.pk}/recordings").status_code == 403


def test_it_outlives_its_instance_and_is_found_by_it(studio: Studio, world: World, client: Any) -> None:
    instance = world.running()
    row = _recorded(studio, instance)
    Instance.everywhere.filter(pk=instance.pk).update(status="deleted", deleted_at=clock.now())
    for path in (f"/api/instances/{instance.pk}/recordings", f"/api/recordings?instance_id={instance.pk}"):
        assert [found["id"] for found in client.get(path).json()["results"]] == [str(row.pk)]
    assert client.get("/api/recordings?status=waiting").json()["results"] == []


def test_a_deleted_one_loses_its_objects_and_a_failure_is_tried_again(
    studio: Studio, world: World, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = _recorded(studio, world.running())
    client.delete(f"/api/recordings/{row.pk}")

    def away(self: FolderStore, folder: str) -> None:
        raise StoreAway("away")

    with monkeypatch.context() as failing:
        failing.setattr(FolderStore, "delete", away)
        keeping.keep()
    assert len(list(studio.store.listed(row.folder))) == 1 == Recording.everywhere.filter(pk=row.pk).count()
    keeping.keep()
    assert list(studio.store.listed(row.folder)) == []
    assert not Recording.everywhere.filter(pk=row.pk) and not RecordingPart.everywhere.filter(recording_id=row.pk)


def test_it_goes_when_its_time_is_over_and_not_before(studio: Studio, world: World, later: Any) -> None:
    row = _recorded(studio, world.running())
    later(timedelta(days=settings.RECORDING_RETENTION_DAYS).total_seconds() - 60)
    keeping.keep()
    assert studio.pictures(row) == [b"kept"]
    later(120)
    keeping.keep()
    assert not Recording.everywhere.filter(pk=row.pk) and list(studio.store.listed("recordings/")) == []


def test_objects_of_no_recording_go_after_a_day_and_those_of_one_stay(
    studio: Studio, world: World, tmp_path: Path
) -> None:
    row = _recorded(studio, world.running())
    old, young = (f"recordings/{make.new_id()}/{make.new_id()}/" for _ in range(2))
    for folder in (old, young):
        studio.store.put(f"{folder}000001-1", b"x")
    long_ago = (clock.now() - keeping.ORPHAN_AFTER).timestamp() - 60
    for folder in (old, row.folder):
        for path in (tmp_path / "objects" / folder).iterdir():
            os.utime(path, (long_ago, long_ago))
    assert [keeping.sweep_orphans(), keeping.sweep_orphans()] == [1, 0]
    left = sorted(stored.key.rpartition("/")[0] + "/" for stored in studio.store.listed("recordings/"))
    assert left == sorted([young, row.folder])


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({}, None, ""),
        ({"bytes": 2 * 1024 * 1024}, "finished", "2 MiB"),
        ({"started_at": timedelta(minutes=3)}, "finished", "3 minutes"),
        ({"stop_asked_at": timedelta(0)}, "finished", "Somebody"),
        ({"instance": Status.STOPPING}, "finished", "stopped"),
        ({"instance": Status.DELETED}, "finished", "deleted"),
        ({"instance": Status.ERROR}, "interrupted", "failed. It burns."),
        ({"instance": Status.PAUSED}, None, ""),
        ({"instance": Status.STARTING}, None, ""),
    ],
)
def test_when_it_is_over(fields: dict[str, Any], status: str | None, reason: str) -> None:
    now = clock.now()
    moments = {name: now - value for name, value in fields.items() if isinstance(value, timedelta)}
    row = Recording(max_mib=2, max_minutes=3, **{"started_at": now, "bytes": fields.get("bytes", 0), **moments})
    instance = Instance(status=fields.get("instance", Status.RUNNING), status_reason="It burns.", generation=0)
    end = ending_of(row, instance, now)
    assert (end and end.status) == (status and RecordingStatus(status))
    assert end is None or reason in end.reason


def _recorded(studio: Studio, instance: Instance) -> Recording:
    """One that has ended, with a frame."""
    row = studio.ask(instance)
    (held,) = leases.claim(1)
    leases.store(held, _part(b"kept"), cursor=held.cursor)
    leases.conclude(held, leases.interrupted("Enough."))
    return studio.read(row)
