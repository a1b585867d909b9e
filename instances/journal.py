"""What the platform itself writes into an instance's log, and whom a new entry wakes."""

from __future__ import annotations

from uuid import UUID

from common.realtime.publish import nudge_on_commit
from instances.models import Event, Instance, Level, Log, LogType


def channels(site_id: UUID, *instance_ids: UUID) -> list[str]:
    """Whom to nudge about new entries: who follows one of these instances' logs, and who follows the whole site's."""
    return [*(f"logs:{instance_id}" for instance_id in instance_ids), f"site_logs:{site_id}"]


def log_failure(row: Instance, event: Event) -> None:
    """An event that somebody should see stands in the log as well, in the event's own transaction and by nobody."""
    using = row._state.db or "default"
    log = Log(
        site_id=row.site_id,
        instance_id=row.pk,
        log_type=LogType.SYSTEM,
        level=Level.ERROR,
        message=event.message or event.kind.replace("_", " "),
        details={"event": event.kind, "number": event.number, "status_from": event.status_from, "status": row.status},
        is_error=True,
    )
    log.save(using=using, force_insert=True)
    nudge_on_commit(*channels(row.site_id, row.pk), using=using)
