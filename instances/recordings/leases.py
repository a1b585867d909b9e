"""Who makes a recording: claimed under a lease, written part by part and concluded, each under the lease's fence.

Whoever lost the lease writes nothing more. What crashes is taken up by another process once the lease is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from common import clock, objects
from common.realtime import watermark
from common.realtime.watermark import Mark
from common.tenancy import CREW
from instances import lifecycle, usage
from instances.models import LIVE, Instance, Log, Recording, RecordingPart, RecordingStatus, Status
from instances.recordings.ending import Ending, ending_of, interrupted
from instances.recordings.parts import ACTIONS_OF, Written
from sites import quotas

LEASE_S = 20.0
_WORTH_A_LOOK = (Status.RUNNING, Status.DELETING, Status.DELETED)
ACTIONS_AT_ONCE = 500
_NO_END = 2**63 - 1


class Lost(Exception):
    """The recording is another's by now, or was deleted: nothing more is to be written."""


@dataclass(slots=True)
class Held:
    """A recording that this process makes. `cursor` is the last entry of the log that it has."""

    row: Recording
    cursor: Mark

    @property
    def started_ms(self) -> float:
        assert self.row.started_at is not None
        return self.row.started_at.timestamp() * 1000

    def at_ms(self) -> int:
        """The present, in milliseconds from the recording's beginning."""
        return max(0, round(clock.now().timestamp() * 1000 - self.started_ms))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a recording stands: the machine to watch, where one runs, and its end, where that has come."""

    machine: str | None
    ending: Ending | None


def ask_for_due() -> int:
    """Write a recording for each run of an instance whose spec says `record` and that has none; how many those were."""
    running = Instance.everywhere.filter(record=True, status=Status.RUNNING, pooled=False, deleted_at=None)
    of_it = Recording.everywhere.filter(instance=OuterRef("pk"))
    running = running.filter(started_at__isnull=False).exclude(
        Exists(of_it.filter(Q(created_by=None, created_at__gte=OuterRef("started_at")) | _live()))
    )
    made = 0
    for instance in running.order_by("pk")[:100]:
        made += _ask_for(instance)
    return made


def claim(room: int) -> list[Held]:
    """Recordings to make from now on: those whose instance runs, and those that somebody's crash left behind."""
    if room <= 0:
        return []
    now = clock.now()
    with transaction.atomic(using=CREW):
        rows = Recording.everywhere.select_for_update(skip_locked=True, no_key=True, of=("self",))
        rows = rows.filter(_live()).filter(Q(lease_until=None) | Q(lease_until__lt=now))
        rows = rows.filter(Q(status=RecordingStatus.RECORDING) | Q(instance__status__in=_WORTH_A_LOOK))
        return [_taken(row) for row in rows.order_by("id")[:room]]


def standing(held: Held) -> Standing:
    """How it stands now; asked for again and again, it keeps the lease.

    Raises:
        Lost: the lease is another's, or the recording was deleted.
    """
    row = Recording.everywhere.select_related("instance", "site").filter(pk=held.row.pk, deleted_at=None).first()
    now = clock.now()
    if row is None or row.lease_token != held.row.lease_token or row.status not in LIVE:
        raise Lost
    end = ending_of(row, row.instance, now) or (None if row.site.is_active else interrupted("The site was suspended."))
    if row.lease_until is None or row.lease_until < now + timedelta(seconds=LEASE_S / 2):
        _fenced(held).update(lease_until=clock.in_s(LEASE_S))
        end = end or over_quota(row.site_id, using=CREW)
    return Standing(row.instance.machine if row.instance.status == Status.RUNNING else None, end)


def actions_after(held: Held, *, all_of_them: bool = False) -> list[Log]:
    """What was done on the instance after the last entry that it has, in the order of commits; some of it at a time.

    With `all_of_them`, at the end, also what an older transaction under way could still come before.
    """
    below = _NO_END if all_of_them else watermark.horizon(using=CREW)
    rows = Log.everywhere.filter(instance_id=held.row.instance_id, log_type__in=ACTIONS_OF)
    return list(watermark.between(rows, held.cursor, below)[:ACTIONS_AT_ONCE])


def store(held: Held, part: Written, *, cursor: Mark) -> None:
    """Keep a part: the object first, then its row, so that no row ever tells of bytes that are not there.

    Raises:
        Lost: the lease is another's; the object belongs to no row and goes with the recording.
        StoreFull, StoreAway: nothing was kept.
    """
    row = held.row
    number = row.parts + 1
    key = f"{row.folder}{number:06}-{row.lease_token}"
    objects.opened().put(key, part.content)
    with transaction.atomic(using=CREW):
        kept = _fenced(held).update(
            frames=F("frames") + len(part.index),
            actions=F("actions") + part.actions,
            bytes=F("bytes") + len(part.content),
            parts=number,
            cursor_xid=cursor.xid,
            cursor_id=cursor.id,
            lease_until=clock.in_s(LEASE_S),
        )
        if not kept:
            raise Lost
        RecordingPart(
            site_id=row.site_id,
            recording_id=row.pk,
            number=number,
            key=key,
            index=part.index,
            actions=part.actions,
            actions_at=part.actions_at,
            bytes=len(part.content),
        ).save(using=CREW, force_insert=True)
    row.parts, held.cursor = number, cursor


def note_gap(held: Held) -> None:
    """Count that pictures ceased although the recording goes on."""
    _fenced(held).update(gaps=F("gaps") + 1)


def conclude(held: Held, end: Ending) -> None:
    """End it, and say so in its instance's history. Another's recording is let be."""
    with transaction.atomic(using=CREW):
        row = _fenced(held).select_for_update().first()
        if row is not None:
            close(row, end, using=CREW)


def release(held: Held) -> None:
    """Give it back, for another process to go on at once."""
    _fenced(held).update(lease_until=None)


def close(row: Recording, end: Ending, *, using: str) -> None:
    """End a locked recording, in the transaction that is open on `using`."""
    now = clock.now()
    row.status, row.reason, row.ended_at, row.lease_until = end.status, end.reason, now, None
    row.expires_at = now + timedelta(days=settings.RECORDING_RETENTION_DAYS)
    row.save(using=using, update_fields=["status", "reason", "ended_at", "lease_until", "expires_at", "updated_at"])
    tell(row, "recording_ended", using=using, message=end.reason, status=row.status)


def tell(row: Recording, kind: str, *, using: str, message: str = "", **data: str) -> None:
    """An event in the history of the recording's instance."""
    instances = Instance.of(row.site_id).using(using).select_for_update(no_key=True)
    instance = instances.get(pk=row.instance_id)
    lifecycle.record(instance, kind, message=message, recording_id=str(row.pk), **data)
    instance.save(using=using, update_fields=["last_event"])


def over_quota(site_id: UUID, *, using: str) -> Ending | None:
    """The end of a recording whose site keeps as much as it may; None while there is room."""
    limit = quotas.recordings_mib_of(site_id)
    if limit is None or usage.recordings_mib(site_id, using=using) < limit:
        return None
    return interrupted(f"The site's quota of {limit} MiB of recordings is used up.")


def usual() -> dict[str, int]:
    """What a recording is made with where nobody says otherwise."""
    return {
        "max_fps": 2,
        "quality": 60,
        "max_minutes": settings.RECORDING_MINUTES_MAX,
        "max_mib": settings.RECORDING_MIB_MAX,
    }


def _ask_for(instance: Instance) -> int:
    row = Recording(site_id=instance.site_id, instance_id=instance.pk, **usual())
    try:
        with transaction.atomic(using=CREW):
            row.save(using=CREW, force_insert=True)
            if (end := over_quota(row.site_id, using=CREW)) is not None:
                close(row, end, using=CREW)
    except IntegrityError:  # another worker was sooner
        return 0
    return 1


def _taken(row: Recording) -> Held:
    row.lease_token += 1
    row.lease_until = clock.in_s(LEASE_S)
    if row.status == RecordingStatus.WAITING:
        tip = watermark.tip(using=CREW)
        row.status, row.started_at = RecordingStatus.RECORDING, clock.now()
        row.cursor_xid, row.cursor_id = tip.xid, tip.id
        tell(row, "recording_started", using=CREW)
    else:
        row.gaps += 1
    row.save(using=CREW)
    return Held(row, Mark(row.cursor_xid, row.cursor_id))


def _live() -> Q:
    return Q(status__in=LIVE, deleted_at=None)


def _fenced(held: Held) -> QuerySet[Recording]:
    return Recording.everywhere.filter(_live(), pk=held.row.pk, lease_token=held.row.lease_token)
