"""A site with a running instance and clients of several roles; no worker runs, so a test sweeps by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from common.tenancy import CREW
from instances import lifecycle, services
from instances.models import Instance
from plans.models import Plan
from sites.models import Site
from sites.principal import Principal
from tests import make


@dataclass
class Place:
    """`call` speaks as an operator of the site and checks the status of the answer."""

    site: Site
    principal: Principal
    client: APIClient
    instance: Instance

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Any:
        answer = self.client.generic(method, path, **_encoded(body), headers=headers)
        assert answer.status_code == status, (answer.status_code, answer.content[:2000])
        self.answer = answer
        return answer.json() if answer.content else None

    def write(self, title: str = "plan", *, status: int = 201, on: Instance | None = None, **fields: Any) -> Any:
        body = {"title": title, "plan_type": "task", "instance_id": str((on or self.instance).pk), **fields}
        return self.call("POST", "/api/plans", body, status=status)

    def read(self, plan: dict[str, Any]) -> Any:
        return self.call("GET", f"/api/plans/{plan['id']}")

    def ask(self, plan: dict[str, Any], verb: str, body: Any = None, *, status: int = 200) -> Any:
        return self.call("POST", f"/api/plans/{plan['id']}/{verb}", body, status=status)

    def step(self, plan: dict[str, Any], step_id: str, *, expect: int = 200, **changes: Any) -> Any:
        return self.call("PATCH", f"/api/plans/{plan['id']}/steps/{step_id}", changes, status=expect)

    def kinds(self, plan: dict[str, Any]) -> list[str]:
        events = self.call("GET", f"/api/plans/{plan['id']}/events")["results"]
        return [event["kind"] for event in events]

    def up(self, name: str = "another desk") -> Instance:
        """One more instance, running."""
        return running(self.principal, name)


def _encoded(body: Any) -> dict[str, Any]:
    return {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}


def running(principal: Principal, name: str = "desk") -> Instance:
    instance = services.request_instance(principal, name=name, instance_type="ubuntu")
    for event in ("ordered", "created", "guest_ready"):
        befall(instance, event)
    return instance


def befall(instance: Instance, event: str, *, reason: str = "", **columns: Any) -> None:
    """Move an instance as its worker would."""
    with transaction.atomic(using=CREW):
        row = Instance.everywhere.select_for_update().get(pk=instance.pk)
        lifecycle.move(row, event, reason=reason)
        for column, value in columns.items():
            setattr(row, column, value)
        row.save()


def stored(plan: dict[str, Any]) -> Plan:
    return Plan.everywhere.get(pk=plan["id"])


def place_of(name: str = "Site") -> Place:
    site = make.site(name)
    principal = make.principal(site, "operator")
    return Place(site, principal, make.client(site, "operator"), running(principal))


@pytest.fixture
def place(db: None, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr("instances.tasks.look_soon", lambda instance_id: None)
    return place_of()
