"""How long the steps wait: until the next look, for a guest that is silent, and since when."""

from __future__ import annotations

from common import clock
from instances.models import Instance

SOON_S, QUEUED_S, RETRY_S = 0.5, 1.0, 3.0
WATCHED = None
"""When to look next at what is as it is wished: not before somebody asks, or the patrol finds it changed."""
REST_S = 300.0
"""When to look next at a machine held still: its guest is silent, so the patrol learns too little of it."""

GUEST_SILENT_S = 90.0
_SOON_FOR_S = 10.0


def waited_s(instance: Instance) -> float:
    return (clock.now() - instance.status_since).total_seconds()


def soon_s(instance: Instance) -> float:
    """When to look again at what comes up or goes down: a sandbox takes seconds, and a cloud counts who asks it."""
    return SOON_S if waited_s(instance) < _SOON_FOR_S else RETRY_S
