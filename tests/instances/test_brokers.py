"""Valkey and RabbitMQ as brokers: fifty machines are made, though the broker loses all it holds in their middle."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from kombu import Connection

from gateway.announce import TASK, Announcer
from infra.embedded.paths import CHECKOUT
from infra.embedded.processes import wait_until
from instances.models import Instance
from instances.providers.simulated.cloud import Cloud
from instances.providers.simulated.lies import Lies
from tests.infra.rabbitmq import started_rabbitmq

MACHINES = 50
WITHIN_S = 150.0


@dataclass(frozen=True)
class Broker:
    """`waiting` is how many messages no worker has taken."""

    url: str
    empty: Callable[[], object]

    def waiting(self) -> int:
        with Connection(self.url) as connection, connection.channel() as channel:
            return connection.SimpleQueue("celery", channel=channel).qsize()


@pytest.fixture(scope="module", params=["valkey", "rabbitmq"])
def broker(request: pytest.FixtureRequest, services) -> Iterator[Broker]:
    if request.param == "valkey":
        url = services.valkey().url(database=3)
        yield Broker(url, redis.Redis.from_url(url).flushall)
        return
    with started_rabbitmq() as url:
        yield Broker(url, lambda: _purge(url))


def _purge(url: str) -> None:
    with Connection(url) as connection:
        connection.default_channel.queue_purge("celery")


@pytest.fixture
def processes(broker: Broker, tmp_path: Path) -> Iterator[Cloud]:
    """A worker and a beat on the broker, over a simulated cloud that takes its time."""
    simulation = tmp_path / "cloud.sqlite"
    environment = {
        **os.environ,
        "CELERY_BROKER_URL": broker.url,
        "SIMULATION_FILE": str(simulation),
        "SWEEP_EVERY_S": "0.5",
        "LOG_LEVEL": "ERROR",
    }
    worker = ("worker", "--pool", "threads", "--concurrency", "4", "--without-gossip", "--without-mingle")
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "orchestrator", *arguments, "--loglevel", "error"],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        for arguments in (worker, ("beat", "--schedule", str(tmp_path / "beat"), "--pidfile="))
    ]
    yield Cloud(simulation)
    for process in started:
        process.terminate()
    for process in started:
        process.wait(30)


def test_the_gateway_announces_a_guest_by_either_broker(broker: Broker) -> None:
    announcer = Announcer(broker.url)
    announcer.start()
    announcer._queue.put_nowait("0" * 32 + "-1")
    announcer.stop(within_s=20)
    with Connection(broker.url) as connection:
        queue = connection.SimpleQueue("celery")
        message = queue.get(timeout=10)
        message.ack()
        queue.close()
    assert message.headers["task"] == TASK


def test_a_broker_that_loses_everything_in_the_middle_costs_time_only(world, broker, processes, monkeypatch) -> None:
    monkeypatch.setattr("django.conf.settings.DEFAULT_PROVIDER", "simulated")
    processes.tell(Lies(boot_s=0.5))
    for _ in range(MACHINES):
        world.ask()

    def running() -> int:
        return Instance.everywhere.filter(status="running").count()

    wait_until(lambda: running() >= MACHINES // 5, timeout_s=WITHIN_S, what="the first machines", every_s=0.1)
    assert running() < MACHINES, "it was not in the middle"
    broker.empty()
    wait_until(lambda: running() == MACHINES, timeout_s=WITHIN_S, what="all machines", every_s=0.2)
    assert len(processes.machines()) == MACHINES
    assert set(Instance.everywhere.values_list("incarnation", flat=True)) == {1}
