"""This dialect's computer actions as they are sent, and what they are in our words: one of ours, or several."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from guest.protocol import actions as ours

WHEEL_AT_MOST = 500
_MODIFIERS_AT_MOST = 4

Coordinates = Annotated[
    list[Annotated[int, Meta(ge=0, le=16_383)]], Meta(min_length=2, max_length=2, description="x and y, in pixels.")
]
Keys = Annotated[list[Annotated[str, Meta(min_length=1, max_length=32)]], Meta(max_length=8)]
Seconds = Annotated[float, Meta(ge=0, le=60)]


class ComputerAction(Struct, tag_field="action", frozen=True, kw_only=True):
    """Told apart by `action`. Unless `screenshot` is false, the answer shows the screen as it is then."""

    screenshot: bool | None = None


class Held(ComputerAction, frozen=True, kw_only=True):
    """Keys that are held meanwhile."""

    hold_keys: Keys | None = None


class MoveMouse(Held, tag="move_mouse", frozen=True):
    coordinates: Coordinates


class ClickMouse(Held, tag="click_mouse", frozen=True):
    button: ours.Button = "left"
    click_type: Literal["click", "down", "up"] | None = None
    coordinates: Coordinates | None = None
    num_clicks: Annotated[int, Meta(ge=1, le=100)] | None = None


class DragMouse(Held, tag="drag_mouse", frozen=True):
    path: Annotated[list[Coordinates], Meta(min_length=2, max_length=500)]


class Scroll(Held, tag="scroll", frozen=True):
    """Clicks of the wheel: to the right and down where they are more than 0."""

    coordinates: Coordinates | None = None
    delta_x: float | None = None
    delta_y: float | None = None


class PressKey(ComputerAction, tag="press_key", frozen=True):
    keys: Keys
    duration: Seconds | None = None


class TypeText(Held, tag="type_text", frozen=True):
    text: Annotated[str, Meta(max_length=20_000)]


class Wait(ComputerAction, tag="wait", frozen=True):
    duration: Seconds


class TakeScreenshot(ComputerAction, tag="take_screenshot", frozen=True):
    pass


class GetCursorPosition(ComputerAction, tag="get_cursor_position", frozen=True):
    pass


AnyComputerAction = (
    MoveMouse | ClickMouse | DragMouse | Scroll | PressKey | TypeText | Wait | TakeScreenshot | GetCursorPosition
)


def in_ours(action: AnyComputerAction) -> list[ours.AnyAction]:
    """The same for our machines, in turn; what is held is let go at the end."""
    keys = (action.hold_keys or []) if isinstance(action, Held) else []
    done = _done(action)
    if isinstance(action, ClickMouse) and len(keys) <= _MODIFIERS_AT_MOST:
        return done
    if not keys:
        return done
    return [ours.Press(keys=keys, action="down"), *done, ours.Press(keys=keys, action="up")]


def shows_the_screen(action: AnyComputerAction) -> bool:
    """Whether the answer carries a picture."""
    asked = isinstance(action, TakeScreenshot)
    return asked or (action.screenshot is not False and not isinstance(action, GetCursorPosition))


def openapi_schemas() -> dict[str, Any]:
    """`SessionsAction` is any one of the computer actions, `SessionsError` every refusal."""
    (union,), schemas = msgspec.json.schema_components(
        [AnyComputerAction], ref_template="#/components/schemas/Sessions{name}"
    )
    schemas |= {"Action": union, "Error": _ERROR}
    return {f"Sessions{name}": schema for name, schema in schemas.items()}


_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {"description": "A sentence; for a body that is wrong, what is: `loc`, `msg`, `type`."},
        "error": {"type": "string"},
        "code": {"type": "string"},
        "details": {"type": "object", "additionalProperties": True},
        "request_id": {"type": "string"},
    },
}


def _done(action: AnyComputerAction) -> list[ours.AnyAction]:
    match action:
        case MoveMouse():
            return [ours.Move(x=action.coordinates[0], y=action.coordinates[1])]
        case ClickMouse():
            return [_click(action)]
        case DragMouse():
            return [ours.Drag(path=[ours.Point(x=x, y=y) for x, y in action.path])]
        case Scroll():
            return _scroll(action)
        case PressKey():
            return [ours.Press(keys=action.keys, hold_ms=round((action.duration or 0) * 1000))]
        case TypeText():
            return [ours.Type(text=action.text)]
        case Wait():
            return [ours.Wait(duration_ms=round(action.duration * 1000))]
        case TakeScreenshot():
            return []
        case GetCursorPosition():
            return [ours.CursorPosition()]


def _click(action: ClickMouse) -> ours.AnyAction:
    x, y = action.coordinates or (None, None)
    keys = action.hold_keys or []
    return ours.Click(
        x=x,
        y=y,
        button=action.button,
        count=action.num_clicks or 1,
        action=action.click_type or "click",
        modifiers=keys if len(keys) <= _MODIFIERS_AT_MOST else [],
    )


def _scroll(action: Scroll) -> list[ours.AnyAction]:
    x, y = action.coordinates or (None, None)
    turns: list[ours.AnyAction] = []
    for delta, forth, back in ((action.delta_y, "down", "up"), (action.delta_x, "right", "left")):
        amount = min(round(abs(delta or 0)) or (1 if delta else 0), WHEEL_AT_MOST)
        if amount:
            wished = {"type": "scroll", "direction": forth if (delta or 0) > 0 else back, "amount": amount}
            turns.append(ours.parse({**wished, "x": x, "y": y}))
    return turns
