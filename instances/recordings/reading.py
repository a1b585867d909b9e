"""How a recording is read: its parts from rows, their bytes from the object store, never more than a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common import objects
from common.errors import Unavailable
from common.objects import NoSuchObject, StoreAway
from common.tenancy import site_scope
from instances.models import Recording, RecordingPart
from instances.recordings.parts import Frame, actions_in

AT_ONCE = 50


def some_parts(row: Recording, *, after: int = 0, at_most: int = AT_ONCE) -> list[RecordingPart]:
    """The next parts after the one with this number, in a transaction of their own."""
    with site_scope(row.site_id):
        rows = RecordingPart.of(row.site_id).filter(recording_id=row.pk, number__gt=after, number__lte=row.parts)
        return list(rows.order_by("number")[:at_most])


def every_part(row: Recording) -> Iterator[RecordingPart]:
    """Those that `row` tells of: what comes while it is read is not among them."""
    after = 0
    while batch := some_parts(row, after=after):
        yield from batch
        after = batch[-1].number


def index_of(part: RecordingPart) -> list[Frame]:
    """When each of its frames was, and where it lies."""
    return [(at_ms, offset, length) for at_ms, offset, length in part.index]


def frames_of(part: RecordingPart) -> bytes:
    """Its frames, one behind the other.

    Raises:
        Unavailable: the store does not answer, or the recording is being deleted.
    """
    return _read(part, start=0, length=part.actions_at)


def actions_of(part: RecordingPart) -> list[dict[str, Any]]:
    """Its actions, in the order of their entries in the log. Raises as `frames_of` does."""
    return actions_in(_read(part, start=part.actions_at, length=part.bytes - part.actions_at)) if part.actions else []


def _read(part: RecordingPart, *, start: int, length: int) -> bytes:
    try:
        return objects.opened().read(part.key, start=start, length=length)
    except (StoreAway, NoSuchObject) as error:
        raise Unavailable("What the recording holds cannot be read just now.", retry_after_s=5.0) from error
