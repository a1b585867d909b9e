"""The steps of a plan: plain JSON objects in its row, changed by these pure functions and by nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id

Step = dict[str, Any]

PENDING, IN_PROGRESS, COMPLETED, FAILED, SKIPPED = "pending", "in_progress", "completed", "failed", "skipped"
STATUSES = (PENDING, IN_PROGRESS, COMPLETED, FAILED, SKIPPED)
MOVES: Mapping[str, frozenset[str]] = {
    PENDING: frozenset({IN_PROGRESS, COMPLETED, FAILED, SKIPPED}),
    IN_PROGRESS: frozenset({PENDING, COMPLETED, FAILED, SKIPPED}),
    FAILED: frozenset({PENDING, IN_PROGRESS, SKIPPED}),
    SKIPPED: frozenset({PENDING}),
    COMPLETED: frozenset(),
}
"""From a status to those that may follow it. What is completed stays so."""

BEGUN = frozenset({IN_PROGRESS, COMPLETED, FAILED})
"""A step that has one of these has begun, and so has its plan."""

_BLANK: Step = {
    "description": "",
    "instructions": "",
    "expected_output": "",
    "actual_output": "",
    "error_message": "",
    "status": PENDING,
    "retry_count": 0,
    "started_at": None,
    "completed_at": None,
}


CHARACTERS = 256 * 1024
"""Of all texts of a plan's steps together: a page of five hundred plans must fit into memory."""
_REASON = 1000


def must_fit(after: Iterable[Step], before: Iterable[Step]) -> None:
    """Return when the texts are not too long together, or have not grown.

    Raises:
        Invalid: they are.
    """
    if _length(after) > max(CHARACTERS, _length(before)):
        problem = f"Their texts have at most {CHARACTERS} characters together."
        raise Invalid(f"steps: {problem}", fields={"steps": [problem]})


def laid_out(
    wanted: Sequence[Mapping[str, Any]], old: Sequence[Step], *, now: datetime, max_retries: int
) -> list[Step]:
    """The list as `wanted`, in its order: a step whose id is known goes on from where it was, another one is new.

    Raises:
        Invalid: an id occurs twice, or a new step has no title.
        Conflict: a step's status can't become what was wanted.
    """
    known = {step["id"]: step for step in old}
    found = []
    for position, sent in enumerate(wanted):
        step = known.get(sent.get("id", "")) or _new(sent, position)
        found.append(changed(step, sent, now=now, max_retries=max_retries))
    if len({step["id"] for step in found}) < len(found):
        raise Invalid("steps: Two have the same id.", fields={"steps": ["Two have the same id."]})
    return in_order(found)


def replaced(steps: Sequence[Step], step_id: str, changes: Mapping[str, Any], **limits: Any) -> list[Step]:
    """The list with one step changed; `limits` as for `changed`.

    Raises:
        NotFound: the plan has no such step.
        Conflict: its status can't become what was wanted.
    """
    if all(step["id"] != step_id for step in steps):
        raise NotFound("No such step in this plan.")
    return in_order([changed(step, changes, **limits) if step["id"] == step_id else step for step in steps])


def changed(step: Step, changes: Mapping[str, Any], *, now: datetime, max_retries: int) -> Step:
    """`step` with `changes`; a `status` among them is a move, which stamps the times and counts another try.

    Raises:
        Conflict: there is no such move, or it was tried `max_retries` times again already.
    """
    after = {**step, **{name: value for name, value in changes.items() if name not in ("id", "status")}}
    status = changes.get("status", step["status"])
    return after if status == step["status"] else _moved(after, status, now=now, max_retries=max_retries)


def started_over(steps: Iterable[Step]) -> list[Step]:
    """The list for another try of the whole plan: what is done stays, what failed or was under way begins anew."""
    return [_reset(step) if step["status"] in (IN_PROGRESS, FAILED) else step for step in steps]


def broken_off(steps: Iterable[Step], reason: str) -> list[Step]:
    """The list when the whole plan ends early: what was under way has failed."""
    ended = {"status": FAILED, "error_message": reason[:_REASON]}
    return [{**step, **ended} if step["status"] == IN_PROGRESS else step for step in steps]


def progress(steps: Sequence[Step]) -> tuple[int, int, int]:
    """How many steps are completed, how many there are, and the percentage, rounded down. Skipped ones don't count."""
    counted = [step for step in steps if step["status"] != SKIPPED]
    completed = sum(step["status"] == COMPLETED for step in counted)
    return completed, len(counted), completed * 100 // len(counted) if counted else 0


def have_begun(steps: Iterable[Step]) -> bool:
    return any(step["status"] in BEGUN for step in steps)


def unfinished(steps: Iterable[Step]) -> list[str]:
    """The ids of the steps that are neither completed nor skipped."""
    return [step["id"] for step in steps if step["status"] not in (COMPLETED, SKIPPED)]


def statuses(steps: Iterable[Step]) -> dict[str, str]:
    """Each step's status, by its id."""
    return {step["id"]: step["status"] for step in steps}


def differing(before: Iterable[Step], after: Iterable[Step]) -> list[Step]:
    """Of the steps that are new or changed: id, title and status."""
    known = {step["id"]: step for step in before}
    shown = ("id", "title", "status")
    return [{name: step[name] for name in shown} for step in after if step != known.get(step["id"])]


def in_order(steps: Iterable[Step]) -> list[Step]:
    """By `order`; steps of the same order stay as they were."""
    return sorted(steps, key=lambda step: int(step["order"]))


def _length(steps: Iterable[Step]) -> int:
    return sum(len(value) for step in steps for value in step.values() if isinstance(value, str))


def _new(sent: Mapping[str, Any], position: int) -> Step:
    if not sent.get("title"):
        raise Invalid("steps: A new step needs a title.", fields={"steps": ["A new step needs a title."]})
    return {"id": sent.get("id") or str(new_id()), "title": sent["title"], "order": position, **_BLANK}


def _moved(step: Step, status: str, *, now: datetime, max_retries: int) -> Step:
    before = step["status"]
    if status not in MOVES[before]:
        raise Conflict(f"A step that is {before} cannot become {status}.", step_id=step["id"], status=before)
    if before == FAILED and status != SKIPPED:
        if step["retry_count"] >= max_retries:
            raise Conflict(f"The step was tried again {max_retries} times already.", step_id=step["id"], status=before)
        step = _reset(step)
    begins = status in BEGUN and step["started_at"] is None
    return {
        **step,
        "status": status,
        "started_at": _written(now) if begins else None if status == PENDING else step["started_at"],
        "completed_at": _written(now) if status == COMPLETED else None,
    }


def _reset(step: Step) -> Step:
    tries = step["retry_count"] + (step["status"] == FAILED)
    afresh = {"status": PENDING, "started_at": None, "completed_at": None, "error_message": ""}
    return {**step, **afresh, "retry_count": tries}


def _written(moment: datetime) -> str:
    """As REST answers times everywhere."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
