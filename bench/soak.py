"""Two bad minutes: `python -m bench.soak [instances] [seconds]`, 200 and 120 by default.

Real workers and a real beat, on a Postgres and a Valkey of their own, over a simulated cloud that lies. All the while
people start, stop, retry and delete; workers die by SIGKILL; the broker loses all it holds. Then the faults stop, and
what is left is counted: orphans, and instances that are not where they were wished.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress

import django
import redis
from django.core.management import call_command

from bench.measure import load
from infra.embedded.paths import CHECKOUT
from infra.embedded.processes import wait_until
from tests import services as own

DEPLOYMENT = own.announce()
FOLDER = own.temporary_directory("soak")
os.environ.update(
    SIMULATION_FILE=str(FOLDER / "cloud.sqlite"), DEFAULT_PROVIDER="simulated", LOG_LEVEL="ERROR",
    ORPHANS="destroy", ORPHAN_GRACE_S="10", PATROL_EVERY_S="4", SWEEP_EVERY_S="1", DATABASE_POOL="8",
)  # fmt: skip
django.setup()

from django.db import connections  # noqa: E402 - needs Django set up

from common import clock, heartbeats  # noqa: E402
from common.errors import PlatformError  # noqa: E402
from instances import services  # noqa: E402
from instances.models import Desired, Instance, Status  # noqa: E402
from instances.providers.simulated.cloud import Cloud  # noqa: E402
from instances.providers.simulated.lies import HONEST, Lies  # noqa: E402
from tests import make  # noqa: E402

WORKERS = 2
KILL_EVERY_S, FLUSH_EVERY_S = 8.0, 15.0
QUIET_WITHIN_S = 480.0
BAD = Lies(
    unreachable=0.1,
    lost_answers=0.1,
    no_room=0.1,
    cut_lists=0.2,
    unseen_s=3,
    stuck=0.02,
    life_s=120,
    boot_s=1,
    takes_s=0.2,
)
REQUESTS = (
    *("request_stop", "request_start", "request_restart", "request_retry", "request_deletion"),
    *("request_start", "request_retry"),
)


class Fleet:
    """Workers and beat; a worker that is killed is there again at once."""

    def __init__(self) -> None:
        self.kills = 0
        self._workers = [self._worker(number) for number in range(WORKERS)]
        self._beat = self._celery("beat", "--schedule", str(FOLDER / "beat"), "--pidfile=")

    def kill_one(self) -> None:
        """The one that has run longest: a busy machine takes a while to bring a new one up."""
        number = self.kills % WORKERS
        self.kills += 1
        self._workers[number].kill()
        self._workers[number].wait()
        self._workers[number] = self._worker(number)

    def end(self) -> None:
        for process in (*self._workers, self._beat):
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _worker(self, number: int) -> subprocess.Popen[bytes]:
        options = ("--pool", "threads", "--concurrency", "8", "--without-gossip", "--without-mingle")
        return self._celery("worker", *options, "--hostname", f"soak-{number}@localhost")

    def _celery(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (FOLDER / f"{arguments[0]}.log").open("ab") as log:
            command = [sys.executable, "-m", "celery", "-A", "orchestrator", *arguments, "--loglevel", "error"]
            return subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def main() -> int:
    number, seconds = (int(text) for text in (sys.argv[1:] + ["200", "120"][len(sys.argv) - 1 :]))
    print(load(), flush=True)
    postgres, valkey = DEPLOYMENT.postgres(), DEPLOYMENT.valkey()
    with ExitStack() as ending:
        for server in (postgres, valkey):
            server.start()
            ending.callback(server.stop)
        postgres.ensure_database()
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        cloud = Cloud(FOLDER / "cloud.sqlite")
        principal = make.principal(make.site())
        fleet = Fleet()
        ending.callback(fleet.end)
        broker = redis.Redis.from_url(valkey.url())
        wait_until(lambda: heartbeats.last("worker"), timeout_s=QUIET_WITHIN_S, what="a worker", every_s=0.2)
        done = _be_bad(cloud, principal, fleet, broker, number, seconds)
        print(f"{seconds} s: " + ", ".join(f"{count} {name}" for name, count in done.items()), flush=True)
        took_s = _come_to_rest(cloud, principal)
        failed = _verdict(cloud, took_s)
        connections.close_all()
    return failed


def _be_bad(
    cloud: Cloud, principal: object, fleet: Fleet, broker: redis.Redis, number: int, seconds: int
) -> Counter[str]:
    """Everything at once, a tenth of a second at a time. Flushes by the clock; kills while steps are in progress."""
    done: Counter[str] = Counter()
    asked: list[object] = []
    cloud.tell(BAD)
    ends = time.monotonic() + seconds
    next_kill, next_flush = _in(KILL_EVERY_S), _in(FLUSH_EVERY_S)
    while (left_s := ends - time.monotonic()) > 0:
        while len(asked) < number * min(1.0, 2 * (1 - left_s / seconds)) and time.monotonic() < ends:
            asked.append(services.request_instance(principal, name="soak", instance_type="ubuntu").pk)  # type: ignore[arg-type]
            done["instances"] += 1
        for _ in range(min(3, len(asked))):
            with suppress(PlatformError):
                getattr(services, random.choice(REQUESTS))(principal, random.choice(asked))
                done["requests"] += 1
        if time.monotonic() > next_kill and (busy := _in_progress()):
            done["steps in progress at the kills"] += busy
            fleet.kill_one()
            next_kill = _in(KILL_EVERY_S)
            done["workers killed"] += 1
        if time.monotonic() > next_flush:
            broker.flushall()
            next_flush = _in(FLUSH_EVERY_S)
            done["broker flushes"] += 1
        time.sleep(0.1)
    return done


def _in(seconds: float) -> float:
    """A moment about so far away."""
    return time.monotonic() + seconds * random.uniform(0.5, 1.5)


def _in_progress() -> int:
    return Instance.everywhere.filter(lease_until__gt=clock.now()).count()


def _come_to_rest(cloud: Cloud, principal: object) -> float:
    """Faults stop; who is in error is retried. Seconds until nothing moves, or the time is over."""
    cloud.tell(HONEST)
    began = time.monotonic()
    calm = 0
    while time.monotonic() - began < QUIET_WITHIN_S and calm < 12:
        for row in Instance.everywhere.filter(status=Status.ERROR, desired_state=Desired.RUNNING):
            with suppress(PlatformError):
                services.request_retry(principal, row.pk)  # type: ignore[arg-type]
        calm = calm + 1 if not _stuck() and not _orphans(cloud) else 0
        time.sleep(0.5)
    return time.monotonic() - began


def _stuck() -> list[str]:
    """Not where they are wished. In error and wished stopped is at rest: only retry or delete lead on from there."""
    rows = Instance.everywhere.values_list("status", "desired_state", "lease_until")
    return [
        f"{status}, wished {wished}"
        for status, wished, _ in rows
        if status != wished and not (status == Status.ERROR and wished == Desired.STOPPED)
    ]


def _orphans(cloud: Cloud) -> list[str]:
    live = Instance.everywhere.exclude(status=Status.DELETED)
    owned = {row.machine for row in live.only("id", "incarnation")}
    return [machine.token for machine in cloud.machines() if machine.token not in owned]


def _verdict(cloud: Cloud, took_s: float) -> int:
    stuck, orphans = _stuck(), _orphans(cloud)
    statuses = Counter(Instance.everywhere.values_list("status", flat=True))
    tokens = Counter(machine.token.partition("-")[0] for machine in cloud.machines())
    doubled = [name for name, count in tokens.items() if count > 1]
    print(f"at rest {took_s:.0f} s after the faults stopped: " + json.dumps(statuses))
    print(f"{len(orphans)} orphans, {len(stuck)} stuck, {len(doubled)} doubled   ({load()})")
    for line in (*orphans, *stuck)[:20]:
        print(f"  {line}")
    failed = bool(orphans or stuck or doubled)
    if failed:
        print((FOLDER / "worker.log").read_text()[-4000:])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
