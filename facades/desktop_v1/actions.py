"""This dialect's nine computer actions and its command, as they are sent, and what they are in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from common.errors import Invalid
from guest.protocol import actions as ours

BASH_WITHIN_S = 600.0
"""The page knows no timeout of a command; this is the longest that a machine takes."""
_WHEEL_AT_MOST = 500
_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<name>\w+)`")

Pixels = Annotated[int, Meta(ge=0, le=16_383)]


class ComputerAction(Struct, tag_field="type", frozen=True, kw_only=True):
    """One of nine, told apart by `type`. Fields that are not known are left alone, as upstream does."""


class Place(Struct, frozen=True, kw_only=True):
    x: Pixels
    y: Pixels


class ClickMouse(ComputerAction, tag="click_mouse", frozen=True):
    """Click, press or release a button; the pointer moves there only if both `x` and `y` are sent."""

    x: Pixels | None = None
    y: Pixels | None = None
    button: Literal["left", "right", "middle"] = "left"
    num_of_clicks: Annotated[int, Meta(ge=0, le=100)] = 1
    click_type: Literal["click", "down", "up"] = "click"


class Scroll(ComputerAction, tag="scroll", frozen=True):
    """Turn the wheel where the pointer is; fewer than 1 are 1, more than 500 are 500."""

    direction: Literal["up", "down", "left", "right"]
    amount: int


class MoveMouse(ComputerAction, tag="move_mouse", frozen=True):
    x: Pixels
    y: Pixels


class DragMouse(ComputerAction, tag="drag_mouse", frozen=True):
    """With the left button held."""

    start: Place
    end: Place


class TypeText(ComputerAction, tag="type", frozen=True):
    text: Annotated[str, Meta(max_length=20_000)]


class PressKeys(ComputerAction, tag="press_keys", frozen=True):
    """Together: `"Enter"`, `"ctrl+c"` or `["Control", "c"]`."""

    keys: str | list[str]
    key_action_type: Literal["press", "down", "up"] = "press"


class Wait(ComputerAction, tag="wait", frozen=True):
    ms: Annotated[int, Meta(ge=0, le=60_000)]


class Screenshot(ComputerAction, tag="screenshot", frozen=True):
    """A JPEG of the whole screen."""


class GetCursorPosition(ComputerAction, tag="get_cursor_position", frozen=True):
    """Where the pointer is."""


AnyComputerAction = (
    ClickMouse | Scroll | MoveMouse | DragMouse | TypeText | PressKeys | Wait | Screenshot | GetCursorPosition
)


class BashAction(Struct, frozen=True):
    command: Annotated[str, Meta(min_length=1, max_length=100_000)]


class NewDesktop(Struct, frozen=True):
    """`timeout_ms` 0 or null: the default, a day."""

    timeout_ms: Annotated[int, Meta(ge=0, le=2_592_000_000)] | None = None


Body = TypeVar("Body")


def read(value: Any, kind: type[Body]) -> Body:
    """A decoded body as what it should be.

    Raises:
        Invalid: in this dialect's words, the place first.
    """
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Invalid(f"Validation failed: {_problem(str(error))}") from error


def in_ours(action: AnyComputerAction) -> ours.AnyAction | None:
    """The same for our machines; None where there is nothing to do, such as no click at no place."""
    match action:
        case ClickMouse():
            return _click(action)
        case Scroll():
            amount = min(max(action.amount, 1), _WHEEL_AT_MOST)
            return ours.Scroll(direction=action.direction, amount=amount)
        case MoveMouse():
            return ours.Move(x=action.x, y=action.y)
        case DragMouse():
            return ours.Drag(path=[ours.Point(x=place.x, y=place.y) for place in (action.start, action.end)])
        case TypeText():
            return ours.Type(text=action.text)
        case PressKeys():
            return _press(action)
        case Wait():
            return ours.Wait(duration_ms=action.ms)
        case Screenshot():
            return ours.Screenshot(format="jpeg")
        case GetCursorPosition():
            return ours.CursorPosition()


ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["status", "error"],
    "properties": {
        "status": {"type": "string", "enum": ["error"]},
        "error": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "A word for machines, as in our own API."},
        "details": {"type": "object", "additionalProperties": True},
        "request_id": {"type": "string", "description": "What to quote."},
    },
}


def openapi_schemas() -> dict[str, Any]:
    """JSON schemas of the bodies by name: `DesktopAction` is any one of the nine, `DesktopError` every refusal."""
    kinds = [AnyComputerAction, BashAction, NewDesktop]
    (union, *_), schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/Desktop{name}")
    schemas |= {"Action": union, "Error": ERROR_SCHEMA}
    return {f"Desktop{name}": schema for name, schema in schemas.items()}


def _click(action: ClickMouse) -> ours.AnyAction | None:
    x, y = (action.x, action.y) if action.x is not None and action.y is not None else (None, None)
    if action.num_of_clicks == 0 and action.click_type == "click":
        return ours.Move(x=x, y=y) if x is not None and y is not None else None
    count = action.num_of_clicks if action.click_type == "click" else 1
    return ours.Click(x=x, y=y, button=action.button, count=count, action=action.click_type)


def _press(action: PressKeys) -> ours.AnyAction:
    keys = [action.keys] if isinstance(action.keys, str) else action.keys
    wished = {"type": "press", "keys": keys, "action": action.key_action_type}
    try:
        return ours.parse(wished)
    except ours.BadAction as error:
        raise Invalid(f"Validation failed: {_problem(str(error))}") from error


def _problem(text: str) -> str:
    """msgspec says the place last, this dialect first."""
    return ", ".join(_parts(text))


def _parts(text: str) -> Iterator[str]:
    place = _PLACE.search(text)
    problem = text[: place.start()] if place else text
    missing = _MISSING.search(problem)
    names = [place["place"] if place else "", missing["name"] if missing else ""]
    where = ".".join(name for name in names if name)
    yield f"{where}: {'Required' if missing else problem}" if where else problem
