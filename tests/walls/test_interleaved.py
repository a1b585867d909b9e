"""Many sites at once over few connections: whatever is asked in whatever order, each sees its own rows alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from instances import services
from sites.models import Site
from tests import make
from tests.counts import tried
from tests.realtime.served import PROJECT, Web

pytestmark = pytest.mark.django_db

SITES, CLIENTS, REQUESTS = 8, 16, 60
CONNECTIONS = "3"
"""Of the pool: each serves all sites in turn."""


@dataclass(frozen=True)
class Tenant:
    site: Site
    secret: str
    mark: str
    instance: str
    plan: str

    def asks(self, others: list[Tenant], chance: random.Random) -> tuple[str, str, Any, int]:
        """One request, method, path, body and the status that it must have."""
        stranger = chance.choice([tenant for tenant in others if tenant is not self])
        log = {"log_type": "system", "message": self.mark}
        return chance.choice(
            [
                ("GET", "/api/instances", None, 200),
                ("GET", "/api/instances?search=desk&count=exact", None, 200),
                ("GET", f"/api/instances/{self.instance}", None, 200),
                ("GET", f"/api/instances/{self.instance}/events", None, 200),
                ("GET", "/api/logs?cursor=", None, 200),
                ("GET", "/api/plans", None, 200),
                ("GET", "/api/agents", None, 200),
                ("GET", "/api/memberships", None, 200),
                ("GET", "/api/sites", None, 200),
                ("GET", f"/api/instances/{self.instance}/wait?status=pending", None, 200),
                ("POST", f"/api/instances/{self.instance}/logs", log, 201),
                ("PATCH", f"/api/plans/{self.plan}", {"title": self.mark}, 200),
                ("PATCH", f"/api/plans/{self.plan}", {"title": ""}, 400),
                ("POST", "/api/agents", {"name": self.mark, "unknown": 1}, 400),
                ("GET", f"/api/instances/{stranger.instance}", None, 404),
                ("GET", f"/api/instances/{stranger.instance}/logs", None, 404),
                ("POST", f"/api/instances/{stranger.instance}/logs", log, 404),
                ("PATCH", f"/api/plans/{stranger.plan}", {"title": self.mark}, 404),
                ("GET", f"/api/instances?site_id={stranger.site.pk}", None, 404),
                ("POST", f"/api/instances/{self.instance}/actions", {"type": "click"}, 409),
            ]
        )


@pytest.fixture
def tenants() -> list[Tenant]:
    made = []
    for number in range(SITES):
        site = make.site(f"Site {number}")
        mark = f"mark-{number}-of-its-own"
        principal = make.principal(site)
        instance = services.request_instance(principal, name=f"desk {mark}", instance_type="ubuntu")
        _, secret = make.key(site)
        plan = make.client_with(secret).post(
            f"/api/instances/{instance.pk}/plans", {"title": mark, "plan_type": "task"}
        )
        make.agent(site, mark)
        made.append(Tenant(site, secret, mark, str(instance.pk), plan.json()["id"]))
    return made


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    served = Web(tmp_path, PROJECT, DATABASE_POOL=CONNECTIONS)
    yield served
    served.stop()


def test_no_tenant_is_ever_told_of_another(tenants: list[Tenant], web: Web) -> None:
    def live(number: int) -> int:
        tenant, chance = tenants[number % SITES], random.Random(number)
        headers = {"Authorization": f"Bearer {tenant.secret}"}
        foreign = [other for other in tenants if other is not tenant]
        with httpx.Client(base_url=web.url, headers=headers, timeout=60, trust_env=False) as client:
            for _ in range(REQUESTS):
                method, path, body, status = tenant.asks(tenants, chance)
                answer = client.request(method, path, json=body)
                assert answer.status_code == status, (method, path, answer.status_code, answer.text[:500])
                for other in foreign:
                    seen = {other.mark, str(other.site.pk), other.instance, other.plan} - {*path.split("/")}
                    told = [word for word in seen if word in answer.text and word not in path]
                    assert not told, (method, path, told)
        return REQUESTS

    live(0)  # alone: what a process does once, with connections in its hands, would let the crowd wait
    with ThreadPoolExecutor(CLIENTS) as pool:
        tried("requests of interleaved tenants, held", sum(pool.map(live, range(CLIENTS))))
