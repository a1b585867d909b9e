"""What /metrics shows, to whom, and what it costs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connections
from django.test import Client

from common import heartbeats
from common.ids import new_id
from common.tenancy import CREW
from infra.embedded.processes import wait_until
from instances import telemetry
from instances.models import Desired, Instance, Status
from instances.providers.base import OutOfCapacity, Unreachable
from orchestrator import figures
from tests import make
from tests.counts import told
from tests.stack import Stack

COUNT_SRC = """
import sys
from common import metrics
metrics.name_process(sys.argv[1])
metrics.counter("tried", "Tries.", ("what",)).labels("it").inc(float(sys.argv[2]))
metrics.gauge("held", "Held.").set(float(sys.argv[2]))
sys.stdout.write("counted\\n"); sys.stdout.flush(); sys.stdin.read()
"""
SHOW_SRC = "import sys; from common import metrics; sys.stdout.buffer.write(metrics.text())"


@pytest.fixture
def browser(db: None) -> Client:
    return Client()


def value(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of this name that have these labels."""
    found = 0.0
    for line in text.splitlines():
        match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if match and all(f'{label}="{wanted}"' in (match[1] or "") for label, wanted in labels.items()):
            found += float(match[2])
    return found


class Counting:
    """Processes of their own that count into one folder."""

    def __init__(self, folder: Path) -> None:
        self.environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}

    def start(self, role: str, number: int) -> subprocess.Popen[bytes]:
        running = subprocess.Popen(
            [sys.executable, "-c", COUNT_SRC, role, str(number)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert running.stdout is not None and running.stdout.readline() == b"counted\n"
        return running

    def shown(self) -> str:
        return subprocess.run(
            [sys.executable, "-c", SHOW_SRC], env=self.environment, capture_output=True, check=True
        ).stdout.decode()


def test_processes_count_together_and_a_killed_one_is_counted_on(tmp_path: Path) -> None:
    counting = Counting(tmp_path / "metrics")
    one, two = counting.start("worker", 3), counting.start("worker", 4)
    assert value(counting.shown(), "orchestrator_tried_total", what="it") == 7
    assert value(counting.shown(), "orchestrator_held") == 7
    one.send_signal(signal.SIGKILL)
    one.wait()
    assert value(counting.shown(), "orchestrator_tried_total", what="it") == 7
    assert value(counting.shown(), "orchestrator_held") == 4, "what the killed one held is held no more"
    files = sorted(file.name for file in (tmp_path / "metrics").glob("*.db"))
    three = counting.start("worker", 5)
    assert value(counting.shown(), "orchestrator_tried_total", what="it") == 12
    assert value(counting.shown(), "orchestrator_held") == 9
    assert sorted(file.name for file in (tmp_path / "metrics").glob("*.db")) == files, "a restart leaves no files"
    for running in (two, three):
        running.kill()
        running.wait()


def test_without_a_token_only_this_host_reads_them(browser: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert browser.get("/metrics").status_code == 200
    assert browser.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 404
    assert browser.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    settings.PUBLIC_URL = "https://desks.example.com"
    assert browser.get("/metrics").status_code == 404, "behind a public name everybody may come from here"


def test_with_a_token_whoever_shows_it_reads_them_and_nobody_else(browser: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "a-token-of-the-operators"
    for shown in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer ünïcode"}):
        assert browser.get("/metrics", headers=shown).status_code == 401
    good = {"Authorization": "Bearer a-token-of-the-operators"}
    assert browser.get("/metrics", headers=good, REMOTE_ADDR="192.0.2.7").status_code == 200
    assert browser.post("/metrics", headers=good).status_code == 405


def test_the_fleet_requests_and_actions_are_shown_and_no_site_is_named(world: Any, browser: Client) -> None:
    heartbeats.mark("sweep")
    instance = world.running()
    site = instance.site
    world.provider.fail_next["inspect"] = [Unreachable("away")]
    world.step(instance)
    made = make.client(site)
    made.post(f"/api/instances/{instance.pk}/actions", {"type": "screenshot"})
    made.get(f"/api/instances/{instance.pk}")
    text = browser.get("/metrics").content.decode()
    assert value(text, "orchestrator_instances", instance_type="ubuntu", status="running") == 1
    assert value(text, "orchestrator_step_seconds_count", step="create", outcome="created") >= 1
    assert value(text, "orchestrator_provider_call_seconds_count", provider="fake", call="create") >= 1
    assert value(text, "orchestrator_provider_errors_total", provider="fake", error="Unreachable") >= 1
    assert value(text, "orchestrator_action_seconds_count", action="screenshot", outcome="ok") >= 1
    assert 'route="api/instances/<uuid:pk>"' in text
    assert value(text, "orchestrator_sweep_lag_seconds", sweep="instances") < 30
    assert value(text, "orchestrator_up", part="database") == 1
    assert str(site.pk) not in text and instance.site_id.hex not in text and str(instance.pk) not in text


def test_a_scrape_tells_what_it_can_when_redis_is_away(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_name: str) -> None:
        raise heartbeats.redis.ConnectionError("away")

    monkeypatch.setattr(heartbeats, "last", away)
    text = browser.get("/metrics").content.decode()
    assert value(text, "orchestrator_up", part="redis") == 0
    assert value(text, "orchestrator_up", part="database") == 1


def _many(count: int) -> None:
    site = make.site()
    user = make.user()
    now = figures.clock.now()
    for begin in range(0, count, 2_000):
        Instance.everywhere.bulk_create(
            Instance(
                id=new_id(),
                site=site,
                name="desk",
                user=user,
                created_by=user,
                provider="fake",
                status=Status.RUNNING,
                desired_state=Desired.RUNNING,
                status_since=now,
                look_again_at=figures.clock.in_s(30),
            )
            for _ in range(begin, begin + 2_000)
        )
    connections[CREW].ensure_connection()
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) instances_instance")


def test_a_scrape_of_ten_thousand_instances_reads_indexes(browser: Client) -> None:
    _many(10_000)
    plans = {
        "fleet": (figures._FLEET.format(of_sites=""), {}),
        "queue": (figures._LATENESS.format(of_sites=""), {"ends": [1.0], "now": figures.clock.now(), "cap": 100}),
    }
    with connections[CREW].cursor() as cursor:
        for statement, values in plans.values():
            cursor.execute(f"EXPLAIN {statement}", values)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
    browser.get("/metrics")
    began = time.perf_counter()
    text = browser.get("/metrics").content.decode()
    took_ms = (time.perf_counter() - began) * 1000
    assert value(text, "orchestrator_instances", status="running") == 10_000
    told(f"{took_ms:8.1f} ms for a scrape at 10,000 instances")


def test_watching_an_action_costs_less_than_twenty_microseconds() -> None:
    def batch() -> float:
        began = time.perf_counter()
        for _ in range(500):
            with telemetry.action("click"):
                pass
        return (time.perf_counter() - began) / 500 * 1e6

    best_us = min(batch() for _ in range(30))
    told(f"{best_us:8.1f} µs for watching an action")
    assert best_us < 20


def test_a_provider_without_room_is_counted_as_that(world: Any) -> None:
    world.provider.fail_next["create"] = [OutOfCapacity("full")]
    instance = world.ask()
    for _ in range(2):
        world.step(instance)
    text = Client().get("/metrics").content.decode()
    assert value(text, "orchestrator_provider_errors_total", call="create", error="OutOfCapacity") >= 1


@pytest.mark.stack
def test_one_address_shows_every_process_of_the_platform(stack: Stack) -> None:
    def shown() -> str:
        return httpx.get(f"{stack.url}/metrics", trust_env=False, timeout=10).text

    with stack.client() as client:
        client.get("/api/agents").raise_for_status()
    wait_until(lambda: "instances.sweep" in shown(), timeout_s=20, what="the worker's figures", every_s=0.2)
    text = shown()
    assert value(text, "orchestrator_http_request_seconds_count", route="api/agents", status="200") >= 1
    assert value(text, "orchestrator_task_seconds_count", task="instances.sweep", outcome="done") >= 1
    assert "orchestrator_guests_connected " in text
    assert value(text, "orchestrator_sweep_lag_seconds", sweep="plans") < 30
    assert stack.site_id not in text
