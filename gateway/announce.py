"""Tells the hub that an instance is worth a look: a Celery task by its name, sent from a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading

from celery import Celery
from kombu.exceptions import KombuError

from gateway.logs import event

TASK = "instances.look"
_WAITING = 10_000
_GAP_S = 0.5
_RETRIES = {"max_retries": 5, "interval_start": 0.1, "interval_step": 0.3, "interval_max": 1.0}

log = logging.getLogger(__name__)


class Announcer:
    """Publishing blocks, so a thread does it behind a bounded queue. What the broker doesn't take is dropped: the
    hub's sweep finds it. One incarnation is announced at most once in `_GAP_S`, the last news never being lost, so
    that a guest which redials madly does not keep the workers busy."""

    def __init__(self, broker_url: str) -> None:
        self._celery = Celery("gateway", broker=broker_url, set_as_current=False)
        self._celery.conf.update(
            task_ignore_result=True,
            broker_connection_timeout=1.0,
            broker_transport_options={"socket_connect_timeout": 1.0, "socket_timeout": 2.0},
        )
        self._queue: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._publish_all, name="announcer", daemon=True)
        self._resting: set[str] = set()
        self._again: set[str] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, within_s: float) -> None:
        """Publish what waits, for at most so long. Call it off the loop."""
        try:
            self._queue.put(None, timeout=within_s)
        except queue.Full:
            return
        self._thread.join(within_s)

    def announce(self, incarnation: str) -> None:
        """Have the hub look at this incarnation. From the loop's thread; never waits, never fails."""
        if incarnation in self._resting:
            self._again.add(incarnation)
            return
        self._resting.add(incarnation)
        asyncio.get_running_loop().call_later(_GAP_S, self._rested, incarnation)
        try:
            self._queue.put_nowait(incarnation)
        except queue.Full:
            event(log, "announcement dropped", level=logging.WARNING, incarnation=incarnation)

    def _rested(self, incarnation: str) -> None:
        self._resting.discard(incarnation)
        if incarnation in self._again:
            self._again.discard(incarnation)
            self.announce(incarnation)

    def _publish_all(self) -> None:
        while (incarnation := self._queue.get()) is not None:
            try:
                self._celery.send_task(TASK, args=[incarnation], ignore_result=True, retry=True, retry_policy=_RETRIES)
            except (KombuError, OSError) as error:
                event(
                    log,
                    "announcement failed",
                    level=logging.WARNING,
                    incarnation=incarnation,
                    why=type(error).__name__,
                )
