"""What a replay's page asks of us: how the recording stands, when what was, its pictures. Its token says who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from common.errors import NotFound
from common.tenancy import site_scope
from instances import signed
from instances.models import Instance, Recording, RecordingPart
from instances.recordings import reading, services
from sites import audit
from sites.principal import Principal

PARTS_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class ReplayAddress:
    """`url` is a page for people. Its token stands in the fragment, which browsers send to nobody."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Replaying:
    """A page's present standing: the recording, its instance's name, and the token to go on with."""

    recording: Recording
    name: str
    token: str


def issue_replay(principal: Principal, recording_id: UUID) -> ReplayAddress:
    """A link to a page that shows the recording, good for opening it within ten minutes.

    Raises:
        Forbidden, NotFound: as for reading it.
    """
    row = services.recording_of(principal, recording_id)
    token, expires_at = signed.page_token(principal, signed.REPLAY, row.pk.hex)
    audit.record(principal, "recording.replayed", row, instance_id=str(row.instance_id))
    return ReplayAddress(f"{settings.PUBLIC_URL}/replay#{token}", expires_at)


def renew(token: str) -> Replaying:
    """The next token of a page, while whoever asked for the first may still read the recording.

    Raises:
        NotSignedIn: the token has expired, or its key, member or site is gone.
        Forbidden, NotFound: it may be read no more, or is gone.
    """
    claims, principal = signed.bearer(token, signed.REPLAY)
    row = _recording(principal, claims.subject)
    with site_scope(principal.site_id):
        name = Instance.of(principal.site_id).values_list("name", flat=True).get(pk=row.instance_id)
    fresh, _ = signed.page_token(principal, signed.REPLAY, claims.subject, renew_until=claims.renew_until)
    return Replaying(row, name, fresh)


def timeline(token: str, *, after: int) -> list[dict[str, Any]]:
    """The next parts: each with its frames' moments and places, and its actions. Raises as `renew` does."""
    claims, principal = signed.bearer(token, signed.REPLAY)
    row = _recording(principal, claims.subject)
    parts = reading.some_parts(row, after=after, at_most=PARTS_AT_ONCE)
    return [
        {"number": part.number, "frames": reading.index_of(part), "actions": reading.actions_of(part)} for part in parts
    ]


def frames(token: str, number: int) -> bytes:
    """One part's frames, one behind the other. Raises as `renew` does, and NotFound where there is no such part."""
    claims, principal = signed.bearer(token, signed.REPLAY)
    return reading.frames_of(_part(_recording(principal, claims.subject), number))


def _recording(principal: Principal, subject: str) -> Recording:
    try:
        return services.recording_of(principal, UUID(hex=subject))
    except ValueError as error:
        raise NotFound("No such recording.") from error


def _part(row: Recording, number: int) -> RecordingPart:
    found = reading.some_parts(row, after=number - 1, at_most=1)
    if not found or found[0].number != number:
        raise NotFound("No such part of the recording.")
    return found[0]
