"""The simulated driver keeps the contract as long as it is told no lies, and tells each lie when it is."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from common import clock
from guest.protocol.actions import Bash, Screenshot
from guest.protocol.hello import Configure
from infra.embedded.paths import CHECKOUT
from instances.guestlink import GuestRefused, GuestUnreachable
from instances.providers.base import OutOfCapacity, Power, SeesLate, Spec, Unreachable
from instances.providers.simulated.lies import HONEST, Lies
from instances.providers.simulated.provider import SimulatedProvider
from orchestrator.simulation import SimulatedGuests
from tests.contracts.provider import RestingContract
from tests.doubles import FakeGuests

SPEC = Spec("ubuntu")


@pytest.fixture
def provider(tmp_path: Path) -> SimulatedProvider:
    return SimulatedProvider(tmp_path / "cloud.sqlite", seed=7)


class TestContract(RestingContract):
    @pytest.fixture
    def provider(self, provider: SimulatedProvider) -> SimulatedProvider:
        return provider


class TestContractWithSlowMachines(RestingContract):
    @pytest.fixture
    def provider(self, provider: SimulatedProvider) -> SimulatedProvider:
        provider.cloud.tell(Lies(boot_s=0.02))
        return provider


def _real(provider: SimulatedProvider) -> list[str]:
    return [machine.token for machine in provider.cloud.machines()]


def test_a_call_that_does_not_arrive_does_nothing_and_one_whose_answer_is_lost_does(provider):
    for lies, made in ((Lies(unreachable=1), []), (Lies(lost_answers=1), ["desk-1"])):
        provider.cloud.tell(lies)
        with pytest.raises(Unreachable):
            provider.create(SPEC, token="desk-1")
        assert _real(provider) == made


def test_a_new_machine_is_seen_by_nothing_and_outlives_its_destruction(provider, later):
    provider.cloud.tell(Lies(unseen_s=30))
    handle = provider.create(SPEC, token="desk-1")
    provider.destroy(handle)
    assert (provider.inspect(handle).power, list(provider.list_ours())) == (Power.GONE, [])
    assert isinstance(provider, SeesLate) and provider.blind_for_s == 30
    later(31)
    assert provider.inspect(handle).power is Power.UP
    assert [token for token, _ in provider.list_ours()] == ["desk-1"]


def test_a_list_that_is_cut_off_says_so(provider):
    for number in range(4):
        provider.create(SPEC, token=f"desk-{number}")
    provider.cloud.tell(Lies(cut_lists=1))
    seen = []
    with pytest.raises(Unreachable):
        seen.extend(token for token, _ in provider.list_ours())
    assert len(list(provider.cloud.machines())) == 4


def test_machines_end_by_themselves_stay_stuck_or_find_no_room(provider, later):
    provider.cloud.tell(Lies(life_s=10))
    mortal = provider.create(SPEC, token="mortal-1")
    provider.cloud.tell(Lies(stuck=1))
    stuck = provider.create(SPEC, token="stuck-1")
    provider.cloud.tell(Lies(no_room=1))
    with pytest.raises(OutOfCapacity):
        provider.create(SPEC, token="third-1")
    later(1000)
    assert [provider.inspect(handle).power for handle in (mortal, stuck)] == [Power.GONE, Power.RISING]


def test_every_process_sees_the_same_cloud_and_tells_the_same_lies(provider, tmp_path):
    provider.create(SPEC, token="desk-1")
    provider.cloud.tell(Lies(unreachable=1))
    other = (
        "import sys; from instances.providers.simulated.provider import SimulatedProvider as P\n"
        "p = P(sys.argv[1]); print([m.token for m in p.cloud.machines()], p.cloud.lies().unreachable)"
    )
    said = subprocess.run(
        [sys.executable, "-c", other, str(tmp_path / "cloud.sqlite")], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert said.stdout.strip() == "['desk-1'] 1", said.stderr


def test_the_command_changes_lies_and_tells_them(provider, tmp_path, settings):
    settings.SIMULATION_FILE = str(tmp_path / "cloud.sqlite")
    provider.create(SPEC, token="desk-1")
    said = StringIO()
    call_command("simulation", "--lie", "unreachable=0.5", "--lie", "boot_s=3", stdout=said)
    assert said.getvalue() == "machines: 1 up\nlies: unreachable=0.5, boot_s=3\n"
    call_command("simulation", "--honest", stdout=StringIO())
    assert provider.cloud.lies() == HONEST
    with pytest.raises(CommandError):
        call_command("simulation", "--lie", "kindness=1")
    settings.SIMULATION_FILE = None
    with pytest.raises(CommandError):
        call_command("simulation")


def test_a_guest_is_there_while_its_machine_is_up_and_new_after_each_start(provider):
    guests = SimulatedGuests(provider.cloud, FakeGuests())
    handle = provider.create(SPEC, token="desk-1")
    first = guests.presence("desk-1")
    guests.configure("desk-1", Configure(environment={"A": "1"}))
    assert guests.act("desk-1", Bash(command="true")).result.shell.exit_code == 0
    with pytest.raises(GuestRefused):
        guests.act("desk-1", Screenshot())
    provider.stop(handle)
    assert guests.presence("desk-1") is None
    with pytest.raises(GuestUnreachable):
        guests.act("desk-1", Bash(command="true"))
    provider.start(handle)
    assert guests.presence("desk-1").boot_id != first.boot_id


def test_guests_of_other_machines_are_the_others(provider):
    others = FakeGuests()
    others.arrive("local-1", boot_id="theirs")
    guests = SimulatedGuests(provider.cloud, others)
    assert guests.presence("local-1").boot_id == "theirs"
    assert guests.presence("nobody-1") is None


def test_it_keeps_the_platforms_time(provider, later):
    provider.cloud.tell(Lies(boot_s=60))
    handle = provider.create(SPEC, token="desk-1")
    assert provider.inspect(handle).power is Power.RISING
    later(61)
    assert provider.inspect(handle).power is Power.UP
    assert provider.cloud.machine("desk-1").made_at < clock.now().timestamp() - 60
    assert HONEST.boot_s == 0
