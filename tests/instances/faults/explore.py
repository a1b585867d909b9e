"""Finds every situation that an instance can come into, by trying all that may happen, until nothing new appears."""

from __future__ import annotations

from collections import deque

from tests.instances.faults.world import FaultWorld, Situation

AT_MOST = 400


def situations(world: FaultWorld) -> list[Situation]:
    """The first situation of each key, the nearest first. Raises AssertionError where there is no end of them."""
    first = world.situation()
    found = {first.key: first}
    left = deque([first])
    while left:
        here = left.popleft()
        world.restore(here)
        for name, move in list(world.moves()):
            world.restore(here)
            move()
            there = world.situation((*here.path, name))
            if there.key not in found:
                assert len(found) < AT_MOST, "there is no end of situations"
                found[there.key] = there
                left.append(there)
    return list(found.values())
