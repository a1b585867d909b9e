"""Machines that no instance owns: seen, reported, and destroyed where that is wished and certain.

A machine's name says its instance and incarnation, and an incarnation that has ended never comes back. So a machine is
an orphan for good once its instance is deleted, has gone on to another incarnation, or does not exist. All the same a
destruction waits for a second sighting and a time of grace, and is checked anew under the instance's lock.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from common import clock
from common.tenancy import CREW
from instances.models import Instance, Orphan, OrphanReason, Status
from instances.providers import registry
from instances.providers.base import Handle, Refused, Unreachable

logger = logging.getLogger(__name__)

SIGHTINGS = 2
OURS = frozenset({OrphanReason.DELETED, OrphanReason.SUPERSEDED, OrphanReason.UNKNOWN})
"""Reasons that hold for ever."""

_NAME = re.compile(r"([0-9a-f]{32})-([1-9][0-9]{0,8})")


def note(provider: str, listed: Collection[str], owned: Collection[str]) -> None:
    """Write down which of the machines `listed`, whole and from one provider, are not among those `owned`.

    Called twice, it counts two sightings. What was noted before and is listed no more is closed.
    """
    now = clock.now()
    suspects = {name: reason for name, reason in _reasons(set(listed) - set(owned)).items() if reason is not None}
    known = {row.machine: row for row in _open(provider)}
    for name, row in known.items():
        if name not in suspects:
            row.gone_at = now
        else:
            row.reason, row.last_seen_at, row.sightings = suspects[name], now, row.sightings + 1
        row.save(update_fields=["gone_at", "reason", "last_seen_at", "sightings"])
    for name in sorted(suspects.keys() - known.keys()):
        logger.warning("machine %s at %s belongs to no instance: %s", name, provider, suspects[name])
        Orphan(
            provider=provider, machine=name, instance_id=_parsed(name)[0], reason=suspects[name],
            first_seen_at=now, last_seen_at=now,
        ).save(using=CREW)  # fmt: skip


def destroy_due(provider: str, handles: Mapping[str, Handle]) -> int:
    """Destroy the orphans of one provider that are certain by now; how many. `handles` is the list they were seen in.

    A destruction that fails is tried again at the next sighting; the row says what its provider said.
    """
    due = [row for row in _open(provider) if is_due(row) and row.machine in handles]
    return sum(_destroy(row, handles[row.machine]) for row in due)


def is_due(row: Orphan) -> bool:
    """Whether nothing but the check under the lock is left before its destruction."""
    grace = timedelta(seconds=settings.ORPHAN_GRACE_S)
    return row.reason in OURS and row.sightings >= SIGHTINGS and row.last_seen_at - row.first_seen_at >= grace


def open_orphans() -> Iterable[Orphan]:
    """Those that are still there as far as we know, the oldest first."""
    return Orphan.everywhere.filter(gone_at=None).order_by("first_seen_at")


def _open(provider: str) -> list[Orphan]:
    return list(Orphan.everywhere.filter(provider=provider, gone_at=None))


def _reasons(names: Collection[str]) -> dict[str, OrphanReason | None]:
    """Why each machine is an orphan, or None for one that its instance owns after all."""
    parsed = {name: _parsed(name) for name in names}
    ids = {instance_id for instance_id, _ in parsed.values() if instance_id is not None}
    rows = {row.pk: row for row in Instance.everywhere.filter(pk__in=ids).only("incarnation", "status")} if ids else {}
    return {name: _reason(rows.get(pk) if pk else None, pk, incarnation) for name, (pk, incarnation) in parsed.items()}


def _reason(row: Instance | None, instance_id: UUID | None, incarnation: int) -> OrphanReason | None:
    if instance_id is None:
        return OrphanReason.FOREIGN
    if row is None:
        return OrphanReason.UNKNOWN
    if row.incarnation < incarnation:
        return OrphanReason.AHEAD
    if row.incarnation > incarnation:
        return OrphanReason.SUPERSEDED
    return OrphanReason.DELETED if row.status == Status.DELETED else None


def _parsed(name: str) -> tuple[UUID | None, int]:
    found = _NAME.fullmatch(name)
    return (UUID(found[1]), int(found[2])) if found else (None, 0)


def _destroy(orphan: Orphan, handle: Handle) -> bool:
    if not _condemned(orphan):
        return False
    fault = ""
    try:
        registry.provider(orphan.provider).destroy(handle)
    except (Unreachable, Refused) as error:
        fault = f"{type(error).__name__}: {error}"[:300]
    logger.warning("orphan %s at %s: %s", orphan.machine, orphan.provider, fault or "destruction asked for")
    Orphan.everywhere.filter(pk=orphan.pk).update(fault=fault)
    return not fault


def _condemned(orphan: Orphan) -> bool:
    """Check once more while nobody can change the instance, and write the decision down before anything is done."""
    with transaction.atomic(using=CREW):
        row = Orphan.everywhere.select_for_update().get(pk=orphan.pk)
        instance_id, incarnation = _parsed(row.machine)
        instance = Instance.everywhere.select_for_update().filter(pk__in=[instance_id]).first()
        if row.gone_at is not None or _reason(instance, instance_id, incarnation) not in OURS:
            return False
        row.destroy_sent_at = clock.now()
        row.save(update_fields=["destroy_sent_at"])
        return True
