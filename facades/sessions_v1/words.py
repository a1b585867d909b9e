"""This dialect's words for how an instance is, from our ten."""

from __future__ import annotations

STATUSES = ("deploying", "running", "paused", "terminated", "error")
_WORDS = {
    "running": "running",
    "paused": "paused",
    "error": "error",
    "stopping": "terminated",
    "stopped": "terminated",
    "deleting": "terminated",
    "deleted": "terminated",
}


def status_word(status: str, desired_state: str) -> str:
    """The word for a status of ours and what is wished: what was told to end has ended, what rests may go on."""
    if desired_state == "deleted":
        return "terminated"
    if status in {"stopping", "stopped"} and desired_state in {"running", "paused"}:
        return "paused" if desired_state == "paused" else "deploying"
    return _WORDS.get(status, "deploying")
