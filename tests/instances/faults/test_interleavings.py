"""Random interleavings of wishes, steps, slow and crashing workers, lost machines and lies; and rest when they end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from common.errors import PlatformError
from instances import lifecycle, patrol, ports, reconcile, services, telemetry
from instances.models import Event, Instance, Status
from instances.providers import registry
from instances.providers.base import Power, Unreachable
from instances.providers.simulated.lies import HONEST, Lies
from instances.providers.simulated.provider import SimulatedProvider
from instances.reconcile import looking
from orchestrator.simulation import SimulatedGuests
from tests.instances.conftest import World
from tests.instances.faults.seams import Fault, Killed, Seams
from tests.instances.faults.world import PATROL, Broken, VirtualClock, requests

EXAMPLES, STEPS = 8, 25
"""A few seconds on an idle machine. The same in every run; a failure prints the blob that repeats it."""

GRACE_S = 60.0
ROUNDS = 60

lies = st.builds(
    Lies,
    unreachable=st.sampled_from([0.0, 0.5]),
    lost_answers=st.sampled_from([0.0, 0.5]),
    no_room=st.sampled_from([0.0, 0.5]),
    cut_lists=st.sampled_from([0.0, 1.0]),
    unseen_s=st.sampled_from([0.0, 40.0]),
    stuck=st.sampled_from([0.0, 0.3]),
    life_s=st.sampled_from([0.0, 300.0]),
    boot_s=st.sampled_from([0.0, 5.0]),
    end_s=st.sampled_from([0.0, 5.0]),
)


class Life(RuleBasedStateMachine):
    """One instance. `world` and what stands around it are put on the class by the test."""

    world: World
    clock: VirtualClock
    provider: SimulatedProvider
    seams: Seams

    def __init__(self) -> None:
        super().__init__()
        self.slow: lifecycle.Claim | None = None
        self.provider.cloud.tell(HONEST)
        self.instance = self.world.ask(configuration={"on_loss": "replace"})

    @rule(name=st.sampled_from(requests()))
    def ask(self, name: str) -> None:
        with suppress(PlatformError):
            getattr(services, name)(self.world.principal, self.instance.pk)

    @rule(value=st.sampled_from(["1", "2"]))
    def change(self, value: str) -> None:
        with suppress(PlatformError):
            services.change_instance(self.world.principal, self.instance.pk, environment_variables={"A": value})

    @rule()
    def look(self) -> None:
        reconcile.step(self.instance.pk)

    @rule(
        number=st.integers(0, 5), side=st.sampled_from(["before", "after"]), kind=st.sampled_from([Killed, Unreachable])
    )
    def look_and_crash(self, number: int, side: str, kind: type[BaseException]) -> None:
        self.seams.forget()
        self.seams.armed = Fault(number, "", side, kind)
        try:
            with suppress(Killed, Unreachable):
                reconcile.step(self.instance.pk)
        finally:
            self.seams.armed = None

    @precondition(lambda self: self.slow is None)
    @rule()
    def begin_slowly(self) -> None:
        self.slow = lifecycle.claim(self.instance.pk)

    @precondition(lambda self: self.slow is not None)
    @rule()
    def end_slowly(self) -> None:
        """The provider is called now, whatever has happened since the lease was taken."""
        slow, self.slow = self.slow, None
        looking._taken(slow, telemetry.Watched())

    @rule(seconds=st.sampled_from([1, 31, 120, 700]))
    def wait(self, seconds: int) -> None:
        self.clock.move_to(self.clock.at + seconds / 30 * PATROL)

    @rule(told=lies)
    def lie(self, told: Lies) -> None:
        self.provider.cloud.tell(told)

    @rule()
    def lose_the_machine(self) -> None:
        self.provider.cloud.end(self.read().machine)

    @rule()
    def rest_by_itself(self) -> None:
        self.provider.cloud.rest(self.read().machine)

    @rule()
    def go_round(self) -> None:
        list(patrol.go_round(destroy=True))

    def read(self) -> Instance:
        return Instance.everywhere.get(pk=self.instance.pk)

    def teardown(self) -> None:
        """Faults stop: it comes to rest, with one machine or none, and every move was one of the table."""
        if self.slow is not None:
            self.end_slowly()
        self.provider.cloud.tell(HONEST)
        row = self._settle()
        machines = self._machines()
        expected = {
            Status.RUNNING: [Power.UP],
            Status.STOPPED: [Power.RESTING] if row.handle else [],
            Status.DELETED: [],
        }
        if row.status in expected and [machine.power for machine in machines] != expected[Status(row.status)]:
            raise Broken(f"{row.status}, with machines {machines}")
        if row.status != row.desired_state and row.status != Status.ERROR:
            raise Broken(f"stuck in {row.status}, wished {row.desired_state}")
        if len(machines) > 1:
            raise Broken(f"doubled: {machines}")
        for event in Event.everywhere.filter(instance=self.instance).exclude(status_from=""):
            assert lifecycle.TABLE[event.status_from, event.kind] == event.status_to
        if row.status != Status.DELETED:
            services.request_deletion(self.world.principal, self.instance.pk)
        assert self._settle().status == Status.DELETED
        assert self._machines() == []

    def _machines(self) -> list[object]:
        ours = self.instance.pk.hex
        return [machine for machine in self.provider.cloud.machines() if machine.token.startswith(ours)]

    def _settle(self) -> Instance:
        """Let time pass, with a patrol twice a minute and each look when it is due, until all is at rest."""
        calm = 0
        for _ in range(ROUNDS * 10):
            row = self.read()
            if row.look_again_at is not None and row.look_again_at <= self.clock.at + PATROL:
                # A second a look at least: while a slow worker has the lease, looking again does not make time pass.
                self.clock.move_to(max(row.look_again_at, self.clock.at + PATROL / 30))
                reconcile.step(self.instance.pk)
                continue
            if row.status != Status.DELETED and row.look_again_at is None and row.status not in AT_REST:
                raise Broken(f"stuck in {row.status}, wished {row.desired_state}")
            self.clock.move_to(self.clock.at + PATROL)
            woken = sum(each.woken + each.destroyed for each in patrol.go_round(destroy=True))
            calm = 0 if woken else calm + 1
            if calm * PATROL.total_seconds() > GRACE_S + 60:
                return row
        raise Broken(f"no rest: {row.status}, wished {row.desired_state}")


AT_REST = (Status.RUNNING, Status.STOPPED, Status.ERROR)


@pytest.fixture
def life(world, monkeypatch, tmp_path: Path, settings_of_django) -> None:
    Life.world, Life.clock = world, VirtualClock(monkeypatch)
    Life.provider = SimulatedProvider(tmp_path / "cloud.sqlite", seed=20)
    registry.install("fake", Life.provider)
    guests = SimulatedGuests(Life.provider.cloud, world.guests)
    ports.install_guests(guests)
    Life.seams = Seams(monkeypatch, Life.provider, guests)
    monkeypatch.setattr(registry, "names", lambda: iter(["fake"]))


def _run(phases: list[Phase]) -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=True, print_blob=True,
            phases=phases, suppress_health_check=list(HealthCheck), database=None,
        ),
    )  # fmt: skip


def test_any_interleaving_comes_to_rest_with_one_machine_or_none(life):
    _run([Phase.generate])


@pytest.fixture
def settings_of_django(settings):
    settings.ORPHAN_GRACE_S = GRACE_S
    return settings
