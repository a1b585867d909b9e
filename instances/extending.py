"""How an instance's end is put off: by somebody who asks for more time, and by those who use it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from common import clock
from common.errors import Conflict, Invalid
from common.tenancy import execute_in_site, site_scope
from instances import lifecycle, selectors, timelimits
from instances.models import Desired, Instance, Status
from sites import audit
from sites.principal import Principal

ACTIVE_AT_MOST_S = 3600.0
"""How far ahead anybody may say that an instance is in use."""
_RUNS = (Status.RUNNING, Status.PAUSED)
_WISHED = (Desired.RUNNING, Desired.PAUSED)

_ACTIVE = """
UPDATE instances_instance SET active_until = %s
WHERE site_id = %s AND id = ANY(%s) AND (active_until IS NULL OR active_until < %s)
"""


def request_extension(principal: Principal, instance_id: UUID, *, timeout_ms: int | None = None) -> Instance:
    """Let it run for so long from now on; by default, for its whole time limit again. It is activity as well.

    An end that is further off stays, and so does having none; asking twice adds nothing twice.

    Raises:
        Forbidden, NotFound: as for every change of the instance.
        Conflict: it does not run, or is not to run on.
        Invalid: longer than the platform lets any instance run.
    """
    principal.must("instances:write")
    if timeout_ms is not None:
        must_be_within(timeout_ms)
    with site_scope(principal.site_id):
        row = selectors.locked_instance(principal, instance_id)
        if row.status not in _RUNS or row.desired_state not in _WISHED:
            message = f"Only what runs can be given more time; this one is {row.status}."
            raise Conflict(message, status=row.status, desired_state=row.desired_state)
        _extend(row, timeout_ms or row.timeout_ms)
        audit.record(principal, "instance.extension_requested", row)
        return row


def keep_active(site_id: UUID, *instance_ids: UUID, until: datetime) -> None:
    """Say that somebody uses these instances until then: a running plan, a person who watches the screen.

    One cheap statement without a lock that waits or an event, to be repeated before `until` comes. It never brings
    the moment nearer, and reaches `ACTIVE_AT_MOST_S` ahead at most. Ids of other sites, or of nothing, are no matter.
    """
    until = min(until, clock.in_s(ACTIVE_AT_MOST_S))
    execute_in_site(site_id, _ACTIVE, [until, site_id, list(instance_ids), until])


def usual_limits() -> dict[str, int | None]:
    """The time limits of what does not say its own."""
    return {
        "timeout_ms": round(settings.TIMEOUT_HOURS * timelimits.HOUR_MS) or None,
        "idle_stop_minutes": settings.IDLE_STOP_MINUTES or None,
    }


def must_be_within(timeout_ms: int | None) -> None:
    """Raises Invalid where the platform's operator lets no instance run for so long."""
    most = settings.TIMEOUT_HOURS_MAX
    if most and (timeout_ms is None or timeout_ms > most * timelimits.HOUR_MS):
        problem = f"At most {most:g} hours here, and not without a limit."
        raise Invalid(f"timeout_ms: {problem}", fields={"timeout_ms": [problem]})


def _extend(row: Instance, timeout_ms: int | None) -> None:
    now = clock.now()
    row.active_until = max(row.active_until or now, now)
    if row.expires_at is not None and timeout_ms is not None:
        wished = now + timedelta(milliseconds=timeout_ms)
        if wished > row.expires_at:
            row.expires_at = wished
            lifecycle.record(row, "extended", expires_at=wished.isoformat())
    row.save()
