"""What people and models call keys, and the one name that our tables have for each: X's."""

from __future__ import annotations

ALIASES = {
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
PLAIN = (
    *("BackSpace", "Begin", "Caps_Lock", "Clear", "Delete", "Down", "End", "Escape", "Home", "Insert", "Left"),
    *("Linefeed", "Menu", "Next", "Num_Lock", "Page_Down", "Page_Up", "Pause", "Print", "Prior", "Return", "Right"),
    *("Scroll_Lock", "Select", "Sys_Req", "Tab", "Up", "Alt_L", "Alt_R", "Control_L", "Control_R", "Shift_L"),
    *("Shift_R", "Super_L", "Super_R", "Meta_L", "Meta_R", "Hyper_L", "Hyper_R"),
    *(f"F{number}" for number in range(1, 25)),
    *(f"KP_{number}" for number in range(10)),
    *("KP_Add", "KP_Decimal", "KP_Divide", "KP_Enter", "KP_Multiply", "KP_Subtract"),
)
ALIASES |= {name.lower(): name for name in PLAIN}
ALIASES |= {name.lower().replace("_", ""): name for name in PLAIN}
CONTROLS = {"\n": "Return", "\r": "Return", "\t": "Tab", "\b": "BackSpace", "\x1b": "Escape", "\x7f": "Delete"}
"""The characters that a key of their own types."""


def split(names: list[str]) -> list[str]:
    """`["ctrl+c"]` as `["ctrl", "c"]`: many say it so. A plus on its own is the plus."""
    keys: list[str] = []
    for name in names:
        parts = name.split("+") if len(name) > 1 and not name.endswith("++") else [name]
        keys += parts if all(parts) else [name]
    return keys


def plain(name: str) -> str:
    """The table's name of a key; upper and lower case, spaces and underscores are the same. Unknown ones stay."""
    return ALIASES.get(name.lower()) or ALIASES.get(name.lower().replace("_", "").replace(" ", "")) or name
