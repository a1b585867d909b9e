"""Two bad minutes: `python -m bench.soak [instances] [seconds]`, 200 and 120 by default.

Real workers and a real beat, on a Postgres and a Valkey of their own, over a simulated cloud that lies. All the while
people start, stop, retry and delete; workers die by SIGKILL; the broker loses all it holds. Then the faults stop, and
what is left is counted: orphans, and instances that are not where they were wished.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import ExitStack

import django
import redis
from django.core.management import call_command

from bench.measure import load
from infra.embedded.processes import wait_until
from tests import services as own

DEPLOYMENT = own.announce()
FOLDER = own.temporary_directory("soak")
os.environ.update(
    SIMULATION_FILE=str(FOLDER / "cloud.sqlite"), DEFAULT_PROVIDER="simulated", LOG_LEVEL="ERROR",
    ORPHANS="destroy", ORPHAN_GRACE_S="10", PATROL_EVERY_S="4", SWEEP_EVERY_S="1", DATABASE_POOL="8",
)  # fmt: skip
django.setup()

from django.db import connections  # noqa: E402 - needs Django set up

from bench.unrest import Fleet, Unrest, be_bad, come_to_rest, left  # noqa: E402
from common import heartbeats  # noqa: E402
from instances.models import Instance  # noqa: E402
from instances.providers.simulated.cloud import Cloud  # noqa: E402
from instances.providers.simulated.lies import Lies  # noqa: E402
from tests import make  # noqa: E402

CALM_S, QUIET_WITHIN_S = 6.0, 480.0
BAD = Lies(
    unreachable=0.1,
    lost_answers=0.1,
    no_room=0.1,
    cut_lists=0.2,
    unseen_s=3,
    stuck=0.02,
    life_s=120,
    boot_s=1,
    takes_s=0.2,
)


def main() -> int:
    number, seconds = (int(text) for text in (sys.argv[1:] + ["200", "120"][len(sys.argv) - 1 :]))
    how = Unrest(instances=number, seconds=seconds, lies=BAD, kill_every_s=8.0, flush_every_s=15.0)
    print(load(), flush=True)
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    with ExitStack() as ending:
        for server in (postgres, valkey):
            server.start()
            ending.callback(server.stop)
        postgres.ensure_database()
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        cloud = Cloud(FOLDER / "cloud.sqlite")
        principal = make.principal(make.site())
        fleet = Fleet(FOLDER, os.environ)
        ending.callback(fleet.end)
        broker = redis.Redis.from_url(valkey.url())
        wait_until(lambda: heartbeats.last("worker"), timeout_s=QUIET_WITHIN_S, what="a worker", every_s=0.2)
        done = be_bad(how, cloud=cloud, principal=principal, fleet=fleet, broker=broker)
        print(f"{seconds} s: " + ", ".join(f"{count} {name}" for name, count in done.items()), flush=True)
        took_s = come_to_rest(cloud, principal, calm_s=CALM_S, within_s=QUIET_WITHIN_S)
        failed = _verdict(cloud, fleet, took_s)
        connections.close_all()
    return failed


def _verdict(cloud: Cloud, fleet: Fleet, took_s: float) -> int:
    statuses = Counter(Instance.everywhere.values_list("status", flat=True))
    found = left(cloud)
    print(f"at rest {took_s:.0f} s after the faults stopped: " + json.dumps(statuses))
    wrong = (found.orphans, found.stuck, found.doubled)
    print("{} orphans, {} stuck, {} doubled".format(*map(len, wrong)) + f"   ({load()})")
    if not any(wrong):
        return 0
    for line in [*found.orphans, *found.stuck, *found.doubled][:20]:
        print(f"  {line}")
    print(fleet.log())
    return 1


if __name__ == "__main__":
    sys.exit(main())
