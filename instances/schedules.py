"""What may be asked about schedules, and what is done when one is due: each moment once, in one transaction with the
row that says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError, available_timezones

from django.db import transaction
from django.db.models import QuerySet

from common import clock
from common.errors import Invalid, NotFound, PlatformError
from common.tenancy import site_scope
from instances import extending, services, templates
from instances.models import Instance, Occurrence, Schedule, ScheduleAction, Status, Trigger
from instances.models import Outcome as Came
from instances.timing import NeverDue, next_of_cron, next_of_interval
from instances.usage import SHALL_RUN
from sites import audit
from sites.models import Membership, Site
from sites.principal import Principal
from sites.roles import effective_scopes

logger = logging.getLogger(__name__)

CAUGHT_UP_S = 60.0
"""So late, an occurrence was not just due: nobody could do it then."""
KEPT = timedelta(days=90)
_AT_ONCE = 200
_FIELDS = ("cron", "interval_s", "time_zone")


def schedules_of(principal: Principal) -> QuerySet[Schedule]:
    """The site's schedules, newest first."""
    principal.must("schedules:read")
    return Schedule.of(principal.site_id).order_by("-id")


def occurrences_of(principal: Principal, schedule_id: UUID) -> QuerySet[Occurrence]:
    """When a schedule was due and what came of it, newest first.

    Raises:
        NotFound: the site has no such schedule.
    """
    if not schedules_of(principal).filter(pk=schedule_id).exists():
        raise NotFound("No such schedule.")
    return Occurrence.of(principal.site_id).filter(schedule_id=schedule_id).order_by("-id")


def create_schedule(principal: Principal, **fields: Any) -> Schedule:
    """Write a schedule; it acts as the principal's user, so that one must be allowed what it will do.

    Raises:
        Forbidden: the principal may not write schedules and instances.
        Invalid: neither or both of cron and interval, an unknown zone or template, a moment that never comes.
    """
    _must(principal)
    with site_scope(principal.site_id):
        row = Schedule(site_id=principal.site_id, user_id=principal.user_id, **fields)
        _check(principal, row)
        row.next_at = _first(row)
        row.save(force_insert=True, using="default")
        audit.record(principal, "schedule.created", row)
        return row


def change_schedule(principal: Principal, schedule_id: UUID, **changes: Any) -> Schedule:
    """Change what is given; from then on it acts as whoever changed it. Pausing and resuming leave that as it was.

    Raises:
        NotFound, Forbidden, Invalid: nothing was changed.
    """
    _must(principal)
    with site_scope(principal.site_id):
        row = _locked(principal, schedule_id)
        for column, value in changes.items():
            setattr(row, column, value)
        if changes.keys() - {"paused"}:
            row.user_id = principal.user_id
        if changes != {"paused": True}:
            _check(principal, row)
        if changes.keys() & {*_FIELDS, "paused"}:
            row.next_at = _first(row)
        row.save(using="default")
        audit.record(principal, "schedule.changed", row, fields=sorted(changes))
        return row


def remove_schedule(principal: Principal, schedule_id: UUID) -> None:
    """Forget a schedule and its history; what it started goes on."""
    _must(principal)
    with site_scope(principal.site_id):
        row = _locked(principal, schedule_id)
        audit.record(principal, "schedule.deleted", row)
        row.delete(using="default")


def run_now(principal: Principal, schedule_id: UUID) -> Occurrence:
    """Do at once what it does when it is due, paused or not; when it is due next stays as it is.

    Raises:
        NotFound, Forbidden: nothing was done.
    """
    _must(principal)
    with site_scope(principal.site_id):
        row = _locked(principal, schedule_id)
        audit.record(principal, "schedule.run_requested", row)
        return _do(row, clock.now(), Trigger.ASKED)


def due() -> list[tuple[UUID, UUID]]:
    """Schedules that are due, on every site, with their sites; the longest due first."""
    rows = Schedule.everywhere.filter(paused=False, next_at__lte=clock.now()).order_by("next_at")
    return list(rows.values_list("pk", "site_id")[:_AT_ONCE])


def run(schedule_id: UUID, site_id: UUID) -> bool:
    """Do what one schedule is due to do; whether it was. Two at once, or again: no moment is done twice, and one that
    somebody holds is being done. What was missed while nobody could do it is caught up once."""
    now = clock.now()
    with site_scope(site_id):
        rows = Schedule.of(site_id).select_for_update(skip_locked=True, no_key=True)
        row = rows.filter(pk=schedule_id, paused=False, next_at__lte=now).first()
        if row is None or row.next_at is None:
            return False
        due_at = row.next_at
        row.next_at = _next_or_none(row, now, anchor=due_at)
        if Occurrence.of(site_id).filter(schedule_id=schedule_id, due_at=due_at).exists():
            row.save(using="default")  # a clock that was put back has shown this moment before
            return False
        late = now - due_at > timedelta(seconds=CAUGHT_UP_S)
        _do(row, due_at, Trigger.CATCH_UP if late else Trigger.DUE)
        Occurrence.of(site_id).filter(schedule_id=schedule_id, created_at__lt=now - KEPT).delete()
        return True


def _do(row: Schedule, due_at: datetime, trigger: Trigger) -> Occurrence:
    """Act for a locked schedule, and write down that and how; the caller's transaction makes it true or undoes it."""
    done: list[str] = []
    problems: list[str] = []
    try:
        orders = _ORDERS[row.action](row, _principal(row))
    except PlatformError as error:
        orders, problems = [], [error.message]
    for order in orders:
        _try(order, done, problems)
    found = Occurrence(
        site_id=row.site_id,
        schedule_id=row.pk,
        due_at=due_at,
        trigger=trigger,
        status=(Came.NOTHING, Came.DONE, Came.FAILED, Came.PARTLY)[bool(done) + 2 * bool(problems)],
        instance_ids=done,
        problems=problems,
    )
    found.save(force_insert=True, using="default")
    row.last_at = clock.now()
    row.save(using="default")
    return found


def _try(order: Callable[[], Instance], done: list[str], problems: list[str]) -> None:
    try:
        with transaction.atomic():
            done.append(str(order().pk))
    except PlatformError as error:
        if error.message not in problems:
            problems.append(error.message)


def _start(row: Schedule, principal: Principal) -> list[Callable[[], Instance]]:
    which = f"{row.template_id}@{row.template_version}" if row.template_version else str(row.template_id)
    return [lambda: services.request_instance(principal, name=row.name, template=which) for _ in range(row.count)]


def _stop(row: Schedule, principal: Principal) -> list[Callable[[], Instance]]:
    return [lambda pk=pk: services.request_stop(principal, pk) for pk in _targets(row).exclude(status=Status.ERROR)]  # type: ignore[misc]


def _extend(row: Schedule, principal: Principal) -> list[Callable[[], Instance]]:
    running = _targets(row).filter(status__in=(Status.RUNNING, Status.PAUSED))
    by_ms = row.timeout_ms
    return [lambda pk=pk: extending.request_extension(principal, pk, timeout_ms=by_ms) for pk in running]  # type: ignore[misc]


_ORDERS: dict[str, Callable[[Schedule, Principal], list[Callable[[], Instance]]]] = {
    ScheduleAction.START: _start,
    ScheduleAction.STOP: _stop,
    ScheduleAction.EXTEND: _extend,
}


def _targets(row: Schedule) -> QuerySet[Any]:
    """Every instance of the template, of whichever version, that is to run or is paused; none that waits in a pool."""
    rows = Instance.of(row.site_id).filter(template_id=row.template_id, desired_state__in=SHALL_RUN)
    return rows.filter(pooled=False, deleted_at=None).order_by("id").values_list("pk", flat=True)


def _principal(row: Schedule) -> Principal:
    """Whom the schedule acts for, with the role they have now.

    Raises:
        NotFound: they are no member of the site any more.
    """
    member = Membership.of(row.site_id).filter(user_id=row.user_id, user__is_active=True, site__is_active=True).first()
    if member is None:
        raise NotFound("Whoever wrote the schedule is no member of the site any more.")
    return Principal(row.site_id, row.user_id, member.role, effective_scopes(member.role, []), via="schedule")


def _must(principal: Principal) -> None:
    principal.must("schedules:write")
    principal.must("instances:write")
    principal.must("templates:read")


def _locked(principal: Principal, schedule_id: UUID) -> Schedule:
    row = Schedule.of(principal.site_id).select_for_update(no_key=True).filter(pk=schedule_id).first()
    if row is None:
        raise NotFound("No such schedule.")
    return row


def _check(principal: Principal, row: Schedule) -> None:
    if bool(row.cron) == (row.interval_s is not None):
        raise _invalid("cron", "Either this or interval_s.")
    if row.time_zone and row.time_zone not in available_timezones():
        raise _invalid("time_zone", "Not a time zone's name, such as Europe/Berlin.")
    templates.must_exist(principal, row.template_id, row.template_version)
    if row.timeout_ms is not None:
        extending.must_be_within(row.timeout_ms)


def _first(row: Schedule) -> datetime | None:
    now = clock.now()
    return _next(row, now, anchor=now)


def _next(row: Schedule, after: datetime, *, anchor: datetime) -> datetime | None:
    if row.paused:
        return None
    if row.interval_s:
        return next_of_interval(row.interval_s, after, anchor)
    zone = row.time_zone or Site.objects.get(pk=row.site_id).time_zone
    try:
        return next_of_cron(row.cron, after, zone)
    except NeverDue as error:
        raise _invalid("cron", str(error)) from error


def _next_or_none(row: Schedule, after: datetime, *, anchor: datetime) -> datetime | None:
    """A rule may hold no more, as when its zone is gone: then it is not due again until somebody changes it."""
    try:
        return _next(row, after, anchor=anchor)
    except (Invalid, ZoneInfoNotFoundError) as error:
        logger.warning("schedule %s is never due again: %s", row.pk, error)
        return None


def _invalid(field: str, problem: str) -> Invalid:
    return Invalid(f"{field}: {problem}", fields={field: [problem]})
