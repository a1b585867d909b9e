"""Pages of a list a second, ours against plain REST framework and a bare floor: `python -m bench.lists [INSTANCES]`.

On a Postgres and a web process of its own, filled by `seed_demo`: 200,000 instances over 200 sites unless said
otherwise, of which the largest site, which asks, has a third. All three ways are served by the same process and asked
in turns. Ours stands behind row-level security, the others do not.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import UUID

import django
from django.core.management import call_command

from tests import services as own

DEPLOYMENT = own.announce()
django.setup()

from django.db.models import Count  # noqa: E402 - needs Django set up

from bench.crowd import CLIENTS, HOW, requests_per_s  # noqa: E402
from bench.measure import load, verdict_of_least  # noqa: E402
from common.tenancy import CREW  # noqa: E402
from instances.models import Instance  # noqa: E402
from sites.keys import make_key  # noqa: E402
from sites.models import Membership  # noqa: E402
from sites.roles import Role  # noqa: E402
from tests.realtime.served import Web  # noqa: E402

SITES = 200
ROUNDS, FOR_S = 5, 3.0
DEEP = 1000
GOAL_OVER_PLAIN, GOAL_OF_BARE, GOAL_DEEP = 4.0, 0.5, 0.8


@dataclass(frozen=True, slots=True)
class Asking:
    """The largest site, and how it asks."""

    url: str
    site_id: UUID
    headers: dict[str, str]

    def rates(self, *paths: str) -> list[float]:
        """The median requests a second of each path, asked in turns; a first round is not counted."""
        taken: list[list[float]] = [[] for _ in paths]
        for number in range(ROUNDS + 1):
            for path, rates in zip(paths, taken, strict=True):
                rate = requests_per_s(self.url + path, self.headers, for_s=FOR_S if number else 1.0)
                if number:
                    rates.append(rate)
        return [statistics.median(rates) for rates in taken]

    def page(self, path: str) -> dict[str, object]:
        with urlopen(Request(self.url + path, headers=self.headers), timeout=30) as answer:
            page: dict[str, object] = json.load(answer)
        return page

    def deep(self, pages: int, limit: int) -> str:
        """The path of the page that many further on."""
        path = f"/api/instances?limit={limit}&cursor="
        for _ in range(pages - 1):
            link = urlsplit(str(self.page(path)["next"]))
            path = f"{link.path}?{link.query}"
        return path


def first_page(asking: Asking) -> None:
    """Page one of fifty, with all that each way gives along with it."""
    ours, keyset, plain, bare = asking.rates(
        "/api/instances", "/api/instances?cursor=", "/plain/instances", f"/bare?{asking.site_id}"
    )
    print(f"lists.first   requests/s, {CLIENTS} connections, {ROUNDS} rounds of {FOR_S:g} s, by {HOW}")
    print(f"  ours                       {ours:8.0f}   row-level security, key, capped count, links")
    print(f"  ours, by cursor            {keyset:8.0f}   the same without a count")
    print(f"  plain REST framework       {plain:8.0f}   ModelSerializer, key looked up, count, limit and offset")
    print(f"  bare psycopg and orjson    {bare:8.0f}   no key, no count, no links, no walls")
    print(f"  ours / plain               {ours / plain:8.2f}   {verdict_of_least(ours / plain, GOAL_OVER_PLAIN)}")
    print(
        f"  ours / bare                {ours / bare:8.2f}   {verdict_of_least(ours / bare, GOAL_OF_BARE)}\n", flush=True
    )


def deep_page(asking: Asking, rows: int) -> None:
    """Page 1,000, by cursor and by offset."""
    limit = max(1, min(50, rows // (DEEP + 1)))
    first, deep = f"/api/instances?limit={limit}&cursor=", asking.deep(DEEP, limit)
    skipped = f"/plain/instances?limit={limit}&offset={(DEEP - 1) * limit}"
    flat, far, offset = asking.rates(first, deep, skipped)
    print(f"lists.deep   page {DEEP} of {limit} rows each, requests/s")
    print(f"  ours, page 1               {flat:8.0f}")
    print(f"  ours, page {DEEP} by cursor  {far:8.0f}")
    print(f"  plain, page {DEEP} by offset {offset:8.0f}")
    print(f"  page {DEEP} / page 1         {far / flat:8.2f}   {verdict_of_least(far / flat, GOAL_DEEP)}\n", flush=True)


def _largest_site(url: str) -> tuple[Asking, int]:
    sizes = Instance.everywhere.filter(deleted_at=None).values("site").annotate(rows=Count("pk")).order_by("-rows")
    largest = sizes[0]
    owner = Membership.everywhere.filter(site_id=largest["site"], role=Role.OWNER)[0]
    _, secret = make_key(site_id=owner.site_id, user_id=owner.user_id, name="bench", using=CREW)
    return Asking(url, owner.site_id, {"Authorization": f"Bearer {secret}"}), largest["rows"]


def main() -> None:
    instances = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    with TemporaryDirectory() as folder:
        postgres.start()
        postgres.ensure_database()
        valkey.start()
        try:
            call_command("migrate", database="owner", interactive=False, verbosity=0)
            call_command("seed_demo", instances=instances, sites=SITES, logs=0)
            web = Web(Path(folder), ("-m", "bench.listserver"))
            try:
                asking, rows = _largest_site(web.url)
                print(f"\n{instances:,} instances over {SITES} sites, {rows:,} of them the asker's; {load()}\n")
                first_page(asking)
                deep_page(asking, rows)
                print(load())
            finally:
                web.stop()
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
