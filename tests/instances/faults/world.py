"""One instance in a world that can be written down and put back, under a clock that moves only when it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from common import clock
from common.errors import PlatformError
from common.tenancy import CREW
from instances import patrol, reconcile, services
from instances.models import Desired, Instance, Status
from instances.providers import registry
from instances.providers.base import Power
from tests.instances.conftest import World
from tests.instances.faults.seams import Killed, Seams

AT_REST_WITHIN = 60
"""Steps. A fault costs a lease at most, and no way through the table is half as long."""


IDENTITY = frozenset({"id", "site_id", "user_id", "created_by_id", "agent_id", "created_at"})
"""Columns that stay an instance's own when a situation is put under its name."""

PATROL = timedelta(seconds=30)
ANYBODY = "x" * 32


class Broken(AssertionError):
    """Something that must never be: a machine too many, or an instance that nobody will look at again."""


class VirtualClock:
    """Stands still, but for a microsecond a look, until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = clock.now()
        monkeypatch.setattr(clock, "now", self.tick)

    def tick(self) -> datetime:
        self.at += timedelta(microseconds=1)
        return self.at

    def move_to(self, moment: datetime) -> None:
        self.at = max(self.at, moment)


@dataclass(frozen=True)
class Situation:
    """Everything there is at one moment, and the moves that led to it. It can be put under any instance's name:
    machines and guests are known by their incarnation."""

    row: dict[str, Any]
    machines: dict[int, Power]
    present: dict[int, str]
    boots: int
    at: datetime
    path: tuple[str, ...] = field(default=(), compare=False)

    @property
    def step(self) -> tuple[str, str]:
        return (self.row["status"], self.row["desired_state"])

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells situations apart, as far as a step could care; numbers and moments do not."""
        row = self.row
        power = self.machines.get(row["incarnation"])
        guest = self.present.get(row["incarnation"])
        seen = "none" if guest is None else "known" if guest == row["boot_id"] else "new"
        match row["status"]:
            case Status.DELETED:
                return self.step
            case Status.ERROR:
                return (*self.step, power, row["generation"] > row["observed_generation"])
            case Status.STARTING | Status.RUNNING if row["desired_state"] == Desired.RUNNING:
                up = (seen, row["restart_generation"] > row["observed_restart"]) if power is Power.UP else ()
                return (*self.step, power, *up)
        return (*self.step, power, row["handle"] is None)

    def __str__(self) -> str:
        return f"{self.row['status']}, wished {self.row['desired_state']} (by {', '.join(self.path) or 'nothing'})"


class FaultWorld:
    """`moves` are what may happen; `settle` lets the platform run until there is nothing more for it to do."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "names", lambda: iter(["fake"]))
        self.world, self.clock = world, VirtualClock(monkeypatch)
        self.boots = 0
        self.seams = Seams(monkeypatch, world.provider, world.guests)
        self.instance = world.ask(configuration={"on_loss": "replace"})
        self._last_event = 0

    def read(self) -> Instance:
        row = Instance.everywhere.get(pk=self.instance.pk)
        self._last_event = max(self._last_event, row.last_event)
        return row

    # --- there and back ---
    def situation(self, path: tuple[str, ...] = ()) -> Situation:
        row = Instance.everywhere.filter(pk=self.instance.pk).values().get()
        self._last_event = max(self._last_event, row["last_event"])
        known = {column: value for column, value in row.items() if column not in IDENTITY}
        known["handle"] = _renamed(known["handle"], self.instance.pk.hex, ANYBODY)
        return Situation(
            known, _by_incarnation(self.world.provider.machines), _by_incarnation(self.world.guests.present),
            self.boots, self.clock.at, path,
        )  # fmt: skip

    def restore(self, situation: Situation) -> None:
        handle = _renamed(situation.row["handle"], ANYBODY, self.instance.pk.hex)
        Instance.everywhere.filter(pk=self.instance.pk).update(**{**situation.row, "handle": handle})
        since = situation.row["last_event"]
        if self._last_event != since:
            with connections[CREW].cursor() as cursor:
                cursor.execute(
                    "DELETE FROM instances_event WHERE instance_id = %s AND number > %s", [self.instance.pk, since]
                )
            self._last_event = since
        self.world.provider.machines = {self._machine(known): power for known, power in situation.machines.items()}
        self.world.guests.present = {self._machine(known): boot for known, boot in situation.present.items()}
        paused = situation.row["status"] == Status.PAUSED
        self.world.provider.frozen = {self._machine(situation.row["incarnation"])} if paused else set()
        self.boots, self.clock.at = situation.boots, situation.at
        self.seams.armed = None

    def _machine(self, incarnation: int) -> str:
        return f"{self.instance.pk.hex}-{incarnation}"

    # --- what may happen ---
    def moves(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """All that may happen next: a step, each request there is, and what machines and guests do by themselves."""
        yield "step", self.step
        for name in requests():
            yield name, lambda name=name: self.ask(name)
        machine = self.read().machine
        power = self.world.provider.machines.get(machine)
        if power is Power.UP:
            yield "guest arrives", lambda: self.arrive(machine)
            yield "guest leaves", lambda: self.world.guests.leave(machine)
            yield "machine rests", lambda: self.world.provider.machines.update({machine: Power.RESTING})
        if power is not None:
            yield "machine ends", lambda: self.end_machine(machine)

    def step(self) -> None:
        """As a worker would; a killed one leaves its lease, a failed one is the next look's business."""
        self.seams.forget()
        try:
            reconcile.step(self.instance.pk)
        except Killed:
            self._last_event += 1
        except Exception as error:
            if "injected" not in str(error):
                raise
        self._last_event += 1
        if len(self.world.provider.machines) > 1:
            raise Broken(f"more than one machine: {sorted(self.world.provider.machines)}")

    def ask(self, name: str) -> None:
        with suppress(PlatformError):
            getattr(services, name)(self.world.principal, self.instance.pk)

    def arrive(self, machine: str) -> None:
        self.boots += 1
        self.world.guests.arrive(machine, boot_id=f"boot-{self.boots}")

    def end_machine(self, machine: str) -> None:
        self.world.provider.machines.pop(machine, None)
        self.world.guests.leave(machine)

    # --- until nothing is left to do ---
    def settle(self) -> Instance:
        """The row at rest: guests dial as machines come up, time passes to the next look, and a look is taken.

        Raises:
            Broken: a machine too many on the way, no rest within the steps, or nobody who would look again.
        """
        for _ in range(AT_REST_WITHIN):
            row = self.read()
            self.react(row)
            if row.status == Status.DELETED and self.world.provider.machines:
                raise Broken(f"a deleted row's machine is there: {sorted(self.world.provider.machines)}")
            if self.is_at_rest(row):
                return row
            if row.look_again_at is None or row.look_again_at > self.clock.at + 2 * PATROL:
                row = self.patrol()
            if row.look_again_at is None:
                raise Broken(f"stuck in {row.status}, wished {row.desired_state}: nobody will look again")
            self.clock.move_to(row.look_again_at)
            self.step()
        raise Broken(f"stuck in {row.status}, wished {row.desired_state}, after {AT_REST_WITHIN} steps")

    def patrol(self) -> Instance:
        """What watches all that is at rest comes by."""
        self.clock.move_to(self.clock.at + PATROL)
        list(patrol.go_round())
        return self.read()

    def react(self, row: Instance) -> None:
        """Guests are there while their machines are up, and of a new boot after each start."""
        frozen = self.world.provider.frozen
        for token in [*self.world.guests.present]:
            if self.world.provider.machines.get(token) is not Power.UP or token in frozen:
                self.world.guests.leave(token)
        up = self.world.provider.machines.get(row.machine) is Power.UP and row.machine not in frozen
        if up and row.machine not in self.world.guests.present:
            self.arrive(row.machine)

    def is_at_rest(self, row: Instance) -> bool:
        if row.lease_until is not None and row.status != Status.DELETED:
            return False
        machine = self.world.provider.machines.get(row.machine)
        match row.status:
            case Status.DELETED:
                return True
            case Status.ERROR:
                return row.look_again_at is None and row.desired_state != Desired.DELETED
            case Status.RUNNING:
                known = self.world.guests.present.get(row.machine) == row.boot_id
                done = (row.observed_generation, row.observed_restart) == (row.generation, row.restart_generation)
                up = machine is Power.UP and row.machine not in self.world.provider.frozen
                return row.desired_state == Desired.RUNNING and known and done and up
            case Status.STOPPED:
                as_known = machine is Power.RESTING or (machine is None and row.handle is None)
                return row.desired_state in (Desired.STOPPED, Desired.PAUSED) and as_known
            case Status.PAUSED:
                held = machine is Power.UP and row.machine in self.world.provider.frozen
                return row.desired_state == Desired.PAUSED and held
        return row.status == row.desired_state


def requests() -> list[str]:
    """The services that ask something of one instance and need nothing else, as they stand in the code."""
    return sorted(name for name in vars(services) if name.startswith("request_") and name != "request_instance")


def _renamed(handle: Any, was: str, now: str) -> Any:
    return json.loads(json.dumps(handle).replace(was, now))


def _by_incarnation(known: dict[str, Any]) -> dict[int, Any]:
    return {int(token.rpartition("-")[2]): value for token, value in known.items()}
