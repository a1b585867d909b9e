"""Writing into logs, one entry or a thousand in one statement, and how an entry looks to clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from common import clock
from common.api.renderers import moment
from common.errors import NotFound
from common.ids import new_id
from common.realtime.publish import nudge_on_commit
from common.tenancy import site_scope
from instances.entries import Entry, PlacedEntry, refused
from instances.journal import channels
from instances.models import Instance, Log
from sites.principal import Principal

# The ids as an array and the entries as one document: one parameter each, however many rows.
_INSERT = """
INSERT INTO instances_log (
    id, instance_id, site_id, user_id, agent_id, created_at, parent_log_id, log_type, level, message, details,
    tool_name, tool_call_id, tool_args, tool_result, is_error, duration_ms, tokens_used, artifacts
)
SELECT e.id, e.instance_id, %s, %s, %s, %s, e.parent_log, e.log_type, e.level, e.message, e.details,
    e.tool_name, e.tool_call_id, e.tool_args, e.tool_result, e.is_error, e.duration_ms, e.tokens_used, e.artifacts
FROM ROWS FROM (unnest(%s::uuid[]), unnest(%s::uuid[]), json_to_recordset(%s::json) AS (
    parent_log uuid, log_type text, level text, message text, details jsonb, tool_name text, tool_call_id text,
    tool_args jsonb, tool_result jsonb, is_error boolean, duration_ms double precision, tokens_used jsonb,
    artifacts jsonb
)) AS e(id, instance_id, parent_log, log_type, level, message, details, tool_name, tool_call_id, tool_args, tool_result,
    is_error, duration_ms, tokens_used, artifacts)
"""


def write_entries(principal: Principal, instance_id: UUID, entries: Sequence[Entry], *, bulk: bool) -> list[UUID]:
    """Add entries to one instance's log, in the principal's name; their ids, in order. All are written or none.

    `bulk` says that a list was sent, so that a refusal names the entry's place in it.

    Raises:
        NotFound: no such instance.
        Invalid: a parent entry is not one of this instance's.
    """
    principal.must("logs:write")
    with site_scope(principal.site_id):
        if not _known(principal, {instance_id}):
            raise NotFound("No such instance.")
        return _write(principal, [instance_id] * len(entries), entries, bulk=bulk)


def write_placed_entries(principal: Principal, entries: Sequence[PlacedEntry], *, bulk: bool) -> list[UUID]:
    """The same for entries about several instances of the site.

    Raises:
        Invalid: the site has no such instance, or a parent entry is of another one.
    """
    principal.must("logs:write")
    places = [entry.instance_id for entry in entries]
    with site_scope(principal.site_id):
        known = _known(principal, set(places))
        for index, place in enumerate(places):
            if place not in known:
                raise refused("No such instance.", index=index if bulk else None, field="instance_id")
        return _write(principal, places, entries, bulk=bulk)


def as_json(log: Log) -> dict[str, Any]:
    """An entry as clients see it, in lists and in streams alike; LogSerializer describes it."""
    return {
        "id": str(log.pk),
        "site_id": str(log.site_id),
        "instance_id": str(log.instance_id),
        "user_id": _text(log.user_id),
        "agent_id": _text(log.agent_id),
        "parent_log": _text(log.parent_log_id),
        "log_type": log.log_type,
        "level": log.level,
        "message": log.message,
        "details": log.details,
        "tool_name": log.tool_name,
        "tool_call_id": log.tool_call_id,
        "tool_args": log.tool_args,
        "tool_result": log.tool_result,
        "is_error": log.is_error,
        "duration_ms": log.duration_ms,
        "tokens_used": log.tokens_used,
        "artifacts": log.artifacts,
        "created_at": moment(log.created_at),
    }


def _write(principal: Principal, places: list[UUID], entries: Sequence[Entry], *, bulk: bool) -> list[UUID]:
    _check_parents(principal, places, entries, bulk=bulk)
    ids = [new_id() for _ in entries]
    document = msgspec.json.encode(entries).decode()
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [principal.site_id, principal.user_id, principal.agent_id, clock.now(), ids, places, document],
        )
    nudge_on_commit(*channels(principal.site_id, *dict.fromkeys(places)))
    return ids


def _check_parents(principal: Principal, places: list[UUID], entries: Sequence[Entry], *, bulk: bool) -> None:
    wanted = {entry.parent_log for entry in entries if entry.parent_log}
    if not wanted:
        return
    found = dict(Log.of(principal.site_id).filter(pk__in=wanted).values_list("pk", "instance_id"))
    for index, (place, entry) in enumerate(zip(places, entries, strict=True)):
        if entry.parent_log and found.get(entry.parent_log) != place:
            problem = "No such entry in this instance's log."
            raise refused(problem, index=index if bulk else None, field="parent_log")


def _known(principal: Principal, instance_ids: set[UUID]) -> set[UUID]:
    """Those of the ids that are instances of the site. It takes no right to read them to write about them."""
    rows = Instance.of(principal.site_id).filter(pk__in=instance_ids, deleted_at=None, pooled=False)
    return set(rows.values_list("pk", flat=True))


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
