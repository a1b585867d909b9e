"""What a platform's size costs each reading route: `python -m bench.routes [INSTANCES LOGS]`.

On a Postgres and a web process of its own, filled by `seed_demo`: 200,000 instances over 200 sites and 5,000,000 log
entries unless said otherwise. Each route is asked by the largest site and by the smallest, in turns, over one
connection; the smallest is the floor, so a ratio near 1 says that the route does not know how much there is.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import django
import httpx
from django.core.management import call_command

from tests import services as own

DEPLOYMENT = own.announce()
django.setup()

from django.db.models import Count  # noqa: E402 - needs Django set up

from bench.measure import load  # noqa: E402
from common.tenancy import CREW  # noqa: E402
from instances.models import Instance, Log  # noqa: E402
from sites.keys import make_key  # noqa: E402
from sites.models import Agent, Membership  # noqa: E402
from sites.roles import Role  # noqa: E402
from tests.realtime.served import PROJECT, Web  # noqa: E402

SITES = 200
ROUNDS = 40
GOAL = 2.0
ROUTES = (
    "/api/instances",
    "/api/instances?limit=500",
    "/api/instances?count=estimate",
    "/api/instances?status=running",
    "/api/instances?status=error&instance_type=windows",
    "/api/instances?agent_id={agent}",
    "/api/instances?ordering=-updated_at",
    "/api/instances?ordering=name",
    "/api/instances?search=desk",
    "/api/instances?cursor=",
    "/api/instances/{instance}",
    "/api/instances/{instance}/events",
    "/api/instances/{instance}/logs",
    "/api/instances/{instance}/plans",
    "/api/logs",
    "/api/logs?cursor=",
    "/api/logs?is_error=true",
    "/api/logs?agent_id={agent}",
    "/api/logs?level=error&log_type=tool_result",
    "/api/logs?search=no-such-words",
    "/api/logs/{log}",
    "/api/agents",
    "/api/memberships",
    "/api/plans",
)


@dataclass(frozen=True, slots=True)
class Asker:
    """A site that asks, with a row of each noun that a route names."""

    client: httpx.Client
    rows: int
    names: dict[str, str]

    def ms(self, route: str) -> float:
        begun = time.perf_counter()
        answer = self.client.get(route.format(**self.names))
        took_ms = (time.perf_counter() - begun) * 1000
        assert answer.status_code == 200, f"{route}: {answer.status_code} {answer.text[:300]}"
        return took_ms


def compare(small: Asker, large: Asker) -> None:
    print(f"routes   median of {ROUNDS}, ms over one connection\n{'':48}{'small':>8}{'large':>8}{'ratio':>8}")
    for route in ROUTES:
        rounds = ROUNDS if "search" not in route else 3  # which reads every row: seconds where nothing matches
        pairs = [(small.ms(route), large.ms(route)) for _ in range(rounds + 3)][3:]
        floor, found = (statistics.median(side) for side in zip(*pairs, strict=True))
        verdict = "" if found / floor <= GOAL else f"   more than {GOAL:g}"
        print(f"  {route:46}{floor:8.1f}{found:8.1f}{found / floor:8.2f}{verdict}", flush=True)


def _asker(url: str, site_id: UUID, rows: int) -> Asker:
    owner = Membership.everywhere.filter(site_id=site_id, role=Role.OWNER)[0]
    _, secret = make_key(site_id=site_id, user_id=owner.user_id, name="bench", using=CREW)
    log = Log.everywhere.filter(site_id=site_id).order_by("-id")[0]
    agent = Agent.everywhere.filter(site_id=site_id)[0]
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=120, trust_env=False)
    return Asker(client, rows, {"instance": str(log.instance_id), "log": str(log.pk), "agent": str(agent.pk)})


def _askers(url: str) -> tuple[Asker, Asker]:
    """The smallest site and the largest."""
    sizes = Instance.everywhere.filter(deleted_at=None).values("site").annotate(rows=Count("pk")).order_by("rows")
    least, most = sizes[0], sizes[len(sizes) - 1]
    return _asker(url, least["site"], least["rows"]), _asker(url, most["site"], most["rows"])


def main() -> None:
    instances, logs = (int(text) for text in sys.argv[1:3]) if len(sys.argv) > 2 else (200_000, 5_000_000)
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    with TemporaryDirectory() as folder:
        postgres.start()
        postgres.ensure_database()
        valkey.start()
        try:
            call_command("migrate", database="owner", interactive=False, verbosity=0)
            call_command("seed_demo", instances=instances, sites=SITES, logs=logs)
            web = Web(Path(folder), PROJECT)
            try:
                small, large = _askers(web.url)
                print(f"\n{instances:,} instances over {SITES} sites, {logs:,} log entries; {load()}")
                print(f"the small site has {small.rows:,} instances, the large one {large.rows:,}\n")
                compare(small, large)
                print(load())
            finally:
                web.stop()
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
