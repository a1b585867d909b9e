"""Who watches each machine, and which one of them drives: one at a time, known to people, agents and the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MAX_VIEWERS = 24
"""Of one machine at once."""
IDLE_S = 300.0
"""A driver who touches nothing for so long drives no more."""
GRACE_S = 15.0
"""A driver whose connection was lost may come back within this, as after a restart of something between."""


class Driven(Exception):
    """Somebody else drives; `label` is who."""

    def __init__(self, label: str) -> None:
        super().__init__(f"{label or 'somebody'} drives this desktop just now")
        self.label = label


class NotWatching(Exception):
    """No such viewer is connected to this machine, or it may only watch."""


@dataclass(slots=True)
class Viewer:
    """One open page. `tell` sends it a message of ours; `let_go` releases what it holds down in the machine."""

    id: str
    label: str
    may_drive: bool
    tell: Callable[[dict[str, Any]], None]
    let_go: Callable[[], None]
    leave: Callable[[], None]


@dataclass(slots=True)
class _Driver:
    viewer_id: str
    label: str
    since: datetime
    touched_s: float
    lost_s: float | None = None


@dataclass(slots=True)
class _Desk:
    viewers: dict[str, Viewer] = field(default_factory=dict)
    driver: _Driver | None = None


class Driving:
    """In memory: with the gateway go its viewers, and who drove asks again."""

    def __init__(self) -> None:
        self._desks: dict[str, _Desk] = {}

    def driver(self, incarnation: str) -> dict[str, str] | None:
        """Who drives this machine, for others to see; None where nobody does."""
        desk = self._desks.get(incarnation)
        driver = desk and self._present(incarnation, desk)
        return {"label": driver.label, "since": driver.since.isoformat()} if driver else None

    def drives(self, incarnation: str, viewer: Viewer) -> bool:
        desk = self._desks.get(incarnation)
        return desk is not None and desk.driver is not None and desk.viewers.get(desk.driver.viewer_id) is viewer

    def touched(self, incarnation: str) -> None:
        """The driver has put something in."""
        desk = self._desks.get(incarnation)
        if desk and desk.driver:
            desk.driver.touched_s = _now_s()

    def enter(self, incarnation: str, viewer: Viewer) -> None:
        """Raises NotWatching where too many watch already. The same viewer's older connection is ended."""
        desk = self._desks.setdefault(incarnation, _Desk())
        older = desk.viewers.get(viewer.id)
        if older is None and len(desk.viewers) >= MAX_VIEWERS:
            raise NotWatching
        desk.viewers[viewer.id] = viewer
        if older is not None:
            older.leave()
        if desk.driver and desk.driver.viewer_id == viewer.id:
            desk.driver.lost_s = None
            if not viewer.may_drive:
                self._end(incarnation, desk)

    def left(self, incarnation: str, viewer: Viewer) -> None:
        """Its connection is gone. A driver's place is kept for a while."""
        desk = self._desks.get(incarnation)
        if desk is None or desk.viewers.get(viewer.id) is not viewer:
            return
        del desk.viewers[viewer.id]
        if desk.driver and desk.driver.viewer_id == viewer.id:
            desk.driver.lost_s = _now_s()
            asyncio.get_running_loop().call_later(GRACE_S + 0.1, self.driver, incarnation)
        elif not desk.viewers and desk.driver is None:
            del self._desks[incarnation]

    def take(self, incarnation: str, viewer_id: str, *, force: bool) -> None:
        """Let this viewer drive. Twice is the same as once.

        Raises:
            NotWatching: it is not connected here, or may only watch.
            Driven: another one drives, and `force` was not said.
        """
        desk = self._desks.get(incarnation)
        viewer = desk.viewers.get(viewer_id) if desk else None
        if desk is None or viewer is None or not viewer.may_drive:
            raise NotWatching
        driver = self._present(incarnation, desk)
        if driver is not None and driver.viewer_id == viewer_id:
            driver.touched_s = _now_s()
            return
        if driver is not None and not force:
            raise Driven(driver.label)
        self._let_go(desk)
        desk.driver = _Driver(viewer_id, viewer.label, datetime.now(UTC), _now_s())
        self._announce(desk)

    def give_back(self, incarnation: str, viewer_id: str) -> None:
        """This viewer drives no more; where it did not, nothing changes."""
        desk = self._desks.get(incarnation)
        if desk and desk.driver and desk.driver.viewer_id == viewer_id:
            self._end(incarnation, desk)

    def _present(self, incarnation: str, desk: _Desk) -> _Driver | None:
        driver, now = desk.driver, _now_s()
        if driver is None:
            return None
        if (driver.lost_s is not None and now - driver.lost_s > GRACE_S) or now - driver.touched_s > IDLE_S:
            self._end(incarnation, desk)
        return desk.driver

    def _end(self, incarnation: str, desk: _Desk) -> None:
        self._let_go(desk)
        desk.driver = None
        self._announce(desk)
        if not desk.viewers:
            self._desks.pop(incarnation, None)

    def _let_go(self, desk: _Desk) -> None:
        viewer = desk.viewers.get(desk.driver.viewer_id) if desk.driver else None
        if viewer is not None:
            viewer.let_go()

    def _announce(self, desk: _Desk) -> None:
        for viewer in list(desk.viewers.values()):
            viewer.tell(told(desk.driver.label if desk.driver else None, yours=_is(desk.driver, viewer)))


def told(label: str | None, *, yours: bool) -> dict[str, Any]:
    """What a page is told of who drives."""
    return {"kind": "driver", "label": label, "yours": yours}


def _is(driver: _Driver | None, viewer: Viewer) -> bool:
    return driver is not None and driver.viewer_id == viewer.id


def _now_s() -> float:
    return asyncio.get_running_loop().time()
