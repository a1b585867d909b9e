"""How much a site may have and do at once: its limits, the lock under which they are checked, and the refusal.

What is counted lies further up: callers lock the site here, count their own rows, and ask here whether there is room.
So there are no counters that could drift. Actions are counted in Redis, by the minute.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connections

from common import windows
from common.errors import NotFound, TooMany
from common.tenancy import execute_in_site
from common.windows import Verdict, Window

ASK_AGAIN_IN_S = 30.0
REMEMBERED_S = 10.0
_REMEMBERED_MAX = 10_000
_NAMES = ("instances", "running", "provisioning", "actions_a_minute", "recordings_mib")
_COLUMNS = ", ".join([*(f"quota_{name}" for name in _NAMES), "quota_per_type::text"])
_READ = f"SELECT {_COLUMNS} FROM sites_site WHERE id = %s"  # noqa: S608 - names of our own
_LOCK = f"{_READ} FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Limits:
    """The site's own limits over the platform's; None: no limit."""

    instances: int | None
    running: int | None
    provisioning: int | None
    actions_a_minute: int | None
    recordings_mib: int | None
    per_type: Mapping[str, int]


def locked(site_id: UUID, *, using: str = "default") -> Limits:
    """The site's limits, and its lock until the transaction on `using` ends: what is counted now stays true.

    Whoever locks a row of the site as well, locks that first.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_LOCK, [site_id])
        return _limits(cursor.fetchone())


def limits_of(site_id: UUID) -> Limits:
    """The site's limits as they are now, without a lock. Raises `NotFound`: the site has gone."""
    rows = execute_in_site(site_id, _READ, [site_id])
    if not rows:
        raise NotFound()
    return _limits(rows[0])


def must_fit(quota: str, *, limit: int | None, used: int) -> None:
    """Return when one more fits in.

    Raises:
        TooMany: it does not; `details` names the quota, its limit and what is used of it.
    """
    if limit is not None and used >= limit:
        message = f"The site's quota of {limit} is used up: {quota.replace('_', ' ')}."
        raise TooMany(message, code="QUOTA_EXCEEDED", retry_after_s=ASK_AGAIN_IN_S, quota=quota, limit=limit, used=used)


def spend_action(site_id: UUID) -> None:
    """Count one action of the site. A changed limit takes effect within ten seconds.

    Raises:
        TooMany: the last minute had as many as it may have.
    """
    window = action_window(site_id, recent(site_id))
    must_have_room(None if window is None else windows.spend([window]))


def action_window(site_id: UUID, limits: Limits) -> Window | None:
    """What an action of the site counts in; None where nothing limits them."""
    return None if limits.actions_a_minute is None else _actions(site_id, limits.actions_a_minute)


def remembered(site_id: UUID) -> Limits | None:
    """`recent`, where nobody is to be asked for them; else None."""
    known = _remembered.get(site_id)
    return known[1] if known is not None and known[0] > time.monotonic() else None


def recent(site_id: UUID) -> Limits:
    """The site's limits as they were at most ten seconds ago. Raises `NotFound`: the site has gone."""
    limits = remembered(site_id)
    if limits is None:
        limits = limits_of(site_id)
        if len(_remembered) >= _REMEMBERED_MAX:
            _remembered.clear()
        _remembered[site_id] = time.monotonic() + REMEMBERED_S, limits
    return limits


def must_have_room(verdict: Verdict | None) -> None:
    """Return when the `action_window` had room for one more.

    Raises:
        TooMany: the last minute had as many as it may have.
    """
    if verdict is not None and not verdict.allowed:
        standing = verdict.tightest
        raise TooMany(
            f"The site's quota of {standing.window.limit} actions a minute is used up.",
            code="QUOTA_EXCEEDED",
            retry_after_s=standing.room_in_s,
            quota="actions_a_minute",
            limit=standing.window.limit,
            used=standing.used,
        )


def recordings_mib_of(site_id: UUID) -> int | None:
    """How much the site's recordings may take. A changed limit takes effect within ten seconds."""
    return recent(site_id).recordings_mib


def actions_of_last_minute(site_id: UUID, limits: Limits) -> int | None:
    """How many actions count just now; None where nobody knows, because Redis is away or nothing is limited."""
    if limits.actions_a_minute is None:
        return None
    verdict = windows.spend([_actions(site_id, limits.actions_a_minute)], cost=0)
    return None if verdict is None else verdict.tightest.used


def _actions(site_id: UUID, limit: int | None) -> Window:
    return Window(f"actions:{site_id}", limit or 0, 60)


_remembered: dict[UUID, tuple[float, Limits]] = {}


def _limits(row: tuple[Any, ...]) -> Limits:
    *own, per_type = row
    chosen = {name: settings.QUOTAS[name] if mine is None else mine for name, mine in zip(_NAMES, own, strict=True)}
    return Limits(**chosen, per_type={**settings.QUOTAS["per_type"], **orjson.loads(per_type)})
