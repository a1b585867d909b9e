"""Guests of simulated machines: there as soon as their machine is up, obedient, and without a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from common.tokens import Bearer
from guest.protocol import PROTOCOL_VERSION
from guest.protocol.actions import AnyAction, Bash, Screenshot
from guest.protocol.browser_state import BrowserState
from guest.protocol.hello import Configure, Hello
from guest.protocol.results import Result, Shell
from instances.guestlink import Answer, Driver, GuestRefused, GuestUnreachable, Presence
from instances.ports import GuestPath
from instances.providers.base import Power
from instances.providers.simulated.cloud import Cloud, Machine


class SimulatedGuests:
    """`GuestPath` for the machines in the simulated cloud; what it does not know it hands on to `others`."""

    def __init__(self, cloud: Cloud, others: GuestPath) -> None:
        self._cloud = cloud
        self._others = others

    def presence(self, incarnation: str) -> Presence | None:
        """Present is what is up. Each boot has a boot id of its own, as a real guest has."""
        machine = self._cloud.machine(incarnation)
        return self._others.presence(incarnation) if machine is None else _presence(machine)

    def boot_ids(self, incarnations: Sequence[str]) -> Mapping[str, str]:
        known = {machine.token: machine for machine in self._cloud.machines()}
        ours = {name: _presence(known[name]) for name in incarnations if name in known}
        found = {name: presence.boot_id for name, presence in ours.items() if presence is not None}
        others = [name for name in incarnations if name not in known]
        return {**found, **(self._others.boot_ids(others) if others else {})}

    def hang_up(self) -> None:
        self._others.hang_up()

    def bearers(self) -> Sequence[Bearer]:
        """Of the others: what is simulated has no streams."""
        return self._others.bearers()

    def end_bearers(self, gone: Sequence[Bearer]) -> None:
        self._others.end_bearers(gone)

    def configure(self, incarnation: str, configure: Configure) -> None:
        machine = self._cloud.machine(incarnation)
        if machine is None:
            return self._others.configure(incarnation, configure)
        _must_be_up(machine)

    def driver(self, incarnation: str) -> Driver | None:
        """Nobody drives what has no screen."""
        return None if self._cloud.machine(incarnation) else self._others.driver(incarnation)

    def drive(self, incarnation: str, viewer: str, *, force: bool) -> None:
        if self._cloud.machine(incarnation):
            raise GuestUnreachable("a simulated machine has no screen")
        self._others.drive(incarnation, viewer, force=force)

    def give_back(self, incarnation: str, viewer: str) -> None:
        if not self._cloud.machine(incarnation):
            self._others.give_back(incarnation, viewer)

    def read_browser(self, incarnation: str) -> BrowserState:
        """Of a simulated machine: nothing."""
        machine = self._cloud.machine(incarnation)
        if machine is None:
            return self._others.read_browser(incarnation)
        _must_be_up(machine)
        return BrowserState()

    def write_browser(self, incarnation: str, state: BrowserState) -> None:
        machine = self._cloud.machine(incarnation)
        if machine is None:
            return self._others.write_browser(incarnation, state)
        _must_be_up(machine)

    def act(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer:
        """A shell says what it is, a screenshot is refused, all else is done at once."""
        machine = self._cloud.machine(incarnation)
        return _done(machine, action) if machine else self._others.act(incarnation, action, grace_s=grace_s)

    async def act_soon(self, incarnation: str, action: AnyAction, *, grace_s: float = 5.0) -> Answer:
        machine = self._cloud.machine(incarnation)
        return _done(machine, action) if machine else await self._others.act_soon(incarnation, action, grace_s=grace_s)


def _done(machine: Machine, action: AnyAction) -> Answer:
    _must_be_up(machine)
    return Answer(result=_result(action), blob=b"", took_ms=0.0)


def _presence(machine: Machine) -> Presence | None:
    if machine.power is not Power.UP:
        return None
    boot_id = f"{machine.token}/{machine.boots}"[-64:]
    hello = Hello(
        protocol=PROTOCOL_VERSION,
        boot_id=boot_id,
        flavour=machine.flavour,
        width=machine.width,
        height=machine.height,
    )
    return Presence(boot_id, hello, datetime.fromtimestamp(machine.up_at or machine.made_at, UTC))


def _must_be_up(machine: Machine) -> None:
    if machine.power is not Power.UP:
        raise GuestUnreachable("the simulated machine is not up")


def _result(action: AnyAction) -> Result:
    match action:
        case Bash():
            return Result(shell=Shell(stdout="This machine is simulated.\n", stderr="", exit_code=0))
        case Screenshot():
            raise GuestRefused("unsupported", "A simulated machine has no screen.")
        case _:
            return Result()
