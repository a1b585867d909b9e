"""The table is what house.md says, and only a step that still holds its lease may write."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from instances import lifecycle, reconcile
from instances.lifecycle import TABLE, NotAllowed, Outcome, Superseded
from instances.models import Desired, Event, Instance, Status

ROOT = Path(__file__).resolve().parents[2]
REACHABLE = {Status.PENDING, *TABLE.values()}


def test_every_status_is_reached_and_only_deleted_is_an_end():
    left = {source for source, _ in TABLE}
    assert set(Status) == REACHABLE
    assert set(Status) - left == {Status.DELETED}


def test_every_status_can_be_deleted_but_those_already_on_that_way():
    deletable = {source for source, event in TABLE if event == "destroy_sent"}
    assert deletable == set(Status) - {Status.DELETING, Status.DELETED}


def test_every_pair_of_status_and_wish_that_can_meet_has_a_step():
    served = {
        Status.PENDING,
        Status.PROVISIONING,
        Status.STARTING,
        Status.RUNNING,
        Status.PAUSED,
        Status.STOPPING,
        Status.STOPPED,
        Status.ERROR,
    }
    never_paused = {(status, Desired.PAUSED) for status in (Status.PENDING, Status.PROVISIONING, Status.STARTING)}
    expected = {(status, wish) for status in served for wish in Desired} | {(Status.DELETING, Desired.DELETED)}
    assert expected - never_paused <= set(reconcile.STEPS)


# A message's status is the outbox's, a recording's is the leases'; the view makes a row that is never saved, to sign an
# address for it.
OF_OTHER_ROWS = {"outbox.py", "webhooks.py", "leases.py", "views.py"}


def test_only_the_lifecycle_writes_a_status():
    """Walks the syntax of the whole app: `x.status = …` and `update(status=…)` stand in lifecycle.py alone."""
    writers = set()
    for path in (ROOT / "instances").rglob("*.py"):
        if {"migrations", "providers"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [n for t in targets for n in ast.walk(t) if isinstance(n, ast.Attribute) and n.attr == "status"]
                if any(isinstance(n.ctx, ast.Store) for n in names):
                    writers.add(path.name)
            updates = isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".update", "Instance"))
            if updates and any(keyword.arg == "status" for keyword in node.keywords):
                writers.add(path.name)
    assert writers - OF_OTHER_ROWS == {"lifecycle.py"}


def test_a_move_that_the_table_does_not_have_is_refused(world):
    instance = world.read(world.ask())
    with pytest.raises(NotAllowed):
        lifecycle.move(instance, "guest_ready")
    assert world.read(instance).status == "pending"


def test_a_second_worker_gets_no_lease_but_its_visit_is_not_forgotten(world):
    instance = world.ask()
    first = lifecycle.claim(instance.pk)
    assert first is not None
    assert lifecycle.claim(instance.pk) is None
    assert lifecycle.conclude(first, Outcome(look_in_s=500)) == 0.0


def test_a_worker_whose_lease_ran_out_cannot_write(world, later):
    instance = world.ask()
    stale = lifecycle.claim(instance.pk)
    later(lifecycle.LEASE_S + 1)
    fresh = lifecycle.claim(instance.pk)
    with pytest.raises(Superseded):
        lifecycle.conclude(stale, Outcome("ordered"))
    assert world.read(instance).status == "pending"
    lifecycle.conclude(fresh, Outcome("ordered", facts={"incarnation": 1}))
    assert world.read(instance).status == "provisioning"


def test_a_wish_that_changes_during_a_step_is_looked_at_at_once(world):
    instance = world.running()
    claimed = lifecycle.claim(instance.pk)
    Instance.everywhere.filter(pk=instance.pk).update(generation=instance.generation + 1)
    assert lifecycle.conclude(claimed, Outcome(look_in_s=500)) == 0.0


def test_a_look_that_finds_nothing_new_leaves_the_version_alone(world):
    instance = world.running()
    looked = world.step(instance)
    assert (looked.updated_at, looked.lease_until) == (instance.updated_at, None)
    assert looked.lease_token == instance.lease_token + 1


def test_events_are_numbered_without_a_gap_and_say_what_moved(world):
    instance = world.running()
    events = list(Event.everywhere.filter(instance=instance).order_by("number"))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [(event.kind, event.status_to) for event in events] == [
        ("requested", "pending"),
        ("ordered", "provisioning"),
        ("created", "starting"),
        ("guest_ready", "running"),
    ]


def test_an_event_that_is_rolled_back_leaves_no_number_behind(world):
    instance = world.running()
    claimed = lifecycle.claim(instance.pk)
    with pytest.raises(NotAllowed):
        lifecycle.conclude(claimed, Outcome("created"))
    assert world.read(instance).last_event == 4
    assert len(world.history(instance)) == 4
