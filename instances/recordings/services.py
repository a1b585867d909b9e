"""What may be asked about recordings: begin one, end it, delete it, read them. Threads of the worker make them."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from kombu.exceptions import OperationalError

from common import clock
from common.errors import Conflict, Invalid, NotFound
from common.tenancy import site_scope
from instances import selectors, usage
from instances.models import LIVE, Desired, Recording, RecordingStatus
from instances.recordings import leases
from instances.recordings.ending import finished
from sites import audit, quotas
from sites.principal import Principal

logger = logging.getLogger(__name__)

TASK = "instances.record"
_WORTH_S = 10.0


def recordings_of(principal: Principal, *, instance_id: UUID | None = None) -> QuerySet[Recording]:
    """The site's recordings, newest first, or one instance's, which may be deleted by now.

    Raises:
        NotFound: the site never had this instance.
    """
    principal.must("recordings:read")
    rows = Recording.of(principal.site_id).filter(deleted_at=None).order_by("-id")
    if instance_id is None:
        return rows
    with site_scope(principal.site_id):
        selectors.instance_of(principal, instance_id, with_deleted=True)
    return rows.filter(instance_id=instance_id)


def recording_of(principal: Principal, recording_id: UUID) -> Recording:
    """One of them.

    Raises:
        NotFound: the site has no such recording.
    """
    with site_scope(principal.site_id):
        found = recordings_of(principal).filter(pk=recording_id).first()
    if found is None:
        raise NotFound("No such recording.")
    return found


def request_recording(principal: Principal, instance_id: UUID, **wanted: int) -> Recording:
    """Have an instance recorded: from now on where it runs, else from when it does.

    `wanted` is any of `max_fps`, `quality`, `max_minutes`, `max_mib`.

    Raises:
        Conflict: a recording is under way, or the instance is being deleted.
        Invalid: longer or larger than the platform's recordings may be.
        TooMany: the site's recordings take as much as they may.
    """
    principal.must("recordings:write")
    _must_be_within(wanted)
    with site_scope(principal.site_id):
        instance = selectors.locked_instance(principal, instance_id)
        if instance.desired_state == Desired.DELETED:
            raise Conflict("The instance is being deleted.", status=instance.status)
        live = Recording.of(principal.site_id).filter(instance=instance, status__in=LIVE, deleted_at=None).first()
        if live is not None:
            raise Conflict("It is being recorded already.", code="RECORDING_UNDER_WAY", recording_id=str(live.pk))
        limit = quotas.limits_of(principal.site_id).recordings_mib
        quotas.must_fit("recordings_mib", limit=limit, used=usage.recordings_mib(principal.site_id))
        row = Recording(
            site_id=principal.site_id,
            instance_id=instance.pk,
            created_by_id=principal.user_id,
            **{**leases.usual(), **wanted},
        )
        row.save(using="default", force_insert=True)
        audit.record(principal, "recording.started", row, instance_id=str(instance.pk))
        transaction.on_commit(_nudge)
        return row


def request_end(principal: Principal, recording_id: UUID) -> Recording:
    """Have a recording ended, within a second or two; one that has ended is success.

    Raises:
        NotFound: the site has no such recording.
    """
    principal.must("recordings:write")
    with site_scope(principal.site_id):
        row = _locked(principal, recording_id)
        if row.status == RecordingStatus.WAITING:
            leases.close(row, finished("Somebody ended it before it had begun."), using="default")
        elif row.status == RecordingStatus.RECORDING and row.stop_asked_at is None:
            row.stop_asked_at = clock.now()
            row.save(using="default", update_fields=["stop_asked_at", "updated_at"])
        else:
            return row
        audit.record(principal, "recording.stopped", row, instance_id=str(row.instance_id))
        return row


def delete_recording(principal: Principal, recording_id: UUID) -> None:
    """Show it no more, and have its objects taken away; one under way ends with it.

    Raises:
        NotFound: the site has no such recording.
    """
    principal.must("recordings:write")
    with site_scope(principal.site_id):
        row = _locked(principal, recording_id)
        if row.status in LIVE:
            leases.close(row, finished("It was deleted."), using="default")
        row.deleted_at = clock.now()
        row.save(using="default", update_fields=["deleted_at", "updated_at"])
        audit.record(principal, "recording.deleted", row, instance_id=str(row.instance_id))


def _locked(principal: Principal, recording_id: UUID) -> Recording:
    row = recordings_of(principal).select_for_update(no_key=True).filter(pk=recording_id).first()
    if row is None:
        raise NotFound("No such recording.")
    return row


def _must_be_within(wanted: dict[str, Any]) -> None:
    for name, most in (("max_minutes", settings.RECORDING_MINUTES_MAX), ("max_mib", settings.RECORDING_MIB_MAX)):
        if wanted.get(name, 0) > most:
            raise Invalid(f"{name}: At most {most} here.", fields={name: [f"At most {most} here."]})


def _nudge() -> None:
    try:
        current_app.send_task(TASK, expires=_WORTH_S)
    except OperationalError as error:
        logger.warning("broker is away, the recording waits for its sweep: %s", error)
