"""How a machine's keeper is found and ended from outside: never by a process id that may be somebody else's by now."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from instances.providers.local import limits
from instances.providers.local.rundir import RunDirectory, Status, started

_WITHIN_S = 3.0
_LOOK_AGAIN_S = 0.002


def end_keeper(run: RunDirectory, *, gently: bool = False) -> bool:
    """End the keeper, at once with all of its machine, or gently: it then shuts the machine down in its own time.

    True when no keeper and no process of the machine is left; gently, it only says whether there was somebody to tell.
    Call it while holding the orders lock.
    """
    deadline = time.monotonic() + _WITHIN_S
    while run.keeper_lives():
        told = _signal_keeper(run, signal.SIGTERM if gently else signal.SIGKILL)
        if gently and told:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_S)
    return gently or _end_sandbox(run.status())


def _end_sandbox(status: Status | None) -> bool:
    """End what the keeper's death left: bubblewrap follows it only once it has booted."""
    if status is None:
        return True
    sandbox = _first_process(status)
    if sandbox is not None:
        try:
            signal.pidfd_send_signal(sandbox, signal.SIGKILL)
            select.select([sandbox], [], [], _WITHIN_S)
        except ProcessLookupError:
            pass  # it ended by itself meanwhile, which is all that is wanted
        finally:
            os.close(sandbox)
    return limits.end(status["cgroups"], within_s=_WITHIN_S)


def _first_process(status: Status) -> int | None:
    """A descriptor of the sandbox's first process, if that still is who has its id: it started when it had started."""
    if not status["sandbox_pid"]:
        return None
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(status["sandbox_pid"])
        if started(status["sandbox_pid"]) == status["sandbox_started"]:
            return process
        os.close(process)
    return None


def _signal_keeper(run: RunDirectory, number: signal.Signals) -> bool:
    """Signal the process that holds the lock. Between spawn and its first words it has no known pid yet."""
    pid = run.keeper_pid()
    if not pid:
        return False
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not run.keeper_lives() or run.keeper_pid() != pid:
            return False  # it ended meanwhile, and the id may have been given to another
        signal.pidfd_send_signal(process, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(process)
    return True
