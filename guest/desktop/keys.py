"""The names of keys: what people and models call them, and the keysym that X knows them by."""

from __future__ import annotations

import unicodedata

from guest.desktop.base import bad_action
from guest.desktop.xlib import x11

_ALIASES = {
    "alt": "Alt_L",
    "altgr": "ISO_Level3_Shift",
    "option": "Alt_L",
    "apps": "Menu",
    "arrowdown": "Down",
    "arrowleft": "Left",
    "arrowright": "Right",
    "arrowup": "Up",
    "back": "BackSpace",
    "backspace": "BackSpace",
    "break": "Pause",
    "capslock": "Caps_Lock",
    "cmd": "Super_L",
    "command": "Super_L",
    "control": "Control_L",
    "ctrl": "Control_L",
    "del": "Delete",
    "enter": "Return",
    "esc": "Escape",
    "ins": "Insert",
    "lctrl": "Control_L",
    "lshift": "Shift_L",
    "meta": "Super_L",
    "numlock": "Num_Lock",
    "pagedown": "Next",
    "pageup": "Prior",
    "pgdn": "Next",
    "pgup": "Prior",
    "prtsc": "Print",
    "printscreen": "Print",
    "rctrl": "Control_R",
    "return": "Return",
    "rshift": "Shift_R",
    "scrolllock": "Scroll_Lock",
    "shift": "Shift_L",
    "space": "space",
    "spacebar": "space",
    "super": "Super_L",
    "win": "Super_L",
    "windows": "Super_L",
}
_PLAIN = (
    *("BackSpace", "Begin", "Caps_Lock", "Clear", "Delete", "Down", "End", "Escape", "Home", "Insert", "Left"),
    *("Linefeed", "Menu", "Next", "Num_Lock", "Page_Down", "Page_Up", "Pause", "Print", "Prior", "Return", "Right"),
    *("Scroll_Lock", "Select", "Sys_Req", "Tab", "Up", "Alt_L", "Alt_R", "Control_L", "Control_R", "Shift_L"),
    *("Shift_R", "Super_L", "Super_R", "Meta_L", "Meta_R", "Hyper_L", "Hyper_R"),
    *(f"F{number}" for number in range(1, 25)),
    *(f"KP_{number}" for number in range(10)),
    *("KP_Add", "KP_Decimal", "KP_Divide", "KP_Enter", "KP_Multiply", "KP_Subtract"),
)
_ALIASES |= {name.lower(): name for name in _PLAIN}
_ALIASES |= {name.lower().replace("_", ""): name for name in _PLAIN}
_CONTROL_KEYS = {"\n": "Return", "\r": "Return", "\t": "Tab", "\b": "BackSpace", "\x1b": "Escape", "\x7f": "Delete"}
_LAST_LATIN = 0xFF
_UNICODE_KEYSYMS = 0x0100_0000


def split(names: list[str]) -> list[str]:
    """`["ctrl+c"]` as `["ctrl", "c"]`: many say it so. A plus on its own is the plus."""
    keys: list[str] = []
    for name in names:
        parts = name.split("+") if len(name) > 1 and not name.endswith("++") else [name]
        keys += parts if all(parts) else [name]
    return keys


def keysym_of_key(name: str) -> int:
    """The keysym of a key's name; upper and lower case and underscores are the same, but for single characters.

    Raises:
        ActionFailed: there is no such key.
    """
    if len(name) == 1:
        return keysym_of_character(name)
    plain = _ALIASES.get(name.lower()) or _ALIASES.get(name.lower().replace("_", "").replace(" ", "")) or name
    keysym: int = x11.XStringToKeysym(plain.encode()) if plain.isascii() else 0
    if not keysym:
        raise bad_action(f"there is no key named {name!r}")
    return keysym


def keysym_of_character(character: str) -> int:
    """The keysym that types `character`.

    Raises:
        ActionFailed: no key types it: a control character, or half of a surrogate pair.
    """
    if character in _CONTROL_KEYS:
        keysym: int = x11.XStringToKeysym(_CONTROL_KEYS[character].encode())
        return keysym
    point = ord(character)
    if unicodedata.category(character) in ("Cc", "Cs"):
        raise bad_action(f"no key types the character U+{point:04X}")
    return point if point <= _LAST_LATIN else _UNICODE_KEYSYMS | point
