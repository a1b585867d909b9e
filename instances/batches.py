"""Several actions in one request: one after the other, each as if it had been asked alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from common.errors import Forbidden, Invalid, NotFound, PlatformError
from guest.protocol.actions import AnyAction, Screenshot, longest_s
from instances import perform
from instances.perform import Done
from sites.principal import Principal

ACTIONS_AT_MOST = 100
LONGEST_S = 600.0


@dataclass(slots=True)
class BatchDone:
    """What came of each action that was begun, in order, and the last picture where one was wished."""

    results: list[Done | PlatformError] = field(default_factory=list)
    picture: Done | None = None


def act_all(
    principal: Principal,
    instance_id: UUID,
    actions: Sequence[AnyAction],
    *,
    stop_on_failure: bool,
    picture: Screenshot | None,
) -> BatchDone:
    """Do `actions` in turn. What one of them fails with is its result; each leaves a log row of its own.

    Raises:
        Forbidden, NotFound, Conflict: as for one action, of all of them before the first is begun.
        Invalid: they might take longer together than one request may.
    """
    allowed_s = sum(longest_s(action) for action in actions)
    if allowed_s > LONGEST_S:
        raise Invalid(f"These actions may take {allowed_s:.0f} seconds together; at most {LONGEST_S:.0f} are allowed.")
    perform.must_run(principal, instance_id)
    done = BatchDone()
    for action in actions:
        try:
            done.results.append(perform.act(principal, instance_id, action))
        except (Forbidden, NotFound):
            raise
        except PlatformError as error:
            done.results.append(error)
            if stop_on_failure:
                return done
    if picture is not None:
        done.picture = perform.act(principal, instance_id, picture)
    return done
