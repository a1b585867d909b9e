"""A soak of seconds: people ask, the cloud lies, workers are killed, the broker is emptied; then nothing is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from bench.unrest import Fleet, Left, Unrest, be_bad, come_to_rest, left
from common import heartbeats
from infra.embedded.processes import wait_until
from instances.providers.simulated.cloud import Cloud
from instances.providers.simulated.lies import Lies
from tests import make
from tests.counts import told

pytestmark = pytest.mark.django_db

BAD = Lies(
    unreachable=0.1, lost_answers=0.1, no_room=0.1, cut_lists=0.2, unseen_s=1, life_s=60, boot_s=0.3, takes_s=0.1
)
SMALL = Unrest(instances=20, seconds=8.0, lies=BAD, kill_every_s=2.5, flush_every_s=2.5)
WITHIN_S = 120.0


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "cloud.sqlite")


@pytest.fixture
def fleet(services, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Workers whose only cloud is the simulated one, and who look for orphans all the time."""
    monkeypatch.setattr(settings, "DEFAULT_PROVIDER", "simulated")
    often = {"SWEEP_EVERY_S": "0.5", "PATROL_EVERY_S": "1", "ORPHANS": "destroy", "ORPHAN_GRACE_S": "2"}
    quiet = {"SIMULATION_FILE": str(tmp_path / "cloud.sqlite"), "LOG_LEVEL": "ERROR", "DATABASE_POOL": "8"}
    fleet = Fleet(tmp_path, os.environ | often | quiet, app="tests.instances.impatient")
    yield fleet
    fleet.end()


def test_after_a_bad_while_nothing_is_orphaned_stuck_or_doubled(services, cloud: Cloud, fleet: Fleet) -> None:
    principal = make.principal(make.site())
    broker = redis.Redis.from_url(services.valkey().url())
    wait_until(lambda: heartbeats.last("worker"), timeout_s=WITHIN_S, what="a worker", every_s=0.1)

    done = be_bad(SMALL, cloud=cloud, principal=principal, fleet=fleet, broker=broker)
    came_s = come_to_rest(cloud, principal, calm_s=2.0, within_s=WITHIN_S)

    told(f"a soak: at rest after {came_s:.0f} s; " + ", ".join(f"{count} {name}" for name, count in done.items()))
    assert done["instances"] == 20 and done["workers killed"] and done["broker flushes"], "it was not bad enough"
    assert left(cloud) == Left(orphans=[], stuck=[], doubled=[]), fleet.log()
