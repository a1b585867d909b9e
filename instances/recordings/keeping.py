"""How long recordings are kept: old ones and deleted ones lose their objects, then their rows; and what no row knows.

Each part may fail and is tried again by the next run: a row goes only after its objects.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from uuid import UUID

from common import clock, objects
from common.objects import ObjectStore, StoreAway
from instances.models import ROOT, Recording

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""Recordings that one run takes away; the next goes on."""
ORPHAN_AFTER = timedelta(hours=24)
"""Since the last byte. After an older state of the database was restored, so long is left to notice."""


def expire() -> int:
    """Delete recordings whose time is over; how many."""
    return Recording.everywhere.filter(deleted_at=None, expires_at__lte=clock.now()).update(deleted_at=clock.now())


def remove_deleted() -> int:
    """Take away what deleted recordings hold, and then their rows; how many.

    Raises:
        StoreAway: the rest waits for the next run.
    """
    store, removed = objects.opened(), 0
    for row in Recording.everywhere.filter(deleted_at__isnull=False).order_by("deleted_at")[:AT_ONCE]:
        store.delete(row.folder)
        row.delete()
        removed += 1
    return removed


def sweep_orphans() -> int:
    """Take away what belongs to no recording: a site's that is gone, a part of a worker that had lost its lease to a
    deletion; how many recordings' folders. A store that is away is no error: the next run tries again."""
    store, swept = objects.opened(), 0
    try:
        for site in store.folders(ROOT):
            for some in _batched(store.folders(site), AT_ONCE):
                for folder in _unknown(some):
                    swept += _swept(store, folder)
    except StoreAway as error:
        logger.warning("the search for objects of no recording was cut short: %s", error)
    return swept


def keep() -> None:
    """Expire and remove. A store that is away is no error: the next run tries again."""
    if expired := expire():
        logger.info("%d recordings have passed their time", expired)
    try:
        remove_deleted()
    except StoreAway as error:
        logger.warning("recordings wait for their deletion: %s", error)


def _unknown(folders: Sequence[str]) -> list[str]:
    """Those of them whose name is a recording's id, but of none that there is."""
    ids = {}
    for folder in folders:
        with suppress(ValueError):
            ids[UUID(folder.rstrip("/").rpartition("/")[2])] = folder
    known = set(Recording.everywhere.filter(pk__in=ids).values_list("pk", flat=True))
    return [folder for id_, folder in ids.items() if id_ not in known]


def _swept(store: ObjectStore, folder: str) -> bool:
    newest = max((stored.modified_at for stored in store.listed(folder)), default=None)
    if newest is not None and newest > clock.now() - ORPHAN_AFTER:
        return False
    logger.warning("objects of no recording are taken away: %s", folder)
    store.delete(folder)
    return True


def _batched(names: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(names)
    while batch := list(islice(iterator, size)):
        yield batch
