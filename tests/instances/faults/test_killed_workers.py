"""SIGKILL of the worker's process: a whole life in which every step is first taken by a worker that dies in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import clock
from infra.embedded.paths import CHECKOUT
from instances import lifecycle, ports, reconcile, services
from instances.models import Instance
from instances.providers import registry
from instances.providers.simulated.provider import SimulatedProvider
from orchestrator.simulation import SimulatedGuests
from tests.counts import told

MOST_CALLS = 5
"""Calls of the longest step; a shorter one outlives the orders that come after its end."""
TALLY: Counter[str] = Counter()


class Workers:
    """A process that takes steps in forks, each of which may be told where to die."""

    def __init__(self, simulation: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.instances.faults.victim"],
            cwd=CHECKOUT, env={**os.environ, "SIMULATION_FILE": str(simulation)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def step(self, instance: Instance, *, number: int, side: str) -> bool:
        """Whether the worker died of it."""
        order = {"instance": str(instance.pk), "number": number, "side": side, "now": clock.now().isoformat()}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline().strip()
        assert said in ("killed", "ended"), said
        TALLY["kills"] += said == "killed"
        return said == "killed"

    def end(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud") / "cloud.sqlite"


@pytest.fixture(scope="module")
def workers(simulation: Path) -> Iterator[Workers]:
    workers = Workers(simulation)
    yield workers
    workers.end()


@pytest.fixture
def cloud(world, simulation, monkeypatch) -> Iterator[SimulatedProvider]:
    provider = SimulatedProvider(simulation)
    registry.install("simulated", provider)
    ports.install_guests(SimulatedGuests(provider.cloud, world.guests))
    monkeypatch.setattr("django.conf.settings.DEFAULT_PROVIDER", "simulated")
    yield provider
    for machine in provider.cloud.machines():
        provider.cloud.end(machine.token)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("number", range(MOST_CALLS))
def test_a_life_whose_every_step_kills_a_worker_first(world, cloud, workers, later, number, side):
    TALLY["lives"] += 1
    instance = world.ask()

    def reach(status: str) -> None:
        for _ in range(12):
            row = world.read(instance)
            assert len(cloud.cloud.machines()) <= 1
            if (row.status, row.observed_restart) == (status, row.restart_generation):
                return
            if workers.step(instance, number=number, side=side):
                later(lifecycle.LEASE_S + 1)
            reconcile.step(instance.pk)
        raise AssertionError(f"stuck in {row.status}: {row.status_reason}")

    reach("running")
    services.request_stop(world.principal, instance.pk)
    reach("stopped")
    services.request_start(world.principal, instance.pk)
    reach("running")
    services.request_restart(world.principal, instance.pk)
    reach("running")
    cloud.cloud.end(world.read(instance).machine)
    reach("error")
    services.request_retry(world.principal, instance.pk)
    reach("running")
    assert world.read(instance).incarnation == 2
    services.request_deletion(world.principal, instance.pk)
    reach("deleted")
    assert cloud.cloud.machines() == []


def test_the_lives_are_counted():
    told(f"killed workers: {TALLY['lives']} lives, {TALLY['kills']} kills")
    assert TALLY["kills"] >= TALLY["lives"]
