"""The price of the second wall: `python -m bench.walls [--sites 200] [--instances 40000] [--logs 200000]`.

Two web processes over one database. One serves as role `app`, behind row-level security; the other as role `crew`,
which policies do not bind. The code is the same, the first wall too. Both are asked in turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from django.core.management import call_command

from tests import services as own

DEPLOYMENT = own.announce()
django.setup()

from django.db.models import Count  # noqa: E402 - needs Django set up

from bench.crowd import CLIENTS, HOW, requests_per_s  # noqa: E402
from bench.measure import load, verdict_of_least  # noqa: E402
from common.tenancy import CREW  # noqa: E402
from instances.models import Instance, Log  # noqa: E402
from sites.keys import make_key  # noqa: E402
from sites.models import Membership  # noqa: E402
from sites.roles import Role  # noqa: E402
from tests.realtime.served import PROJECT, Web  # noqa: E402

ROUNDS, FOR_S = 5, 2.0
HOTTEST, GOAL_HOTTEST, GOAL = "/api/instances", 0.75, 0.9
ROUTES = (
    HOTTEST,
    "/api/instances/{instance}",
    "/api/logs",
    "/api/instances/{instance}/logs",
    "/api/plans",
    "/api/agents",
)


def compare(behind: Web, beside: Web, headers: dict[str, str], instance_id: str) -> None:
    print(f"walls   requests/s, {CLIENTS} connections, {ROUNDS} rounds of {FOR_S:g} s, by {HOW}")
    for route in ROUTES:
        path = route.format(instance=instance_id)
        taken: dict[str, list[float]] = {behind.url: [], beside.url: []}
        for number in range(ROUNDS + 1):
            for url, rates in taken.items():
                rate = requests_per_s(url + path, headers, for_s=FOR_S if number else 1.0)
                rates.extend([rate] if number else [])
        walled, open_ = (statistics.median(rates) for rates in taken.values())
        goal = GOAL_HOTTEST if route == HOTTEST else GOAL
        print(
            f"  {route:34}{walled:8.0f} behind{open_:8.0f} beside{walled / open_:7.2f}   "
            f"{verdict_of_least(walled / open_, goal)}",
            flush=True,
        )


def _asker() -> tuple[dict[str, str], str]:
    """A key of the largest site, and an instance of it with a log."""
    sizes = Instance.everywhere.filter(deleted_at=None).values("site").annotate(rows=Count("pk")).order_by("-rows")
    site_id = sizes[0]["site"]
    owner = Membership.everywhere.filter(site_id=site_id, role=Role.OWNER)[0]
    _, secret = make_key(site_id=site_id, user_id=owner.user_id, name="bench", using=CREW)
    log = Log.everywhere.filter(site_id=site_id).order_by("-id")[0]
    return {"Authorization": f"Bearer {secret}"}, str(log.instance_id)


def _size() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.walls", description="The price of the second wall.")
    for name, rows in (("sites", 200), ("instances", 40_000), ("logs", 200_000)):
        parser.add_argument(f"--{name}", type=int, default=rows)
    return parser.parse_args()


def main() -> None:
    size = _size()
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        postgres.start()
        postgres.ensure_database()
        valkey.start()
        try:
            call_command("migrate", database="owner", interactive=False, verbosity=0)
            call_command("seed_demo", instances=size.instances, sites=size.sites, logs=size.logs)
            behind = Web(Path(first), PROJECT, RATE_LIMITS="off")
            beside = Web(Path(second), PROJECT, RATE_LIMITS="off", DATABASE_URL=os.environ["DATABASE_CREW_URL"])
            try:
                print(f"\n{size.instances:,} instances and {size.logs:,} logs over {size.sites} sites; {load()}\n")
                compare(behind, beside, *_asker())
                print(load())
            finally:
                behind.stop()
                beside.stop()
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
