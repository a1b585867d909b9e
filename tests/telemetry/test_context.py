"""Which request, site, instance and incarnation a log line tells of, in web, worker and gateway."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.test import Client
from pythonjsonlogger.json import JsonFormatter

from common import logs
from gateway import logs as gateway_logs
from infra.embedded.processes import wait_until
from instances.providers.base import Unreachable
from instances.tasks import look
from orchestrator.celery import app
from tests import make


class Kept(logging.Handler):
    """Lines as they would be written, as JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self.addFilter(logs.WithContext())
        self.setFormatter(JsonFormatter("%(name)s %(request_id)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

    def said(self, words: str) -> dict[str, Any]:
        return next(line for line in reversed(self.lines) if words in line["message"])


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_a_steps_line_tells_of_site_instance_and_incarnation(world: Any, kept: Kept) -> None:
    instance = world.running()
    world.provider.fail_next["inspect"] = [Unreachable("away")]
    look.apply(args=[str(instance.pk)], headers={"request_id": "asked-by-me-1"})
    line = kept.said("Unreachable")
    assert line["site_id"] == str(instance.site_id)
    assert line["instance_id"] == str(instance.pk)
    assert line["incarnation"] == str(instance.incarnation)


def test_a_requests_line_tells_of_its_site_and_not_of_the_one_before(db: None, kept: Kept) -> None:
    site = make.site()
    browser = make.client(site)
    seen: list[Any] = []
    original = logs.of_request
    assert browser.get("/api/agents", headers={"X-Request-ID": "request-number-1"}).status_code == 200
    with original("request-number-2"):
        seen.append(dict(logs.subject()))
        logs.about(site_id=site.pk)
        logging.getLogger("ours").warning("about a site")
    with logs.of_request("request-number-3"):
        logging.getLogger("ours").warning("about none")
    assert seen == [{}]
    assert kept.said("about a site")["site_id"] == str(site.pk)
    assert kept.said("about a site")["request_id"] == "request-number-2"
    assert "site_id" not in kept.said("about none")


def test_a_line_for_people_says_the_same(db: None) -> None:
    record = logging.LogRecord("ours", logging.WARNING, "", 0, "it happened", (), None)
    with logs.of_request("request-number-3"):
        logs.about(instance_id="abc", incarnation=2)
        logs.WithContext().filter(record)
        line = logs.Line("%(name)s [%(context)s] %(message)s").format(record)
    assert line == "ours [request-number-3 instance=abc incarnation=2] it happened"


def test_the_gateways_lines_name_the_instance_behind_a_machine() -> None:
    assert gateway_logs._instance_of("0196e0d5c3b27f0a8c1d2e3f4a5b6c7d-3") == {
        "instance_id": "0196e0d5-c3b2-7f0a-8c1d-2e3f4a5b6c7d"
    }
    assert gateway_logs._instance_of("something-else") == {}


def test_a_task_runs_under_the_id_of_the_request_that_asked_for_it(db: None) -> None:
    seen: list[str] = []

    @app.task(name="tests.say")
    def say() -> None:
        seen.append(logs.request_id.get())

    with start_worker(app, pool="threads", perform_ping_check=False, loglevel="WARNING"):
        with logs.of_request("request-number-4"):
            say.delay()
        wait_until(lambda: bool(seen), timeout_s=20, what="the task")
    assert seen == ["request-number-4"]


def test_health_needs_the_sweep_over_plans(db: None) -> None:
    components = Client().get("/api/system/health").json()["components"]
    assert components["plans_sweep"]["ok"] is False
    assert "sweep over plans" in components["plans_sweep"]["reason"]
