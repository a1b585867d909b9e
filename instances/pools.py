"""Warm pools: machines of a template that run before anybody asks, and how one of them becomes somebody's instance.

A member is a row of its own site from the first, so no other tenant was ever in it. It is in no list, stream, log and
quota until it is claimed, and its history begins with that. Its machine is made, watched and ended by the same steps
as every other.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from common import clock
from common.errors import PlatformError
from common.tenancy import site_scope
from instances import lifecycle, placing, startup, tasks, timelimits
from instances.models import Desired, Instance, Status, Template
from instances.models.template import SPEC_FIELDS, MachineSpec
from instances.providers.registry import Offer
from sites import quotas

logger = logging.getLogger(__name__)

AT_ONCE = 2
"""How many members of one pool are on their way up at a time: claims of the moment go first."""
FAILURES_ALLOWED = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 3600.0
_TEMPLATES_AT_ONCE = 200
_MADE_OF = ("instance_type", "provider", "region", "configuration", "startup_script")
"""What a machine is made of: where a request wants it otherwise, no member will do."""
_TAKEN_OVER = ("tools_enabled", "timeout_ms", "on_timeout", "idle_stop_minutes", "record")
_BREAKER = ["pool_failures", "pool_failed_at", "pool_open_until", "pool_reason"]
_ON_THE_WAY = (Status.PENDING, Status.PROVISIONING, Status.STARTING)


def members_of(site_id: UUID) -> QuerySet[Instance]:
    """The site's unclaimed machines that are to stay."""
    return Instance.of(site_id).filter(pooled=True, deleted_at=None).exclude(desired_state=Desired.DELETED)


def ready_of_template() -> Combinable:
    """For a query of templates: how many members of the newest version run, and wait for somebody."""
    rows: QuerySet[Instance] = QuerySet(model=Instance).filter(
        template_id=OuterRef("pk"), template_version=OuterRef("version")
    )
    rows = rows.filter(
        site_id=OuterRef("site_id"), pooled=True, deleted_at=None, status=Status.RUNNING, desired_state=Desired.RUNNING
    )
    return Coalesce(Subquery(rows.order_by().values("template_id").annotate(n=Count("pk")).values("n")), 0)


def claim(
    site_id: UUID, origin: Mapping[str, Any], spec: MachineSpec, wanted: Mapping[str, Any], who: Mapping[str, Any]
) -> Instance | None:
    """Make a running member somebody's instance, or None where there is none that fits.

    `origin` names template and version, `spec` is that version, `wanted` the spec with what the request says instead,
    `who` the columns that say whose it is.

    Call it in the transaction that answers: a member is locked until that ends and passed by meanwhile, so no two get
    the same. With variables of its own it is `starting` until its guest has them, else `running` at once.
    """
    if any(wanted[name] != getattr(spec, name) for name in _MADE_OF):
        return None
    ready = members_of(site_id).filter(**origin, status=Status.RUNNING)
    ready = ready.filter(desired_state=Desired.RUNNING, guest_lost_at=None).order_by("id")
    row = ready.select_for_update(skip_locked=True, no_key=True).first()
    if row is None:
        return None
    for column, value in {**who, **{name: wanted[name] for name in _TAKEN_OVER}}.items():
        setattr(row, column, value)
    _take(row, spec, wanted)
    row.save(using="default")
    return row


def due() -> list[tuple[UUID, UUID]]:
    """Templates whose pool is not as it should be, with their sites: one statement, however many machines run."""
    members = Instance.everywhere.filter(template_id=OuterRef("pk"), pooled=True, deleted_at=None).exclude(
        desired_state=Desired.DELETED
    )
    unfit = members.exclude(template_version=OuterRef("version")) | members.filter(_spent())
    size = Case(When(site__is_active=True, then=F("pool_size")), default=0)
    counted = members.order_by().values("template_id").annotate(n=Count("pk")).values("n")
    rows = Template.everywhere.filter(Q(pool_size__gt=0) | Exists(members)).alias(
        size=size,
        have=Coalesce(Subquery(counted), 0),
        unfit=Exists(unfit),
        up=Exists(members.filter(status=Status.RUNNING)),
    )
    may_fill = Q(have__lt=F("size")) & (Q(pool_open_until=None) | Q(pool_open_until__lte=clock.now()))
    mended = Q(pool_failures__gt=0, up=True)
    # In any order, so that one site with many pools that are never full keeps no other one's empty.
    rows = rows.filter(Q(unfit=True) | Q(have__gt=F("size")) | may_fill | mended).order_by("?")
    return list(rows.values_list("pk", "site_id")[:_TEMPLATES_AT_ONCE])


def refill(template_id: UUID, site_id: UUID) -> None:
    """Bring one pool closer to what it should be. Two at once, or again: never more than its size."""
    with site_scope(site_id):
        rows = Template.of(site_id).select_for_update(skip_locked=True, no_key=True, of=("self",))
        template = rows.filter(pk=template_id).select_related("site").first()
        if template is None:
            return
        members = list(members_of(site_id).filter(template_id=template_id).order_by("id"))
        _judge(template, members)
        size = template.pool_size if template.site.is_active else 0
        fit = [row for row in members if not _is_unfit(template, row)]
        _end([row for row in members if row not in fit] + fit[size:])
        if room := _room(template, fit, size):
            _fill(template, room)
        template.save(using="default", update_fields=_BREAKER)


def dissolve(site_id: UUID, template_id: UUID) -> None:
    """End all members of a template that goes; nobody would find one later, so those that are held are waited for."""
    members = members_of(site_id).filter(template_id=template_id).order_by("id")
    for row in members.select_for_update(no_key=True):
        _let_end(row)


def _take(row: Instance, spec: MachineSpec, wanted: Mapping[str, Any]) -> None:
    now = clock.now()
    variables = wanted["environment_variables"]
    row.pooled, row.created_at, row.started_at, row.expires_at = False, now, now, None
    row.startup_script = spec.startup_script
    lifecycle.record(row, "requested", status_to=Status.PENDING)
    if variables == spec.environment_variables:
        row.status_since = now
        timelimits.start_clock(row)
        lifecycle.record(row, "claimed", status_from=row.status, status_to=row.status)
        if row.startup_script and row.startup_boot_id != row.boot_id:
            row.startup_due_at = row.startup_due_at or now
    else:
        row.set_environment(variables)
        row.boot_id = ""  # its guest is greeted anew, with what it must know
        lifecycle.move(row, "claimed")
    startup.tell_report(row)
    _wake(row)


def _spent() -> Q:
    """In error, or older than a machine should be that somebody is about to get."""
    oldest = clock.now() - timedelta(hours=settings.POOL_MAX_AGE_HOURS)
    return Q(status=Status.ERROR) | Q(created_at__lt=oldest)


def _is_unfit(template: Template, row: Instance) -> bool:
    oldest = clock.now() - timedelta(hours=settings.POOL_MAX_AGE_HOURS)
    return row.status == Status.ERROR or row.created_at < oldest or row.template_version != template.version


def _judge(template: Template, members: Collection[Instance]) -> None:
    """The circuit breaker: repeated failures open it for longer and longer; one machine that runs closes it."""
    failed = [row for row in members if row.status == Status.ERROR]
    if failed:
        template.pool_failures += len(failed)
        template.pool_failed_at, template.pool_reason = clock.now(), failed[-1].status_reason
        if template.pool_failures >= FAILURES_ALLOWED:
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(template.pool_failures - FAILURES_ALLOWED, 10))
            template.pool_open_until = clock.in_s(pause_s)
    elif any(_runs_since(row, template) for row in members):
        template.pool_failures, template.pool_failed_at = 0, None
        template.pool_open_until, template.pool_reason = None, ""


def _runs_since(row: Instance, template: Template) -> bool:
    failed_at = template.pool_failed_at
    return row.status == Status.RUNNING and (failed_at is None or row.status_since > failed_at)


def _room(template: Template, fit: Collection[Instance], size: int) -> int:
    """How many members may be asked for now; after failures one at a time, and none while the breaker is open."""
    if template.pool_open_until and template.pool_open_until > clock.now():
        return 0
    on_the_way = sum(row.status in _ON_THE_WAY for row in fit)
    at_once = AT_ONCE if template.pool_failures < FAILURES_ALLOWED else 1
    return max(0, min(size - len(fit), at_once - on_the_way))


def _fill(template: Template, room: int) -> None:
    """Ask for members, or say why there can be none just now and leave the pool alone for a while."""
    try:
        place = placing.chosen(
            template.site_id,
            instance_type=template.instance_type,
            provider=template.provider,
            region=template.region,
        )
        allowed = _allowed(template.site_id, room)
    except PlatformError as error:
        template.pool_reason, template.pool_open_until = error.message, clock.in_s(_FIRST_PAUSE_S)
        return
    if not template.pool_failures:
        template.pool_reason, template.pool_open_until = "", None
    for _ in range(allowed):
        _make(template, place)


def _allowed(site_id: UUID, wanted: int) -> int:
    """So many of the wanted members as all pools of the site may have in addition: a member counts for no quota, but
    a site has no more of them than it may have instances.

    Raises:
        TooMany: none.
    """
    limit, have = quotas.locked(site_id).instances, members_of(site_id).count()
    quotas.must_fit("instances", limit=limit, used=have)
    return wanted if limit is None else min(wanted, limit - have)


def _make(template: Template, place: Offer) -> None:
    """A member has all of the spec but its time limits, which begin when it is claimed. A script that needs its user's
    variables waits for them."""
    spec = {name: getattr(template, name) for name in SPEC_FIELDS if name not in ("required_variables", "timeout_ms")}
    spec |= {"idle_stop_minutes": None, "on_timeout": "stop"}
    spec |= {"provider": place.name, "region": place.region}
    if template.required_variables:
        spec["startup_script"] = ""
    row = Instance(
        site_id=template.site_id,
        name=f"Pool of {template.name}"[:200],
        user_id=template.created_by_id,
        created_by_id=template.created_by_id,
        template_id=template.pk,
        template_version=template.version,
        pooled=True,
        status_since=clock.now(),
        deadline_at=clock.in_s(lifecycle.PENDING_WITHIN_S),
        look_again_at=clock.now(),
        **spec,
    )
    row.save(force_insert=True, using="default")
    transaction.on_commit(lambda: tasks.look_soon(row.pk))


def _end(rows: list[Instance]) -> None:
    """Have members deleted; one that is being claimed just now is let be, since it is locked."""
    if not rows:
        return
    still = members_of(rows[0].site_id).filter(pk__in=[row.pk for row in rows]).order_by("id")
    for row in still.select_for_update(skip_locked=True, no_key=True):
        _let_end(row)


def _let_end(row: Instance) -> None:
    row.desired_state, row.wish_reason = Desired.DELETED, "The pool does not need it any more."
    _wake(row)
    row.save(using="default")


def _wake(row: Instance) -> None:
    row.generation += 1
    row.look_again_at = clock.now()
    transaction.on_commit(lambda: tasks.look_soon(row.pk))
