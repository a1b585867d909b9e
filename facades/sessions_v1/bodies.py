"""What this dialect's other requests carry. Fields that are not known are left alone."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from common.errors import Invalid

_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<name>\w+)`")
_SIDES = {"width": (320, 3840), "height": (240, 2160)}

Body = TypeVar("Body")


class Start(Struct, frozen=True):
    instance_type: Literal["ubuntu", "browser", "windows"] | None = None
    timeout_hours: Annotated[float, Meta(gt=0, le=8_784)] | None = None
    blocked_domains: list[str] | None = None
    resolution: Annotated[list[int], Meta(min_length=2, max_length=2)] | None = None

    def configuration(self) -> dict[str, Any]:
        """The resolution as our instances know it. Raises `Invalid`."""
        if self.resolution is None:
            return {}
        for side, (name, (least, most)) in zip(self.resolution, _SIDES.items(), strict=True):
            if not least <= side <= most:
                raise Invalid(f"resolution: A {name} is {least} to {most} pixels.")
        return dict(zip(_SIDES, self.resolution, strict=True))


class Bash(Struct, frozen=True):
    command: Annotated[str, Meta(min_length=1, max_length=100_000)] | None = None
    session: int | None = None
    restart: bool | None = None
    list_sessions: bool | None = None
    check_session: int | None = None
    timeout: Annotated[float, Meta(gt=0, le=600)] | None = None


class Edit(Struct, frozen=True):
    command: Literal["view", "create", "str_replace", "insert", "undo_edit"]
    path: str
    file_text: str | None = None
    view_range: list[int] | None = None
    old_str: str | None = None
    new_str: str | None = None
    insert_line: int | None = None


class File(Struct, frozen=True):
    command: str
    path: str | None = None
    content: str | None = None
    mode: str | None = None
    encoding: str | None = None
    view_range: list[int] | None = None
    recursive: bool | None = None
    src: str | None = None
    dst: str | None = None
    old_str: str | None = None
    new_str: str | None = None
    line: int | None = None
    text: str | None = None
    lines: list[int] | None = None
    all_occurrences: bool | None = None
    pattern: str | None = None
    case_sensitive: bool | None = None
    line_numbers: bool | None = None


class Variables(Struct, frozen=True):
    variables: dict[str, str]


class Names(Struct, frozen=True):
    keys: list[str]


def read(value: Any, kind: Any) -> Any:
    """A decoded body as `kind`.

    Raises:
        Invalid: the place first, then what is wrong there.
    """
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        text = str(error)
        place, missing = _PLACE.search(text), _MISSING.search(text)
        problem = text[: place.start()] if place else text
        where = missing["name"] if missing else place["place"] if place else ""
        raise Invalid(f"{where}: {problem}" if where else problem) from error
