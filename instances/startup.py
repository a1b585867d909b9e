"""The start-up script: what an instance runs when its machine is up, once each time it comes up. It delays nobody."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction

from common import clock
from common.realtime.publish import nudge_on_commit
from common.tenancy import CREW
from common.text import storable
from guest.protocol.actions import Bash
from guest.protocol.results import Shell
from instances import journal, lifecycle, ports
from instances.guestlink import GuestBusy, GuestRefused, GuestTimedOut, GuestUnreachable
from instances.models import Instance, Level, Log, LogType, Status

logger = logging.getLogger(__name__)

WITHIN_S = 240.0
"""How long a script may take; the rest of its work it must leave behind in the background."""
KEPT_CHARACTERS = 8_000
_AT_ONCE = 100
_LOST = "The worker that ran it was lost: it may have run in part."


def due() -> list[UUID]:
    """Instances whose script is to run, or was not seen to end."""
    rows = Instance.everywhere.filter(startup_due_at__lte=clock.now()).order_by("startup_due_at")
    return list(rows.values_list("pk", flat=True)[:_AT_ONCE])


def run(instance_id: UUID) -> None:
    """Run an instance's script, if it is due, and write down what came of it. It is never begun twice for one boot:
    a script whose worker died in the middle is told of as failed."""
    instance = _begin(instance_id)
    if instance is None:
        return
    try:
        answer = ports.guests().act(instance.machine, Bash(instance.startup_script, timeout_s=WITHIN_S))
    except (GuestUnreachable, GuestTimedOut, GuestBusy, GuestRefused) as error:
        logger.warning("instance %s: start-up script: %s", instance_id, error)
        _end(instance, problem=f"The machine did not run it: {error}")
        return
    shell = answer.result.shell or Shell(stdout="", stderr="", exit_code=None)
    _end(instance, shell=shell, problem=_problem(shell))


def _begin(instance_id: UUID) -> Instance | None:
    with transaction.atomic(using=CREW):
        row = Instance.everywhere.select_for_update().filter(pk=instance_id, startup_due_at__lte=clock.now()).first()
        if row is None:
            return None
        begun = row.startup_boot_id == row.boot_id != ""  # no boot: it is claimed or mended, and not up yet
        if begun:
            _tell(row, problem=_LOST)
        if begun or row.status != Status.RUNNING:
            row.startup_due_at = None
        else:
            row.startup_boot_id = row.boot_id
            row.startup_due_at = clock.in_s(WITHIN_S + 60)
            lifecycle.record(row, "startup_began")
        row.save(update_fields=["startup_due_at", "startup_boot_id", "startup_report", "last_event"])
        return None if row.startup_due_at is None else row


def _end(instance: Instance, *, problem: str, shell: Shell | None = None) -> None:
    with transaction.atomic(using=CREW):
        row = Instance.everywhere.select_for_update().get(pk=instance.pk)
        if row.startup_boot_id != instance.startup_boot_id or row.startup_due_at is None:
            return  # it came up anew meanwhile, or was given up
        _tell(row, problem=problem, shell=shell)
        row.startup_due_at = None
        row.save(update_fields=["startup_due_at", "startup_report", "last_event"])


def _problem(shell: Shell) -> str:
    if shell.timed_out:
        return f"It took longer than {WITHIN_S:.0f} seconds and was ended."
    return "" if shell.exit_code == 0 else f"It ended with code {shell.exit_code}."


def _tell(row: Instance, *, problem: str, shell: Shell | None = None) -> None:
    """Note how a script ended, and say so to whose instance it is; a pool's member is told of at its claim."""
    output = {"stdout": _clean(shell.stdout), "stderr": _clean(shell.stderr)} if shell else {}
    result = {"exit_code": shell.exit_code if shell else None, **output}
    row.startup_report = {"problem": storable(problem), "result": result}
    if not row.pooled:
        tell_report(row)


def tell_report(row: Instance) -> None:
    """The event and the log entry of the end of a locked row's script, where one has ended that nobody was told of;
    output goes into the log only. The caller saves the row."""
    if row.startup_report is None:
        return
    problem, result = row.startup_report["problem"], row.startup_report["result"]
    row.startup_report = None
    kind, using = ("startup_failed" if problem else "startup_finished"), row._state.db or "default"
    lifecycle.record(row, kind, message=problem and f"Start-up script: {problem}", exit_code=result["exit_code"])
    log = Log(
        site_id=row.site_id,
        instance_id=row.pk,
        log_type=LogType.SYSTEM,
        level=Level.ERROR if problem else Level.INFO,
        message=f"Start-up script: {problem or 'done.'}",
        tool_name="startup_script",
        tool_result=result,
        is_error=bool(problem),
    )
    log.save(using=using, force_insert=True)
    nudge_on_commit(*journal.channels(row.site_id, row.pk), using=using)


def _clean(text: str) -> str:
    return storable(text[-KEPT_CHARACTERS:])
