"""When a recording is over, and why: arithmetic over its row and its instance's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from instances.models import Instance, Recording, RecordingStatus, Status

MIB = 1024 * 1024
_DOWN = {
    Status.STOPPING: "The instance was stopped.",
    Status.STOPPED: "The instance was stopped.",
    Status.DELETING: "The instance was deleted.",
    Status.DELETED: "The instance was deleted.",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a recording ends."""

    status: RecordingStatus
    reason: str


def finished(reason: str) -> Ending:
    return Ending(RecordingStatus.FINISHED, reason)


def interrupted(reason: str) -> Ending:
    return Ending(RecordingStatus.INTERRUPTED, reason)


def ending_of(row: Recording, instance: Instance, now: datetime) -> Ending | None:
    """The end of a recording that is under way, or None: it goes on."""
    if row.stop_asked_at is not None:
        return finished("Somebody ended it.")
    if instance.status in _DOWN:
        return finished(_DOWN[Status(instance.status)])
    if instance.status == Status.ERROR and not instance.begins_anew:
        return interrupted(f"The instance failed. {instance.status_reason}".strip())
    if row.bytes >= row.max_mib * MIB:
        return finished(f"It is as large as it may become: {row.max_mib} MiB.")
    if row.started_at is not None and now >= row.started_at + timedelta(minutes=row.max_minutes):
        return finished(f"It is as long as it may become: {row.max_minutes} minutes.")
    return None
