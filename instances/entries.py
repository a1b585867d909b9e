"""What somebody may write into a log, read strictly and fast: a thousand entries take a few milliseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from common.errors import Invalid
from instances.models import Level, LogType

ENTRIES_AT_MOST = 1000
MESSAGE_CHARACTERS = 64 * 1024
DATA_BYTES = 64 * 1024
"""Of the free fields of one entry together, as JSON."""

# Base64 of a picture, as data: URL or bare: PNG, JPEG, WebP or GIF by their first bytes, and too long to be chance.
_PICTURE = re.compile(rb"(?:data:image/[\w.+-]+;base64,|iVBORw0KGgo|/9j/|UklGR|R0lGOD)[A-Za-z0-9+/=_-]{512}")
_PLACE = re.compile(r" - at `\$(?:\[(?P<index>\d+)\])?(?:\.(?P<field>\w+))?[^`]*`$")


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry as it is sent. Who wrote it, and when, is not the writer's to say."""

    log_type: LogType
    message: Annotated[str, Meta(min_length=1, max_length=MESSAGE_CHARACTERS)]
    level: Level = Level.INFO
    parent_log: UUID | None = None
    details: dict[str, Any] = {}
    tool_name: Annotated[str, Meta(max_length=100)] = ""
    tool_call_id: Annotated[str, Meta(max_length=200)] = ""
    tool_args: dict[str, Any] = {}
    tool_result: dict[str, Any] = {}
    is_error: bool = False
    duration_ms: Annotated[float, Meta(ge=0)] | None = None
    tokens_used: dict[str, Any] = {}
    artifacts: Annotated[list[Any], Meta(max_length=100)] = []


class PlacedEntry(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry that says itself which instance it is about."""

    instance_id: UUID


Kind = TypeVar("Kind", bound=Entry)


def parse(value: Any, kind: type[Kind]) -> list[Kind]:
    """The entries in a decoded body: one object, or a list of them.

    Raises:
        Invalid: one of them is wrong. Of a list, `details.index` says which, and the message begins with it.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [_one(value, kind)]
    if not 1 <= len(value) <= ENTRIES_AT_MOST:
        raise Invalid(f"Send one entry or a list of 1 to {ENTRIES_AT_MOST}.", entries=len(value))
    try:
        entries = msgspec.convert(value, list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise _fault(error) from error
    for index, entry in enumerate(entries):
        if problem := _unfit(entry):
            raise refused(problem, index=index)
    return entries


def refused(problem: str, *, index: int | None = None, field: str = "") -> Invalid:
    """The 400 for one entry, in the shape of every other bad body; `index` only where a list was sent."""
    place = ("" if index is None else f"[{index}]") + (f".{field}" if field and index is not None else field)
    where: Mapping[str, Any] = {} if index is None else {"index": index}
    return Invalid(
        f"{place}: {problem}" if place else problem, fields={field or "non_field_errors": [problem]}, **where
    )


def _one(value: Any, kind: type[Kind]) -> Kind:
    try:
        entry = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _fault(error) from error
    if problem := _unfit(entry):
        raise refused(problem)
    return entry


def _fault(error: msgspec.ValidationError) -> Invalid:
    """msgspec says the place at the end of its sentence; of a missing or unknown field it quotes the name."""
    text = str(error)
    place = _PLACE.search(text)
    problem = text[: place.start()] if place else text
    quoted = re.search(r"field `(\w+)`", problem)
    field = (place and place["field"]) or (quoted[1] if quoted else "")
    index = int(place["index"]) if place and place["index"] else None
    return refused(f"{problem}.", index=index, field=field)


def _unfit(entry: Entry) -> str:
    """What a type can't say: too much of it, or a picture, which belongs into a file that the entry names."""
    data = msgspec.json.encode((entry.details, entry.tool_args, entry.tool_result, entry.tokens_used, entry.artifacts))
    if len(data) > DATA_BYTES:
        return f"details, tool_args, tool_result, tokens_used and artifacts take {DATA_BYTES} bytes at most, together."
    if any(len(text) > 512 and _PICTURE.search(text) for text in (data, entry.message.encode())):
        return "An entry holds no pictures: name the file instead."
    return ""
