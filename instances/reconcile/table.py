"""`STEPS`, the whole orchestration on one screen: which step is taken in which status, for which wish."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from instances.lifecycle import Outcome
from instances.models import Desired, Instance, Status
from instances.reconcile.ending import clear_away, send_destroy
from instances.reconcile.making import await_guest, create, hold_back, mend, order
from instances.reconcile.resting import await_rest, rest_in_error, send_start, send_stop, watch_rest
from instances.reconcile.running import send_pause, send_resume, watch, watch_pause

Step = Callable[[Instance], Outcome]

S, D = Status, Desired
STEPS: Mapping[tuple[str, str], Step] = {
    (S.PENDING, D.RUNNING): order,
    (S.PENDING, D.STOPPED): hold_back,
    (S.PROVISIONING, D.RUNNING): create,
    (S.PROVISIONING, D.STOPPED): create,
    (S.STARTING, D.RUNNING): await_guest,
    (S.STARTING, D.STOPPED): send_stop,
    (S.RUNNING, D.RUNNING): watch,
    (S.RUNNING, D.STOPPED): send_stop,
    (S.RUNNING, D.PAUSED): send_pause,
    (S.PAUSED, D.PAUSED): watch_pause,
    (S.PAUSED, D.RUNNING): send_resume,
    (S.PAUSED, D.STOPPED): send_stop,
    (S.STOPPING, D.RUNNING): await_rest,
    (S.STOPPING, D.STOPPED): await_rest,
    (S.STOPPED, D.RUNNING): send_start,
    (S.STOPPED, D.STOPPED): watch_rest,
    (S.ERROR, D.RUNNING): mend,
    (S.ERROR, D.STOPPED): rest_in_error,
    # Only what runs is paused; what came down meanwhile stays down.
    (S.STOPPING, D.PAUSED): await_rest,
    (S.STOPPED, D.PAUSED): watch_rest,
    (S.ERROR, D.PAUSED): rest_in_error,
    (S.DELETING, D.DELETED): clear_away,
    **{(status, D.DELETED): send_destroy for status in S if status not in (S.DELETING, S.DELETED)},
}
