"""The typed actions. Each class is at once HTTP body, guest input and LLM tool schema (`msgspec.json.schema`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Coordinate = Annotated[int, Meta(ge=0, le=16_383, description="Pixels from the left or the top edge.")]
Button = Literal["left", "middle", "right"]
KeyName = Annotated[str, Meta(min_length=1, max_length=32, description='For example "Return", "ctrl", "a", "F5".')]


class Action(Struct, tag_field="type", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What is asked of a desktop: one JSON object, told apart by its `type`."""


class Point(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    x: Coordinate
    y: Coordinate


class Click(Action, tag="click", frozen=True):
    """Press and release a mouse button `count` times (2 is a double click), at x,y or where the pointer is."""

    x: Coordinate | None = None
    y: Coordinate | None = None
    button: Button = "left"
    count: Annotated[int, Meta(ge=1, le=100)] = 1
    action: Literal["click", "down", "up"] = "click"
    modifiers: Annotated[list[KeyName], Meta(max_length=4, description="Keys held meanwhile.")] = []


class Move(Action, tag="move", frozen=True):
    """Move the pointer."""

    x: Coordinate
    y: Coordinate


class Drag(Action, tag="drag", frozen=True):
    """Press the button at the path's first point, follow the path, release at its last."""

    path: Annotated[list[Point], Meta(min_length=2, max_length=500)]
    button: Button = "left"


class Scroll(Action, tag="scroll", frozen=True):
    """Turn the wheel by `amount` clicks, at x,y or where the pointer is."""

    direction: Literal["up", "down", "left", "right"]
    amount: Annotated[int, Meta(ge=1, le=500)] = 3
    x: Coordinate | None = None
    y: Coordinate | None = None


class Type(Action, tag="type", frozen=True):
    """Type a text, any Unicode. `auto` takes keys for short plain text and the clipboard for the rest."""

    text: Annotated[str, Meta(max_length=20_000)]
    method: Literal["auto", "keys", "paste"] = "auto"


class Press(Action, tag="press", frozen=True):
    """Press keys together (`["ctrl", "c"]`), hold them `hold_ms`, release them; or only press or only release."""

    keys: Annotated[list[KeyName], Meta(min_length=1, max_length=8)]
    action: Literal["press", "down", "up"] = "press"
    hold_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0


class CursorPosition(Action, tag="cursor_position", frozen=True):
    """Where the pointer is."""


class Wait(Action, tag="wait", frozen=True):
    """Let time pass."""

    duration_ms: Annotated[int, Meta(ge=0, le=60_000)] = 1_000


class Screenshot(Action, tag="screenshot", frozen=True):
    """A picture of the whole screen."""

    format: Literal["png", "jpeg"] = "png"
    quality: Annotated[int, Meta(ge=1, le=100, description="Of a JPEG.")] = 80


class Bash(Action, tag="bash", frozen=True):
    """Run a command in a shell (bash; cmd on windows), in the user's home, with the instance's environment."""

    command: Annotated[str, Meta(min_length=1, max_length=100_000)]
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 30.0


AnyAction = Click | Move | Drag | Scroll | Type | Press | CursorPosition | Wait | Screenshot | Bash


class BadAction(ValueError):
    """The object is no action; the text says which field is wrong and why."""


def parse(value: Any) -> AnyAction:
    """An action from a decoded JSON value.

    Raises:
        BadAction: an unknown type, an unknown field, a wrong type or a value out of range; names the place.
    """
    try:
        action: AnyAction = msgspec.convert(value, AnyAction)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadAction(str(error)) from error
    return action


def to_builtins(action: AnyAction) -> dict[str, Any]:
    """The action as a JSON object, `type` included."""
    described: dict[str, Any] = msgspec.to_builtins(action)
    return described


def is_input(action: AnyAction) -> bool:
    """Whether `action` puts something into the desktop, where only one may work at a time."""
    return isinstance(action, Click | Move | Drag | Scroll | Type | Press)


def longest_s(action: AnyAction) -> float:
    """Seconds that the guest may rightly take for `action`; past these, plus a grace, it counts as not answering."""
    match action:
        case Bash():
            return action.timeout_s
        case Wait():
            return action.duration_ms / 1000
        case Press():
            return action.hold_ms / 1000
        case Type():
            return 5 + len(action.text) * 0.02
        case Scroll():
            return action.amount * 0.03
        case Drag():
            return len(action.path) * 0.03
        case _:
            return 0.0


def openapi_schemas() -> dict[str, Any]:
    """JSON schemas of all actions by class name, and `Action`, which is any one of them, told apart by `type`."""
    (union,), schemas = msgspec.json.schema_components([AnyAction], ref_template="#/components/schemas/{name}")
    return {**schemas, "Action": union}
