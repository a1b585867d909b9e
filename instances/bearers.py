"""Ends the open streams of those who may no more: whose key was revoked, who was removed, whose site was suspended.

The gateway knows no rows, so it lets in whoever shows a signed token. Again and again it is asked who holds its
streams, and told who of them would not be given an address today.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from uuid import UUID

from common.tokens import Bearer
from instances import ports
from instances.guestlink import GuestUnreachable
from sites.standing import Holder, Standing, standing_of

logger = logging.getLogger(__name__)

CDP, FRAMES, VIEW = "cdp", "frames", "view"
RECORDER = "record"
"""The mode of a recording's own stream, which nobody holds but the platform, as long as the recording lasts."""
_NEEDS = {CDP: "instances:act", FRAMES: "instances:read", VIEW: "instances:read"}


def end_the_gone() -> int:
    """How many of those who hold streams, or lately did, may no more. Called twice, it does no harm.

    A gateway that cannot be reached is asked again the next time: its streams are not there either.
    """
    try:
        known = ports.guests().bearers()
        gone = _gone(known)
        if known:
            ports.guests().end_bearers(gone)
    except GuestUnreachable as error:
        logger.warning("nobody's streams were looked at: %s", error)
        return 0
    return len(gone)


def _gone(known: Collection[Bearer]) -> list[Bearer]:
    holders = {bearer: _holder(bearer) for bearer in known}
    standing = standing_of({holder for holder in holders.values() if holder is not None})
    return [
        bearer
        for bearer, holder in holders.items()
        if bearer.mode != RECORDER and not _may(bearer, standing.get(holder) if holder else None)
    ]


def _may(bearer: Bearer, standing: Standing | None) -> bool:
    if standing is None:
        return False
    needs = "instances:act" if bearer.mode == "drive" else _NEEDS.get(bearer.purpose, "")
    return needs in standing.scopes


def _holder(bearer: Bearer) -> Holder | None:
    """None for a token that names nobody: none of today's."""
    try:
        return Holder(UUID(bearer.site), UUID(bearer.user), UUID(bearer.key) if bearer.key else None)
    except ValueError:
        return None
