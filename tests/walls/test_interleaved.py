"""Many sites at once over few connections: whatever is asked in whatever order, each sees its own rows alone."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from instances import services
from sites.models import Site
from tests import make
from tests.counts import tried
from tests.realtime.served import PROJECT, Web

pytestmark = pytest.mark.django_db

SITES, CLIENTS, REQUESTS = 8, 16, 60
CONNECTIONS = "2"
"""Of each pool: each serves all sites in turn, and a process that has done nothing yet has no more."""
PAGE, STREAM, GONE = "PAGE", "STREAM", "GONE"
"""Not methods: a person's browser asks for a page; a stream is left in mid-sentence, an answer before it comes."""


@dataclass(frozen=True)
class Tenant:
    site: Site
    secret: str
    mark: str
    instance: str
    plan: str
    session: str

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
                (STREAM, f"/api/instances/{self.instance}/events", None, 200),
                (GONE, "/api/logs?search=mark", None, 0),
                (PAGE, "/api/instances", None, 200),
                (PAGE, "/admin/instances/instance/", None, 200),
                (PAGE, f"/admin/plans/plan/{self.plan}/change/", None, 200),
                (PAGE, f"/admin/plans/plan/{stranger.plan}/change/", None, 302),
                (PAGE, "/admin/sites/agent/?q=mark", None, 200),
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
        browser = Client()
        browser.force_login(make.member(site, who=make.user(is_staff=True)).user)
        session = browser.cookies["sessionid"].value
        made.append(Tenant(site, secret, mark, str(instance.pk), plan.json()["id"], session))
    return made


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    served = Web(tmp_path, PROJECT, DATABASE_POOL=CONNECTIONS)
    yield served
    served.stop()


@dataclass(frozen=True)
class Caller:
    """One client of a tenant: a program with its key, and a person with their session."""

    web: Web
    tenant: Tenant
    program: httpx.Client
    person: httpx.Client

    def ask(self, method: str, path: str, body: Any) -> tuple[int, str]:
        """Status and text of the answer; of a stream, what comes until its first event."""
        if method == GONE:
            self._leave(path)
            return 0, ""
        if method == PAGE:
            answer = self.person.get(path)
            return answer.status_code, answer.text
        if method == STREAM:
            return self._first_event(path)
        answer = self.program.request(method, path, json=body)
        return answer.status_code, answer.text

    def _first_event(self, path: str) -> tuple[int, str]:
        with self.program.stream("GET", path, headers={"Accept": "text/event-stream"}) as stream:
            lines = []
            for line in stream.iter_lines():
                lines.append(line)
                if line.startswith("data:"):
                    break
            return stream.status_code, "\n".join(lines)

    def _leave(self, path: str) -> None:
        with socket.create_connection(("127.0.0.1", self.web.port), timeout=30) as sent:
            key = f"Authorization: Bearer {self.tenant.secret}"
            sent.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.web.address}\r\n{key}\r\n\r\n".encode())


@contextmanager
def _caller(web: Web, tenant: Tenant) -> Iterator[Caller]:
    key = {"Authorization": f"Bearer {tenant.secret}"}
    cookie = {"Cookie": f"sessionid={tenant.session}", "Accept": "text/html"}
    with (
        httpx.Client(base_url=web.url, headers=key, timeout=60, trust_env=False) as program,
        httpx.Client(base_url=web.url, headers=cookie, timeout=60, trust_env=False) as person,
    ):
        yield Caller(web, tenant, program, person)


def test_no_tenant_is_ever_told_of_another(tenants: list[Tenant], web: Web) -> None:
    """All come at once to a process that has just started, by every kind of door, with two connections of each role."""

    def live(number: int) -> int:
        tenant, chance = tenants[number % SITES], random.Random(number)
        foreign = [other for other in tenants if other is not tenant]
        with _caller(web, tenant) as caller:
            for _ in range(REQUESTS):
                method, path, body, status = tenant.asks(tenants, chance)
                answered, text = caller.ask(method, path, body)
                assert answered == status, (method, path, answered, text[:500])
                for other in foreign:
                    seen = {other.mark, str(other.site.pk), other.instance, other.plan} - {*path.split("/")}
                    told = [word for word in seen if word in text and word not in path]
                    assert not told, (method, path, told)
        return REQUESTS

    with ThreadPoolExecutor(CLIENTS) as pool:
        tried("requests of interleaved tenants, held", sum(pool.map(live, range(CLIENTS))))
