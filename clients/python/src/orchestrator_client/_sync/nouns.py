"""What the client adds to the generated nouns: waiting, following, and log entries one by one."""
# Made from _async/nouns.py by generator/; not edited by hand.

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import Unpack

from orchestrator_client import fields as sent
from orchestrator_client import models
from orchestrator_client._sync.desktop import Desktop
from orchestrator_client._sync.endpoints import InstancesEndpoints, LogsEndpoints, PlansEndpoints
from orchestrator_client.calls import Call, new_key, segment
from orchestrator_client.errors import WaitTimeout

_SLICE_S = 30.0
"""One request of a long wait: short enough for any proxy in between."""


class Instances(InstancesEndpoints):
    """The machines of a site."""

    def wait(self, id: str, status: str = "running", *, timeout_s: float = 120.0) -> models.Instance:
        """Until the instance has this status.

        Raises:
            WaitTimeout: not within `timeout_s`.
            Conflict: it can't come to that any more; the message says why.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            slice_s = max(0.0, min(_SLICE_S, deadline - time.monotonic()))
            query = {"status": status, "timeout_s": round(slice_s, 3)}
            call = Call("GET", f"/api/instances/{segment(id)}/wait", params=query, timeout_s=slice_s)
            try:
                return self._one(models.Instance, call)
            except WaitTimeout:
                if time.monotonic() >= deadline:
                    raise

    def desktop(self, id: str) -> Desktop:
        """Hands and eyes on one instance."""
        return Desktop(self._transport, id)

    def events(self, id: str, *, after: int | None = None) -> Generator[models.Event, None, None]:
        """Its history from the first event, or after a number, then each as it comes; none twice, over every cut."""
        path = f"/api/instances/{segment(id)}/events"
        return self._follow(models.Event, path, {}, None if after is None else str(after))

    def follow_logs(
        self, id: str, *, after: str | None = None, **query: Unpack[sent.GetLogTailQuery]
    ) -> Generator[models.Log, None, None]:
        """Its log entries from now on, or after an event's id."""
        return self._follow(models.Log, f"/api/instances/{segment(id)}/logs/tail", query, after)


class Logs(LogsEndpoints):
    """What was written about instances."""

    def follow(
        self, *, after: str | None = None, **query: Unpack[sent.GetLogTailQuery]
    ) -> Generator[models.Log, None, None]:
        """Entries about any instance of the site from now on."""
        return self._follow(models.Log, "/api/logs/tail", query, after)

    def write(self, instance_id: str, /, **fields: Unpack[sent.LogRequest]) -> models.Log:
        """One entry about an instance."""
        path = f"/api/instances/{segment(instance_id)}/logs"
        return self._one(models.Log, Call("POST", path, json=fields, key=new_key()))

    def write_many(self, instance_id: str, entries: Sequence[sent.LogRequest]) -> models.Written:
        """Up to 1,000 entries about an instance: all of them or none."""
        path = f"/api/instances/{segment(instance_id)}/logs"
        return self._one(models.Written, Call("POST", path, json=list(entries), key=new_key()))


class Plans(PlansEndpoints):
    """What is to be reached on an instance."""

    def events(self, id: str, *, after: int | None = None) -> Generator[models.PlanEvent, None, None]:
        """Its history, and then each event as it comes."""
        path = f"/api/plans/{segment(id)}/events"
        return self._follow(models.PlanEvent, path, {}, None if after is None else str(after))
