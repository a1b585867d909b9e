"""What an action asks of PostgreSQL: a look at the instance before, and the log row and the counters after."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from common import clock, logs
from common.errors import Conflict, NotFound, PlatformError
from common.ids import new_id
from guest.protocol.actions import AnyAction, Screenshot
from instances import logwords
from instances.guestlink import Answer
from instances.models import Level, LogType, Status
from instances.models.instance import machine_name
from sites.principal import Principal

# By hand, and each planned once and in one round trip: between them lies a click, which takes half a millisecond.
LOOK = """
SELECT CASE WHEN desired_state = 'deleted' THEN 'deleting' ELSE status END, incarnation FROM instances_instance
WHERE site_id = %s AND id = %s AND deleted_at IS NULL AND NOT pooled
"""
WRITE = """
WITH told AS (
    INSERT INTO instances_log (
        id, created_at, site_id, instance_id, user_id, agent_id, log_type, level, message, tool_name, tool_args,
        tool_result, is_error, duration_ms, details, tool_call_id, tokens_used, artifacts
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '{}', '', '{}', '[]')
)
UPDATE instances_instance SET
    last_activity_at = %s,
    last_screenshot_at = coalesce(%s, last_screenshot_at),
    total_commands_executed = total_commands_executed + 1
WHERE site_id = %s AND id = %s
"""


def machine_of(instance_id: UUID, status: str | None, incarnation: int) -> str:
    """The machine's name, by what `LOOK` has found; no status where it found nothing.

    Raises:
        NotFound: there is none.
        Conflict: it is not running.
    """
    if status is None:
        raise NotFound("No such instance.")
    logs.about(instance_id=instance_id, incarnation=incarnation)
    if status != Status.RUNNING:
        raise Conflict(f"The instance is {status}, not running.", status=status)
    return machine_name(instance_id, incarnation)


def told_of(
    principal: Principal,
    instance_id: UUID,
    action: AnyAction,
    *,
    answer: Answer | None = None,
    error: PlatformError | None = None,
) -> tuple[UUID, list[Any]]:
    """The log row's id, and the values of `WRITE`."""
    log_id, now = new_id(), clock.now()
    result = logwords.summary(answer) if answer else {"code": error.code if error else ""}
    told: list[Any] = [
        *(log_id, now, principal.site_id, instance_id, principal.user_id, principal.agent_id),
        (LogType.AGENT_ACTION if principal.agent_id else LogType.USER_ACTION).value,
        (Level.ERROR if error else Level.INFO).value,
        logwords.refusal(error) if error else logwords.sentence(action),
        logwords.tag(action),
        *(json.dumps(logwords.arguments(action)), json.dumps(result)),
        *(error is not None, answer.took_ms if answer else None),
    ]
    seen_at: datetime | None = now if isinstance(action, Screenshot) and answer else None
    return log_id, [*told, now, seen_at, principal.site_id, instance_id]
