"""The typed actions. Each class is at once HTTP body, guest input and LLM tool schema (`msgspec.json.schema`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Coordinate = Annotated[int, Meta(ge=0, le=16_383, description="Pixels from the left or the top edge.")]
Button = Literal["left", "middle", "right"]
FILE_BYTES = 16 * 1024 * 1024
WRITTEN_BYTES = 2 * 1024 * 1024
EDITED_CHARACTERS = 1024 * 1024
FilePath = Annotated[
    str, Meta(min_length=1, max_length=4_096, description="Absolute, or from the user's home; `~` is the home.")
]
EditText = Annotated[str, Meta(max_length=EDITED_CHARACTERS)]
Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
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


class Edit(Action, tag="edit", frozen=True):
    """Look at a text file, or change it: `view`, `create`, `str_replace` (once, and only once), `insert`, `undo_edit`.

    The file is UTF-8 and has at most a mebibyte; it is replaced in one step.
    """

    command: Literal["view", "create", "str_replace", "insert", "undo_edit"]
    path: FilePath
    file_text: EditText | None = None
    view_range: Annotated[list[int], Meta(min_length=2, max_length=2, description="From 1; -1: to the end.")] | None = (
        None
    )
    old_str: EditText | None = None
    new_str: EditText | None = None
    insert_line: Annotated[int, Meta(ge=0, description="Behind which line; 0: before the first.")] | None = None


class ReadFile(Action, tag="read_file", frozen=True):
    """A file's bytes, or a part of them."""

    path: FilePath
    offset: Annotated[int, Meta(ge=0, le=2**53)] = 0
    length: Annotated[int, Meta(ge=1, le=FILE_BYTES)] = FILE_BYTES


class WriteFile(Action, tag="write_file", frozen=True):
    """Write a file, in one step: readers see the old one or the new one. Its folders are made where they are missing.

    Either `content`, a text, or `data`, bytes in base64. `append` adds to what is there.
    """

    path: FilePath
    content: Annotated[str, Meta(max_length=WRITTEN_BYTES)] | None = None
    data: Annotated[bytes, Meta(max_length=WRITTEN_BYTES)] | None = None
    append: bool = False


class ListFiles(Action, tag="list_files", frozen=True):
    """What lies in a folder, by name; at most a thousand of it."""

    path: FilePath = "~"


class GetEnvironment(Action, tag="get_environment", frozen=True):
    """The instance's own variables, as its shells find them now."""


class SetEnvironment(Action, tag="set_environment", frozen=True):
    """Set variables for the shells, and keep them with the instance."""

    variables: Annotated[dict[Variable, Annotated[str, Meta(max_length=32 * 1024)]], Meta(min_length=1, max_length=100)]


class UnsetEnvironment(Action, tag="unset_environment", frozen=True):
    """Take variables away; one that is not there is no error."""

    names: Annotated[list[Variable], Meta(min_length=1, max_length=100)]


class CurrentUrl(Action, tag="current_url", frozen=True):
    """The address that the browser shows."""


class Navigate(Action, tag="navigate", frozen=True):
    """Have the browser go to an address."""

    url: Annotated[str, Meta(min_length=1, max_length=8_192)]


AnyAction = (
    Click
    | Move
    | Drag
    | Scroll
    | Type
    | Press
    | CursorPosition
    | Wait
    | Screenshot
    | Bash
    | Edit
    | ReadFile
    | WriteFile
    | ListFiles
    | GetEnvironment
    | SetEnvironment
    | UnsetEnvironment
    | CurrentUrl
    | Navigate
)


class Batch(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Actions in turn, and one picture at the end."""

    actions: Annotated[list[AnyAction], Meta(min_length=1, max_length=100)]
    stop_on_failure: bool = True
    screenshot: Screenshot | None = None


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


def parse_batch(value: Any) -> Batch:
    """A batch from a decoded JSON value. Raises `BadAction`."""
    try:
        return msgspec.convert(value, Batch)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadAction(str(error)) from error


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
        case Navigate() | ReadFile() | WriteFile():
            return 10.0
        case _:
            return 0.0


def openapi_schemas() -> dict[str, Any]:
    """JSON schemas of all actions by class name, and `Action`, which is any one of them, told apart by `type`."""
    (union, _), schemas = msgspec.json.schema_components([AnyAction, Batch], ref_template="#/components/schemas/{name}")
    either = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Action", "Batch")]}
    return {**schemas, "Action": union, "ActionOrBatch": either}
