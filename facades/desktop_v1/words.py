"""This dialect's four words for how a desktop is, from our ten."""

from __future__ import annotations

STATUSES = ("pending", "running", "terminated", "error")
_WORDS = {
    "running": "running",
    "error": "error",
    "stopping": "terminated",
    "stopped": "terminated",
    "deleting": "terminated",
    "deleted": "terminated",
}


def status_word(status: str, *, is_wanted: bool = False) -> str:
    """The word for one of our statuses. `is_wanted`: it shall run, so one that rests is only on its way."""
    if is_wanted and status in {"stopping", "stopped"}:
        return "pending"
    return _WORDS.get(status, "pending")
