"""Idempotency keys: what was sent twice is done once, and both get the same answer. One row a key, for a day.

The row is taken before the work begins and filled with the answer in the transaction of the work itself where there is
one. So a crash leaves neither the work nor its answer, and the lease frees the key.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connections

from common import clock
from common.errors import Conflict
from common.ids import first_id_at, new_id
from common.secrets import seal, unseal
from common.tenancy import CREW, execute_in_site
from sites.principal import Principal

KEPT = timedelta(hours=24)
WAIT_S = 1.0
"""How long a twin waits for the first one's answer before it is sent away."""
LOOK_EVERY_S = 0.05
LARGEST_ANSWER = 1024 * 1024
"""A longer answer, such as a large picture, is not kept; who asks again is told that the work was done."""
BATCH = 5_000

# The answer of yesterday's key, and a lease that is over, count as nothing; another body never takes a key over.
_TAKE = """
INSERT INTO sites_keptanswer AS kept (id, created_at, site_id, name, fingerprint, holder, lease_until, answer)
VALUES (%s, %s, %s, %s, %s, %s, %s, NULL)
ON CONFLICT (site_id, name) DO UPDATE SET
    id = excluded.id, created_at = excluded.created_at, fingerprint = excluded.fingerprint,
    holder = excluded.holder, lease_until = excluded.lease_until, answer = NULL
WHERE kept.created_at < %s OR (
    kept.answer IS NULL AND kept.lease_until < %s AND kept.fingerprint = excluded.fingerprint
);
SELECT holder, fingerprint, answer FROM sites_keptanswer WHERE site_id = %s AND name = %s
"""
_KEEP = "UPDATE sites_keptanswer SET answer = %s WHERE site_id = %s AND name = %s AND holder = %s RETURNING id"
_RELEASE = "DELETE FROM sites_keptanswer WHERE site_id = %s AND name = %s AND holder = %s AND answer IS NULL"
_FORGET = """
DELETE FROM sites_keptanswer WHERE id = ANY(ARRAY(
    SELECT id FROM sites_keptanswer WHERE id < %s ORDER BY id LIMIT %s
))
"""


class InFlight(Conflict):
    """The first request with this key has no answer yet."""

    code = "IDEMPOTENCY_IN_FLIGHT"
    message = "A request with this Idempotency-Key is under way; ask again for its answer."


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `body` is None where it was too large to be kept."""

    status: int
    headers: Mapping[str, str]
    body: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """The right to do what a key was sent for, until the lease is over."""

    site_id: UUID
    name: bytes
    holder: UUID


def begin(principal: Principal, *, route: str, key: str, sent: bytes, lease_s: float) -> Attempt | Answer:
    """Take `key` for what the caller sends to `route`; or the answer that they got when they sent it before.

    Call it outside of any transaction: it waits up to a second for a twin. After `lease_s` without an answer the key
    is free again.

    Raises:
        Conflict: the key came with another body before (IDEMPOTENCY_CONFLICT), or the answer was too large to be kept.
        InFlight: its twin is still under way.
    """
    subject = principal.key_id or principal.user_id
    name = hashlib.sha256(f"{subject}\0{route}\0{key}".encode()).digest()
    fingerprint = hashlib.sha256(sent).digest()
    gives_up_at = time.monotonic() + WAIT_S
    while True:
        taken = _take(Attempt(principal.site_id, name, uuid4()), fingerprint, lease_s)
        if taken is not None:
            return taken
        if time.monotonic() >= gives_up_at:
            raise InFlight(retry_after_s=1.0)
        time.sleep(LOOK_EVERY_S)


def keep(attempt: Attempt, answer: Answer) -> None:
    """Fill in the answer; within a scope of the site this commits, or is undone, with the work.

    Raises:
        InFlight: the lease was over and somebody else has taken the key: undo the work.
    """
    if answer.body is not None and len(answer.body) > LARGEST_ANSWER:
        answer = Answer(answer.status, answer.headers, None)
    kept = [seal(asdict(answer)), attempt.site_id, attempt.name, attempt.holder]
    if not execute_in_site(attempt.site_id, _KEEP, kept):
        raise InFlight(retry_after_s=1.0)


def release(attempt: Attempt) -> None:
    """Free the key: nothing was done that must not be done again. An answer that was kept stays."""
    execute_in_site(attempt.site_id, _RELEASE, [attempt.site_id, attempt.name, attempt.holder])


def forget_old() -> int:
    """Delete the answers of more than a day ago; how many there were."""
    bound = first_id_at(clock.now() - KEPT)
    deleted, more = 0, True
    with connections[CREW].cursor() as cursor:
        while more:
            cursor.execute(_FORGET, [bound, BATCH])
            deleted += int(cursor.rowcount)
            more = cursor.rowcount == BATCH
    return deleted


def _take(attempt: Attempt, fingerprint: bytes, lease_s: float) -> Attempt | Answer | None:
    """In one round trip; None while a twin is under way."""
    now = clock.now()
    row = [new_id(), now, attempt.site_id, attempt.name, fingerprint, attempt.holder, clock.in_s(lease_s)]
    values: list[Any] = [*row, now - KEPT, now, attempt.site_id, attempt.name]
    found = execute_in_site(attempt.site_id, _TAKE, values)
    if not found:  # its twin failed and gave the key back between our two statements
        return None
    holder, known, sealed = found[0]
    if holder == attempt.holder:
        return attempt
    if bytes(known) != fingerprint:
        raise Conflict("This Idempotency-Key was sent with another body before.", code="IDEMPOTENCY_CONFLICT")
    if sealed is None:
        return None
    answer = Answer(**unseal(bytes(sealed)))
    if answer.body is None:
        message = "This was done before, but its answer was too large to be kept."
        raise Conflict(message, code="IDEMPOTENCY_ANSWER_NOT_KEPT", status=answer.status)
    return answer
