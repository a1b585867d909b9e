"""Makes recordings: a thread of the worker for each, which watches its machine's screen and writes part after part.

Nothing of it is needed elsewhere: what a thread has not stored by its end is lost, and another goes on from the row.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import Error
from psycopg_pool import PoolTimeout
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from common import logs
from common.objects import StoreAway, StoreFull
from common.realtime.follow import release_connections
from common.realtime.watermark import Mark
from instances.recordings import leases
from instances.recordings.ending import Ending, interrupted
from instances.recordings.leases import Held, Lost
from instances.recordings.parts import Reel, action_of
from instances.recordings.pictures import Away, Screen, watching

logger = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_S = 1.0
"""How often a thread asks whether its recording is to go on."""
PART_S = 10.0
"""The most that a crash may cost."""
TRY_AGAIN_S = 1.0
STORE_WITHIN_S = 12.0


class Recorder:
    """The recordings that this process makes just now."""

    def __init__(self, *, at_once: int) -> None:
        self._at_once = at_once
        self._lock = threading.Lock()
        self._resting = threading.Event()
        self._threads: dict[UUID, threading.Thread] = {}

    def start_due(self) -> int:
        """Begin what is due, as far as there is room here; how many that were. Two at once, or again: none twice."""
        with self._lock:
            self._threads = {key: thread for key, thread in self._threads.items() if thread.is_alive()}
            if self._resting.is_set():
                return 0
            claimed = leases.claim(self._at_once - len(self._threads))
            for held in claimed:
                name = f"recording-{held.row.pk}"
                thread = threading.Thread(target=record, args=(held, self._resting), name=name, daemon=True)
                self._threads[held.row.pk] = thread
                thread.start()
            return len(claimed)

    def rest(self, *, within_s: float) -> None:
        """Have all write out what they hold and give their recordings back, for other processes to go on."""
        self._resting.set()
        ends_at = time.monotonic() + within_s
        for thread in list(self._threads.values()):
            thread.join(max(0.0, ends_at - time.monotonic()))


@lru_cache(maxsize=1)
def current() -> Recorder:
    """The process's recorder."""
    return Recorder(at_once=settings.RECORDINGS_AT_ONCE)


def record(held: Held, resting: threading.Event) -> None:
    """Make one recording until its end, until somebody else has it, or until this process is to rest."""
    logs.about(instance_id=held.row.instance_id)
    take = _Take(held, resting)
    try:
        take.run()
    except Lost:
        logger.info("recording %s goes on elsewhere, or was deleted", held.row.pk)
    except StoreFull as error:
        logger.warning("recording %s ends: %s", held.row.pk, error)
        take.asked(lambda: leases.conclude(held, interrupted("There was no room for more of it.")))
    except StoreAway as error:
        logger.warning("recording %s ends: %s", held.row.pk, error)
        take.asked(lambda: leases.conclude(held, interrupted("What it is stored in could not be reached.")))
    except (Error, PoolTimeout) as error:
        logger.warning("recording %s waits for the database: %s", held.row.pk, error)


class _Take:
    """One recording, in its thread."""

    def __init__(self, held: Held, resting: threading.Event) -> None:
        self._held = held
        self._resting = resting
        self._reel = Reel()
        self._is_away = False
        self._written_at = time.monotonic()

    def run(self) -> None:
        end = self._watch()
        while self._write(is_last=end is not None) and end is not None:
            continue
        if end is None:
            self.asked(lambda: leases.release(self._held))
        else:
            self.asked(lambda: leases.conclude(self._held, end))

    def asked(self, question: Callable[[], T]) -> T:
        """The database's answer, whose connection is not kept: there are more threads than connections."""
        try:
            return question()
        finally:
            release_connections()

    def _watch(self) -> Ending | None:
        """Until its end, or None when this process is to rest."""
        while not self._resting.is_set():
            standing = self._standing()
            if standing.ending is not None:
                return standing.ending
            if standing.machine is None:
                self._pause(LOOK_S)
                continue
            try:
                with self._screen(standing.machine) as seen:
                    end = self._roll(seen, standing.machine)
            except Away as error:
                self._note_gap(error)
                self._pause(TRY_AGAIN_S)
            else:
                if end is not None:
                    return end
        return None

    def _screen(self, machine: str) -> AbstractContextManager[Screen]:
        row = self._held.row
        return watching(row.site_id, machine, max_fps=row.max_fps, quality=row.quality)

    def _roll(self, screen: Screen, machine: str) -> Ending | None:
        """While this machine runs; the end, where that is why it is over."""
        look_at = time.monotonic() + LOOK_S
        while not self._resting.is_set():
            picture = screen.next(within_s=max(0.01, look_at - time.monotonic()))
            if picture is not None:
                self._is_away = False
                self._add(picture)
            if time.monotonic() >= look_at:
                standing = self._standing()
                if standing.ending is not None or standing.machine != machine:
                    return standing.ending
                look_at = time.monotonic() + LOOK_S
            self._write_where_due()
        return None

    def _add(self, picture: bytes) -> None:
        """A machine that sends more than it was asked for is not believed: what is too much is dropped."""
        since_s = time.monotonic() - self._written_at
        if self._reel.frames < 2 * self._held.row.max_fps * (1 + since_s):
            self._reel.add_frame(self._held.at_ms(), picture)

    def _standing(self) -> leases.Standing:
        return self.asked(lambda: leases.standing(self._held))

    def _pause(self, for_s: float) -> None:
        self._write_where_due()
        self._resting.wait(for_s)

    def _note_gap(self, error: Away) -> None:
        if not self._is_away:
            self._is_away = True
            logger.info("recording %s has no pictures: %s", self._held.row.pk, error)
            self.asked(lambda: leases.note_gap(self._held))

    def _write_where_due(self) -> None:
        if self._reel.is_full or time.monotonic() - self._written_at >= PART_S:
            self._write()

    def _write(self, *, is_last: bool = False) -> bool:
        """What came since the last part, and the actions of that time; whether there are more than one part takes."""
        self._written_at = time.monotonic()
        cursor, is_all = self._gather(is_last=is_last)
        if self._reel.is_empty:
            return False
        part = self._reel.cut()
        again = retry_if_exception_type(StoreAway)
        for attempt in Retrying(
            retry=again, stop=stop_after_delay(STORE_WITHIN_S), wait=wait_fixed(TRY_AGAIN_S), reraise=True
        ):
            with attempt:
                self.asked(lambda: leases.store(self._held, part, cursor=cursor))
        return not is_all

    def _gather(self, *, is_last: bool) -> tuple[Mark, bool]:
        """Take in what was done: the last entry of it, and whether that was all."""
        entries = self.asked(lambda: leases.actions_after(self._held, all_of_them=is_last))
        for entry in entries:
            self._reel.add_action(action_of(entry, started_ms=self._held.started_ms))
        cursor = Mark(entries[-1].xid, entries[-1].pk) if entries else self._held.cursor
        return cursor, len(entries) < leases.ACTIONS_AT_ONCE
