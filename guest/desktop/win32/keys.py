"""Windows' virtual keys, from what people and models call them; and texts as what the keyboard sends."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from guest.desktop.base import bad_action
from guest.desktop.keynames import CONTROLS, plain, split
from guest.desktop.win32 import layouts
from guest.desktop.win32.layouts import Input

_KEYS = {
    **{"BackSpace": 0x08, "Tab": 0x09, "Clear": 0x0C, "Begin": 0x0C, "Return": 0x0D, "Linefeed": 0x0D},
    **{"Pause": 0x13, "Caps_Lock": 0x14, "Escape": 0x1B, "space": 0x20, "Select": 0x29, "Sys_Req": 0x2C},
    **{"Prior": 0x21, "Page_Up": 0x21, "Next": 0x22, "Page_Down": 0x22, "End": 0x23, "Home": 0x24},
    **{"Left": 0x25, "Up": 0x26, "Right": 0x27, "Down": 0x28, "Print": 0x2C, "Insert": 0x2D, "Delete": 0x2E},
    **{"Super_L": 0x5B, "Super_R": 0x5C, "Meta_L": 0x5B, "Meta_R": 0x5C, "Hyper_L": 0x5B, "Hyper_R": 0x5C},
    **{"Menu": 0x5D, "Num_Lock": 0x90, "Scroll_Lock": 0x91},
    **{"Shift_L": 0xA0, "Shift_R": 0xA1, "Control_L": 0xA2, "Control_R": 0xA3, "Alt_L": 0xA4, "Alt_R": 0xA5},
    "ISO_Level3_Shift": 0xA5,
    **{f"F{number}": 0x6F + number for number in range(1, 25)},
    **{f"KP_{number}": 0x60 + number for number in range(10)},
    **{"KP_Multiply": 0x6A, "KP_Add": 0x6B, "KP_Subtract": 0x6D, "KP_Decimal": 0x6E, "KP_Divide": 0x6F},
    "KP_Enter": 0x0D,
}
# Keys that a full keyboard has twice, or beside its numbers: without the mark, Windows takes the number pad's.
_EXTENDED = frozenset(
    (
        *("Prior", "Page_Up", "Next", "Page_Down", "End", "Home", "Left", "Up", "Right", "Down", "Insert", "Delete"),
        *("Print", "Num_Lock", "KP_Divide", "KP_Enter", "Control_R", "Alt_R", "ISO_Level3_Shift"),
        *("Super_L", "Super_R", "Meta_L", "Meta_R", "Hyper_L", "Hyper_R", "Menu"),
    )
)
_SHIFTS = ((1, 0xA0), (2, 0xA2), (4, 0xA4))
"""VkKeyScan's bits for Shift, Control and Alt, and their keys."""

_NO_KEY = 0xFFFF

Scan = Callable[[str], int]
"""VkKeyScan: for a character the key in the low byte and the shifts in the high one, or -1."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key that is held and let go, or one UTF-16 unit that no key types."""

    virtual_key: int = 0
    extended: bool = False
    unit: int = 0

    def input(self, *, down: bool) -> Input:
        if self.unit:
            return layouts.unit(self.unit, down=down)
        return layouts.key(self.virtual_key, down=down, extended=self.extended)


def strokes(names: list[str], scan: Scan) -> list[Stroke]:
    """The keys to hold together, each once, those that another needs before it.

    Raises:
        ActionFailed: there is no such key.
    """
    found: list[Stroke] = []
    for name in split(names):
        found += [stroke for stroke in _strokes(name, scan) if stroke not in found]
    return found


def text(characters: str) -> Iterator[Input]:
    """What types a text whatever the keyboard's layout: line ends and tabs by their keys, the rest as itself.

    Raises:
        ActionFailed: a control character, or half of a surrogate pair.
    """
    for character in characters.replace("\r\n", "\n"):
        for stroke in _typed(character):
            yield stroke.input(down=True)
            yield stroke.input(down=False)


def _typed(character: str) -> list[Stroke]:
    if character in CONTROLS:
        return [_named(CONTROLS[character])]
    if unicodedata.category(character) in ("Cc", "Cs"):
        raise bad_action(f"no key types the character U+{ord(character):04X}")
    content = character.encode("utf-16-le")
    return [Stroke(unit=code) for (code,) in struct.iter_unpack("<H", content)]


def _strokes(name: str, scan: Scan) -> list[Stroke]:
    if len(name) > 1 or name in CONTROLS:
        known = CONTROLS.get(name) or plain(name)
        if known not in _KEYS:
            raise bad_action(f"there is no key named {name!r}")
        return [_named(known)]
    scanned = scan(name) & 0xFFFF
    if scanned == _NO_KEY:
        return _typed(name)
    held = [Stroke(virtual_key) for bit, virtual_key in _SHIFTS if scanned >> 8 & bit]
    return [*held, Stroke(scanned & 0xFF)]


def _named(known: str) -> Stroke:
    return Stroke(_KEYS[known], extended=known in _EXTENDED)
