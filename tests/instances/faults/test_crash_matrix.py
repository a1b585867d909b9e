"""The crash matrix: every fault before and after every call of every step, in every situation, then run to rest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from instances import lifecycle, services
from instances.models import Status
from instances.reconcile import STEPS, ending
from tests.counts import told
from tests.instances.faults import seams
from tests.instances.faults.explore import situations
from tests.instances.faults.seams import REFUSALS, Fault, Killed
from tests.instances.faults.world import Broken, FaultWorld, Situation, requests

NAMES = sorted({step.__name__ for step in STEPS.values()})
TALLY: Counter[str] = Counter()
_found: list[Situation] = []


@pytest.fixture
def fault_world(world, monkeypatch) -> FaultWorld:
    return FaultWorld(world, monkeypatch)


@pytest.fixture
def every_situation(fault_world: FaultWorld) -> list[Situation]:
    """Found once a run: what a situation holds can be put under any instance's name."""
    if not _found:
        _found.extend(situations(fault_world))
    return _found


def _of_step(name: str, found: list[Situation]) -> list[Situation]:
    return [one for one in found if one.step in STEPS and STEPS[one.step].__name__ == name]


def test_every_step_is_reached_and_every_fault_has_a_place(every_situation):
    """A step, request or call that is new in the code is walked by itself, or fails here."""
    pages = [*seams.pages_of_the_steps(), Path(services.__file__)]
    source = "".join(page.read_text() for page in pages)
    led_to = {target for (_, event), target in lifecycle.TABLE.items() if f'"{event}"' in source}
    expected = {key for key in STEPS if key[0] in led_to or key[0] == Status.PENDING}
    assert expected <= {one.step for one in every_situation}
    assert {one.row["status"] for one in every_situation} >= led_to
    assert set(seams.functions_of_lifecycle()) >= {"claim", "conclude", "release"}
    assert seams.writes_past_lifecycle() == []
    assert {"request_stop", "request_deletion"} <= set(requests())
    assert set(seams.methods_of_providers()) >= {"create", "destroy", "inspect", "list_ours", "start", "stop"}


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_anywhere_in_a_step_leaks_sticks_and_doubles_nothing(name, fault_world, every_situation):
    broken = []
    for situation in _of_step(name, every_situation):
        fault_world.restore(situation)
        fault_world.step()
        points = list(fault_world.seams.points())
        calls = list(fault_world.seams.calls)
        ending = _ending(fault_world, situation, None)
        TALLY.update(situations=1, points=2 * len(calls), faults=len(points))
        broken += [fault for point in points if (fault := _replay(fault_world, situation, point, ending))]
    assert not broken, "\n".join(broken)


def _replay(world: FaultWorld, situation: Situation, fault: Fault, expected: str) -> str | None:
    """What is wrong with the instance that met this fault, or None."""
    TALLY["replays"] += 1
    try:
        ending = _ending(world, situation, fault)
        if ending != expected and not (ending == Status.ERROR and fault.kind in REFUSALS):
            raise Broken(f"stuck: it rests in {ending} where it rests in {expected} without the fault")
        if fault.kind is Killed or ending == Status.ERROR:
            world.ask("request_deletion")
            if world.settle().status != Status.DELETED or world.world.provider.machines:
                raise Broken("leaked: its deletion left something")
    except Broken as error:
        kind = next((word for word in ("stuck", "doubled") if word in str(error)), "leaked")
        TALLY[kind] += 1
        return f"{situation}: {fault}: {error}"
    return None


def _ending(world: FaultWorld, situation: Situation, fault: Fault | None) -> str:
    world.restore(situation)
    world.seams.armed, world.seams.struck = fault, 0
    world.step()
    assert fault is None or world.seams.struck, f"{fault} did not come about in {situation}"
    return world.settle().status


@pytest.mark.parametrize("name", NAMES)
def test_a_step_whose_write_was_lost_is_taken_again_to_the_same_end(name, fault_world, every_situation):
    """Twice forward, and for destroys twice destroyed: the row is as it was, the machine is not."""
    for situation in _of_step(name, every_situation):
        expected = _ending(fault_world, situation, None)
        fault_world.restore(situation)
        fault_world.step()
        world = fault_world.world
        machines, present = dict(world.provider.machines), dict(world.guests.present)
        fault_world.restore(situation)
        world.provider.machines, world.guests.present = machines, present
        fault_world.step()
        assert fault_world.settle().status == expected, str(situation)


@pytest.mark.parametrize("name", NAMES)
def test_a_stale_workers_late_write_is_refused(name, fault_world, every_situation):
    """Two workers look at the same; the second's lease is the newer one, and the first comes back last."""
    for situation in _of_step(name, every_situation):
        fault_world.restore(situation)
        stale = lifecycle.claim(fault_world.instance.pk)
        assert stale is not None
        found = lifecycle.Outcome("gave_up", reason="what the stale one saw", facts={"losses": 99})
        fault_world.clock.move_to(fault_world.read().lease_until)
        fault_world.step()
        before = fault_world.situation()
        with pytest.raises(lifecycle.Superseded):
            lifecycle.conclude(stale, found)
        assert not lifecycle.release(stale, look_in_s=0)
        assert fault_world.situation().row == before.row, str(situation)


def test_the_matrix_would_see_a_leak_a_doubling_and_a_standstill(fault_world, monkeypatch):
    world = fault_world.world
    monkeypatch.setattr(ending, "cleared", lambda instance: True)
    fault_world.settle()
    fault_world.ask("request_deletion")
    with pytest.raises(Broken, match="deleted row"):
        fault_world.settle()
    world.provider.machines["another-1"] = world.provider.machines[fault_world.read().machine]
    with pytest.raises(Broken, match="more than one"):
        fault_world.step()


def test_the_matrix_would_see_an_instance_that_nobody_looks_at_again(fault_world, monkeypatch):
    monkeypatch.setitem(STEPS, (Status.PENDING, "running"), lambda instance: lifecycle.Outcome(look_in_s=None))
    with pytest.raises(Broken, match="stuck"):
        fault_world.settle()


def test_the_matrix_counts_what_it_did():
    """Last, so that all of it has run; alone it has nothing to count."""
    counts = ", ".join(f"{TALLY[name]} {name}" for name in ("situations", "points", "faults", "replays"))
    broken = ", ".join(f"{TALLY[name]} {name}" for name in ("leaked", "stuck", "doubled"))
    told(f"crash matrix: {counts}: {broken}")
    assert TALLY["replays"] == TALLY["faults"]
    assert not any(TALLY[name] for name in ("leaked", "stuck", "doubled"))
