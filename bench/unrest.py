"""What a soak does: real workers and a beat, people who ask, faults, and what is wrong in the end.

Needs Django set up, with the simulated cloud as the provider of new instances.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import redis

from common import clock
from common.errors import PlatformError
from infra.embedded.paths import CHECKOUT
from instances import services
from instances.models import Desired, Instance, Status
from instances.providers.simulated.cloud import Cloud
from instances.providers.simulated.lies import HONEST, Lies
from sites.principal import Principal

WORKERS = 2
EVERY_S = 0.1
REQUESTS = (
    *("request_stop", "request_start", "request_restart", "request_retry", "request_deletion"),
    *("request_start", "request_retry"),
)


class Fleet:
    """Workers and beat of a Celery application, which log into `folder`; who is killed is there again at once."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, app: str = "orchestrator") -> None:
        self.kills = 0
        self._app = app
        self._folder, self._environment = folder, environment
        self._workers = [self._worker(number) for number in range(WORKERS)]
        self._beat = self._celery("beat", "--schedule", str(folder / "beat"), "--pidfile=")

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

    def log(self) -> str:
        """The end of what the workers had to say."""
        return (self._folder / "worker.log").read_text()[-4000:]

    def _worker(self, number: int) -> subprocess.Popen[bytes]:
        options = ("--pool", "threads", "--concurrency", "8", "--without-gossip", "--without-mingle")
        return self._celery("worker", *options, "--hostname", f"soak-{number}@localhost")

    def _celery(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", self._app, *arguments, "--loglevel", "error"]
        with (self._folder / f"{arguments[0]}.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=CHECKOUT, env=dict(self._environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )


@dataclass(frozen=True, slots=True)
class Unrest:
    """So many instances in so many seconds; a kill and a flush about every so often."""

    instances: int
    seconds: float
    lies: Lies
    kill_every_s: float
    flush_every_s: float


@dataclass(frozen=True, slots=True)
class Left:
    """What is wrong when all is over: machines that nobody owns, instances that are not where they were wished, and
    instances with more than one machine."""

    orphans: list[str]
    stuck: list[str]
    doubled: list[str]


def be_bad(how: Unrest, *, cloud: Cloud, principal: Principal, fleet: Fleet, broker: redis.Redis) -> Counter[str]:
    """Everything at once, a tenth of a second at a time. Flushes by the clock; kills while steps are in progress. What
    was done is counted."""
    done: Counter[str] = Counter()
    asked: list[UUID] = []
    cloud.tell(how.lies)
    ends = time.monotonic() + how.seconds
    next_kill, next_flush = _in(how.kill_every_s), _in(how.flush_every_s)
    while (left_s := ends - time.monotonic()) > 0:
        due = how.instances * min(1.0, 2 * (1 - left_s / how.seconds))
        while len(asked) < due and time.monotonic() < ends:
            asked.append(services.request_instance(principal, name="soak", instance_type="ubuntu").pk)
            done["instances"] += 1
        _ask(principal, asked, done)
        if time.monotonic() > next_kill and (busy := _in_progress()):
            done["steps in progress at the kills"] += busy
            fleet.kill_one()
            next_kill = _in(how.kill_every_s)
            done["workers killed"] += 1
        if time.monotonic() > next_flush:
            broker.flushall()
            next_flush = _in(how.flush_every_s)
            done["broker flushes"] += 1
        time.sleep(EVERY_S)
    return done


def come_to_rest(cloud: Cloud, principal: Principal, *, calm_s: float, within_s: float) -> float:
    """Faults stop; who is in error is retried. Seconds until nothing was wrong for `calm_s`, or the time was over."""
    cloud.tell(HONEST)
    began = calm_since = time.monotonic()
    while (now := time.monotonic()) - began < within_s and now - calm_since < calm_s:
        for row in Instance.everywhere.filter(status=Status.ERROR, desired_state=Desired.RUNNING):
            with suppress(PlatformError):
                services.request_retry(principal, row.pk)
        if stuck() or orphans(cloud):
            calm_since = time.monotonic()
        time.sleep(EVERY_S)
    return time.monotonic() - began


def left(cloud: Cloud) -> Left:
    """Of all instances and all machines there are."""
    machines = Counter(machine.token.partition("-")[0] for machine in cloud.machines())
    return Left(orphans(cloud), stuck(), [name for name, count in machines.items() if count > 1])


def stuck() -> list[str]:
    """Not where they are wished. In error and wished stopped is at rest: only retry or delete lead on from there."""
    return [
        f"{status}, wished {wished}"
        for status, wished in Instance.everywhere.values_list("status", "desired_state")
        if status != wished and not (status == Status.ERROR and wished == Desired.STOPPED)
    ]


def orphans(cloud: Cloud) -> list[str]:
    """Machines that are no instance's own, by name."""
    live = Instance.everywhere.exclude(status=Status.DELETED)
    owned = {row.machine for row in live.only("id", "incarnation")}
    return [machine.token for machine in cloud.machines() if machine.token not in owned]


def _ask(principal: Principal, asked: list[UUID], done: Counter[str]) -> None:
    for _ in range(min(3, len(asked))):
        with suppress(PlatformError):
            getattr(services, random.choice(REQUESTS))(principal, random.choice(asked))
            done["requests"] += 1


def _in(seconds: float) -> float:
    """A moment about so far away."""
    return time.monotonic() + seconds * random.uniform(0.5, 1.5)


def _in_progress() -> int:
    return Instance.everywhere.filter(lease_until__gt=clock.now()).count()
