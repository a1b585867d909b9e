"""`instances.perform.act` for the event loop, and for actions that change nothing but the machine."""

from __future__ import annotations

import asyncio
from uuid import UUID

from django.conf import settings

from common.errors import PlatformError, Unavailable
from common.lines import postgres
from common.lines.postgres import numbered, text
from common.realtime.publish import nudge_from_loop
from guest.protocol.actions import AnyAction
from instances import actionrows, logwords, ports, telemetry
from instances.guestlink import Answer
from instances.journal import channels
from instances.perform import RESTARTED, Done, asking
from instances.quick import known
from sites.principal import Principal

_WRITE = numbered(actionrows.WRITE)


async def act(principal: Principal, instance_id: UUID, action: AnyAction) -> Done:
    """Do it, and write it into the log; also where the task is cancelled while the machine works.

    Raises:
        PlatformError: as `perform.act`, but for who may and how often, which is known already.
    """
    running = known.of_this_loop()
    machine = await running.machine(principal.site_id, instance_id)
    try:
        with telemetry.action(logwords.tag(action)), asking():
            answer = await ports.guests().act_soon(machine, action)
    except PlatformError as error:
        running.forget(principal.site_id, instance_id)
        await _write(principal, instance_id, action, error=error)
        raise
    except asyncio.CancelledError:  # the process ends, and nobody will hear whether the machine has done it
        await _write(principal, instance_id, action, error=Unavailable(RESTARTED))
        raise
    return Done(answer, await _write(principal, instance_id, action, answer=answer))


async def _write(
    principal: Principal,
    instance_id: UUID,
    action: AnyAction,
    *,
    answer: Answer | None = None,
    error: PlatformError | None = None,
) -> UUID:
    log_id, told = actionrows.told_of(principal, instance_id, action, answer=answer, error=error)
    await postgres.of_this_loop().write_in_site(
        principal.site_id,
        _WRITE,
        [text(value) for value in told],
        waits_for_disk=settings.ACTION_LOG_WAITS_FOR_DISK,
    )
    nudge_from_loop(*channels(principal.site_id, instance_id))
    return log_id
