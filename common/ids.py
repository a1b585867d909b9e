"""Where ids come from: UUIDv7, so that rows sort by their time of birth."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): time-ordered, unguessable in its last 62 bits."""
    return uuid7()
