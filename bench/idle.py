"""What an idle fleet costs the control plane: `python -m bench.idle [instances …]`, 1,000 and 10,000 by default.

On a Postgres and a Valkey of its own, with that many instances that run on a simulated cloud. Sweep and patrol are
taken as often as beat would send them; the statements and CPU of both are told per second of a platform's life, and
beside them what one instance costs that has changed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import django
from django.core.management import call_command

from bench.measure import load
from tests import services as own

DEPLOYMENT = own.announce()
django.setup()

from django.conf import settings  # noqa: E402 - needs Django set up
from django.db import connections  # noqa: E402

from common import clock  # noqa: E402
from common.ids import new_id  # noqa: E402
from common.tenancy import CREW  # noqa: E402
from instances import patrol, ports, reconcile, tasks  # noqa: E402
from instances.models import Instance, Status  # noqa: E402
from instances.providers import registry  # noqa: E402
from instances.providers.simulated.cloud import Machine  # noqa: E402
from instances.providers.simulated.provider import SimulatedProvider  # noqa: E402
from orchestrator.simulation import SimulatedGuests  # noqa: E402
from tests import make  # noqa: E402

ROUNDS = 5
CHANGED = 20


class Statements:
    """Counts what one database alias is asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., object], *arguments: object) -> object:
        self.count += 1
        return execute(*arguments)


def main() -> None:
    numbers = [int(text) for text in sys.argv[1:]] or [1_000, 10_000]
    print(load())
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    with ExitStack() as ending, tempfile.TemporaryDirectory() as folder:
        for server in (postgres, valkey):
            server.start()
            ending.callback(server.stop)
        postgres.ensure_database()
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        provider = _platform(Path(folder))
        site = make.site()
        member = make.member(site)
        for number in numbers:
            _fill(site.pk, member.user_id, provider, number - Instance.everywhere.count())
            _measure(number)
        connections.close_all()


def _platform(folder: Path) -> SimulatedProvider:
    provider = SimulatedProvider(folder / "cloud.sqlite")
    registry.configure({})
    registry.install("simulated", provider)
    ports.install_guests(SimulatedGuests(provider.cloud, ports.guests()))
    return provider


def _fill(site_id: object, user_id: object, provider: SimulatedProvider, number: int) -> None:
    """Instances as they are after they came up, without the steps that led there; and their machines."""
    now = clock.now()
    rows = [
        Instance(
            id=new_id(),
            site_id=site_id,
            user_id=user_id,
            created_by_id=user_id,
            name="idle",
            provider="simulated",
            status=Status.RUNNING,
            status_since=now,
            started_at=now,
            incarnation=1,
            generation=1,
            observed_generation=1,
        )
        for _ in range(number)
    ]
    machine = Machine("", "ubuntu", 1280, 800, now.timestamp(), now.timestamp(), None, rests=False, boots=1)
    for row in rows:
        row.boot_id = f"{row.machine}/1"[-64:]
        row.handle = {"version": 1, "data": {"token": row.machine}}
    Instance.everywhere.bulk_create(rows, batch_size=1000)
    provider.cloud.make(*(replace(machine, token=row.machine) for row in rows))
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE instances_instance")


def _measure(number: int) -> None:
    patrolled, swept = _cost(_go_round), _cost(tasks.sweep)
    some = list(Instance.everywhere.values_list("pk", flat=True)[:CHANGED])
    changed = _cost(lambda: [reconcile.step(pk) for pk in some], rounds=1)
    patrols, sweeps = 1 / settings.PATROL_EVERY_S, 1 / settings.SWEEP_EVERY_S
    statements = patrolled[0] * patrols + swept[0] * sweeps
    cpu_ms = patrolled[1] * patrols + swept[1] * sweeps
    print(
        f"{number:>6,} idle: {statements:5.2f} statements/s, {cpu_ms:6.2f} ms CPU/s"
        f"  (a patrol: {patrolled[0]} statements, {patrolled[1]:.0f} ms CPU);"
        f"  an instance that changed: {changed[0] / CHANGED:.1f} statements, {changed[1] / CHANGED:.1f} ms CPU",
        flush=True,
    )


def _go_round() -> None:
    woken = sum(each.woken for each in patrol.go_round())
    assert woken == 0, f"{woken} idle instances were woken"


def _cost(work: Callable[[], object], *, rounds: int = ROUNDS) -> tuple[float, float]:
    """(statements, milliseconds of CPU in this process) of one round; the first one is not counted."""
    work() if rounds > 1 else None
    counted = Statements()
    began = time.process_time()
    with connections[CREW].execute_wrapper(counted):
        for _ in range(rounds):
            work()
    return counted.count / rounds, (time.process_time() - began) * 1000 / rounds


if __name__ == "__main__":
    main()
