"""Frames and actions: what was put in comes out, and whatever else comes is refused and nothing more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from guest.protocol import actions, frames

json_values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**53), 2**53)
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)
ACTIONS: list[actions.AnyAction] = [
    actions.Click(x=1, y=2, button="right", count=2, modifiers=["ctrl"]),
    actions.Move(x=0, y=0),
    actions.Drag(path=[actions.Point(x=1, y=1), actions.Point(x=9, y=9)]),
    actions.Scroll(direction="down"),
    actions.Type(text="héllo 😀"),
    actions.Press(keys=["ctrl", "c"], hold_ms=5),
    actions.CursorPosition(),
    actions.Wait(),
    actions.Screenshot(format="jpeg"),
    actions.Bash(command="true"),
]


@given(some.dictionaries(some.text(), json_values, max_size=4), some.binary(max_size=200))
def test_a_frame_gives_back_the_header_and_the_bytes(header: dict[str, Any], blob: bytes) -> None:
    got, rest = frames.decode(frames.encode(header, blob))
    assert got == header
    assert bytes(rest) == blob


@given(some.binary(max_size=300))
def test_any_bytes_are_a_frame_or_a_bad_frame(noise: bytes) -> None:
    try:
        header, _ = frames.decode(noise)
    except frames.BadFrame:
        return
    assert isinstance(header, dict)


@given(some.binary(max_size=100), some.integers(0, 2**32 - 1))
def test_a_length_that_lies_is_found_out(content: bytes, length: int) -> None:
    try:
        frames.decode(length.to_bytes(4, "big") + content)
    except frames.BadFrame:
        return
    assert length <= len(content)


def test_a_header_nested_without_end_is_a_bad_frame() -> None:
    head = b'{"a":' + b"[" * 100_000
    with pytest.raises(frames.BadFrame):
        frames.decode(len(head).to_bytes(4, "big") + head)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_an_action_survives_its_way_through_json(action: actions.AnyAction) -> None:
    assert actions.parse(actions.to_builtins(action)) == action


@given(json_values)
def test_any_value_is_an_action_or_a_bad_action(value: Any) -> None:
    with pytest.raises(actions.BadAction):
        actions.parse(value)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"type": "click", "x": -1, "y": 0}, "$.x"),
        ({"type": "click", "x": 10**30, "y": 0}, "$.x"),
        ({"type": "click", "x": True, "y": 0}, "$.x"),
        ({"type": "move", "x": 1}, "y"),
        ({"type": "click", "wait": 1}, "wait"),
        ({"type": "press", "keys": []}, "$.keys"),
        ({"type": "bash", "command": "true", "timeout_s": 0}, "$.timeout_s"),
        ({"type": "fly"}, "fly"),
    ],
)
def test_a_bad_action_names_what_is_wrong(value: Any, place: str) -> None:
    with pytest.raises(actions.BadAction, match=place.replace("$", r"\$")):
        actions.parse(value)
