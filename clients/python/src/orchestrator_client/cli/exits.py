"""How the command ends: one number for each kind of failure, so that scripts need not read sentences."""

from __future__ import annotations

from orchestrator_client import errors

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
TIMED_OUT = 4
NOT_ALLOWED = 5
CONFLICT = 6
NOT_REACHABLE = 7
INTERRUPTED = 130

TABLE = """
Exit codes: 0 done · 1 failed · 2 wrong usage, or no address and key · 3 not found · 4 not in time · 5 no good key, or
not allowed · 6 not in this state · 7 not reachable, or busy · 130 interrupted. `instances bash` ends as its command
did, and with 124 where that was ended for its time.
"""

_CODES: tuple[tuple[type[errors.OrchestratorError], int], ...] = (
    (errors.NotConfigured, USAGE),
    (errors.BadArgument, USAGE),
    (errors.InvalidRequest, USAGE),
    (errors.NotFound, NOT_FOUND),
    (errors.WaitTimeout, TIMED_OUT),
    (errors.GuestTimeout, TIMED_OUT),
    (errors.NotAuthenticated, NOT_ALLOWED),
    (errors.Forbidden, NOT_ALLOWED),
    (errors.Conflict, CONFLICT),
    (errors.PreconditionFailed, CONFLICT),
    (errors.RateLimited, NOT_REACHABLE),
    (errors.Unavailable, NOT_REACHABLE),
    (errors.NotReachable, NOT_REACHABLE),
)


def code_of(error: errors.OrchestratorError) -> int:
    """The exit code that an error means."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
