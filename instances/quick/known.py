"""Which instances run, as this process knows: read from PostgreSQL, and again after each nudge that something happened.

Without a nudge a row is believed for a second, and where Redis is away not at all.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

from common import logs
from common.lines import postgres
from common.lines.postgres import numbered, text
from common.realtime import hub
from common.realtime.hub import Listener
from instances import actionrows

BELIEVED_S = 1.0
_MOST = 2_000
_LOOK = numbered(actionrows.LOOK)

_Key = tuple[UUID, UUID]


@dataclass(slots=True)
class _Known:
    """A running instance's machine, and as of when: `age` is the listener's at the look, empty where it heard later."""

    incarnation: int
    machine: str
    listener: Listener
    age: tuple[int, ...] = ()
    until: float = 0.0

    @property
    def is_fresh(self) -> bool:
        listener = self.listener
        return listener.hub.connected and listener.age == self.age and time.monotonic() < self.until


class Running:
    """The running instances that somebody acts on, of one event loop."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, _Known] = OrderedDict()

    async def machine(self, site_id: UUID, instance_id: UUID) -> str:
        """The machine of an instance that runs.

        Raises:
            NotFound, Conflict: as `actionrows.machine_of`.
            Error, Unavailable: as `Lines.read_in_site`.
        """
        key = site_id, instance_id
        known = self._known.get(key)
        if known is not None and known.is_fresh:
            logs.about(instance_id=instance_id, incarnation=known.incarnation)
            return known.machine
        age, until = known.listener.age if known else (), time.monotonic() + BELIEVED_S
        try:
            status, incarnation = await _looked(site_id, instance_id)
            machine = actionrows.machine_of(instance_id, status, incarnation)
        except BaseException:
            self.forget(site_id, instance_id)
            raise
        if known is None or self._known.get(key) is not known:
            known = self._begun(key, incarnation, machine)
        else:
            known.incarnation, known.machine, known.age, known.until = incarnation, machine, age, until
        return known.machine

    def forget(self, site_id: UUID, instance_id: UUID) -> None:
        """Look when it is next acted on."""
        known = self._known.pop((site_id, instance_id), None)
        if known is not None:
            known.listener.close()

    def _begun(self, key: _Key, incarnation: int, machine: str) -> _Known:
        """It was looked at before anybody listened, so the next action looks again."""
        self.forget(*key)
        while len(self._known) >= _MOST:
            self.forget(*next(iter(self._known)))
        known = _Known(incarnation, machine, hub.current().listen([f"instance:{key[1]}"]))
        self._known[key] = known
        return known


async def _looked(site_id: UUID, instance_id: UUID) -> tuple[str | None, int]:
    rows = await postgres.of_this_loop().read_in_site(site_id, _LOOK, [text(site_id), text(instance_id)])
    status, incarnation = rows[0] if rows else (None, None)
    return (status.decode() if status else None), int(incarnation or 0)


def of_this_loop() -> Running:
    """What the running event loop knows."""
    loop = asyncio.get_running_loop()
    known = _running.get(loop)
    if known is None:
        known = _running[loop] = Running()
    return known


_running: WeakKeyDictionary[asyncio.AbstractEventLoop, Running] = WeakKeyDictionary()
