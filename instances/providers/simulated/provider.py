"""The simulated driver's door: what it says of the cloud in the file, and how it lies about it."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common import clock
from instances.flavours import FLAVOURS
from instances.providers.base import Handle, OutOfCapacity, Power, Refused, Sighting, Spec, Unreachable
from instances.providers.simulated.cloud import Cloud, Machine
from instances.providers.simulated.lies import Lies

VERSION = 1
_TOKEN = re.compile(r"[a-z0-9-]{1,64}")


class SimulatedProvider:
    """`Provider`, `CanRest` and `SeesLate` over a file; nothing is started. Its lies stand in the file, so that every
    process tells the same ones and `cloud.tell` changes them while all run.

    `seed` makes one process' luck the same in every run.
    """

    def __init__(self, path: Path | str, *, seed: int | None = None) -> None:
        self.cloud = Cloud(Path(path))
        self._luck = random.Random(seed)

    @property
    def blind_for_s(self) -> float:
        """See `SeesLate`. It owns up to how long it may be blind: that much every cloud's manual says."""
        return self.cloud.lies().unseen_s

    def create(self, spec: Spec, *, token: str) -> Handle:
        """See `Provider.create`."""
        _check(token)
        if spec.flavour not in FLAVOURS:
            raise Refused(f"There is no flavour {spec.flavour!r} here.")
        with self._call() as lies:
            if self.cloud.machine(token) is None:
                self._find_room(lies)
                self.cloud.make(self._machine(spec, token, lies))
        return Handle(VERSION, {"token": token})

    def inspect(self, handle: Handle) -> Sighting:
        """See `Provider.inspect`. A machine too new to be seen is `GONE`: a lie that `blind_for_s` warns of."""
        with self._call() as lies:
            machine = self._seen(_token(handle), lies)
            return Sighting(machine.power if machine else Power.GONE)

    def destroy(self, handle: Handle) -> None:
        """See `Provider.destroy`. Says that it is done also of a machine too new to be seen, which goes on."""
        with self._call() as lies:
            if self._seen(_token(handle), lies):
                self.cloud.end(_token(handle), in_s=lies.end_s)

    def list_ours(self) -> Iterator[tuple[str, Handle]]:
        """See `Provider.list_ours`."""
        with self._call() as lies:
            seen = [machine.token for machine in self.cloud.machines() if not _is_new(machine, lies)]
            cut = len(seen) // 2 if self._happens(lies.cut_lists) else None
        for token in seen[:cut]:
            yield token, Handle(VERSION, {"token": token})
        if cut is not None:
            raise Unreachable("simulated: the list broke off")

    def stop(self, handle: Handle) -> None:
        """See `CanRest.stop`."""
        with self._call():
            self.cloud.rest(_token(handle))

    def start(self, handle: Handle) -> None:
        """See `CanRest.start`."""
        with self._call() as lies:
            machine = self._seen(_token(handle), lies)
            if machine is None:
                raise Refused("The machine does not exist.")
            if machine.rests:
                self._find_room(lies)
                self.cloud.boot(machine.token, up_at=self._up_at(lies))

    @contextmanager
    def _call(self) -> Iterator[Lies]:
        lies = self.cloud.lies()
        if lies.takes_s:
            time.sleep(lies.takes_s)
        if self._happens(lies.unreachable):
            raise Unreachable("simulated: the call did not arrive")
        yield lies
        if self._happens(lies.lost_answers):
            raise Unreachable("simulated: the answer was lost")

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._luck.random() < chance

    def _find_room(self, lies: Lies) -> None:
        if self._happens(lies.no_room):
            raise OutOfCapacity("simulated: there is no room")

    def _machine(self, spec: Spec, token: str, lies: Lies) -> Machine:
        now = clock.now().timestamp()
        ends_at = now + self._luck.expovariate(1 / lies.life_s) if lies.life_s else None
        return Machine(
            token, spec.flavour, spec.width, spec.height, now, self._up_at(lies), ends_at, rests=False, boots=1
        )

    def _up_at(self, lies: Lies) -> float | None:
        return None if self._happens(lies.stuck) else clock.now().timestamp() + lies.boot_s

    def _seen(self, token: str, lies: Lies) -> Machine | None:
        machine = self.cloud.machine(token)
        return None if machine is None or _is_new(machine, lies) else machine


def _is_new(machine: Machine, lies: Lies) -> bool:
    return clock.now().timestamp() < machine.made_at + lies.unseen_s


def _token(handle: Handle) -> str:
    return str(handle.data["token"])


def _check(token: str) -> None:
    if not _TOKEN.fullmatch(token):
        raise Refused("a machine's token is 1 to 64 of a-z, 0-9 and -")
