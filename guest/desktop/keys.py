"""The keysym that X knows a key by, from what people and models call it."""

from __future__ import annotations

import unicodedata

from guest.desktop.base import bad_action
from guest.desktop.keynames import CONTROLS, plain
from guest.desktop.xlib import x11

_LAST_LATIN = 0xFF
_UNICODE_KEYSYMS = 0x0100_0000


def keysym_of_key(name: str) -> int:
    """The keysym of a key's name; upper and lower case and underscores are the same, but for single characters.

    Raises:
        ActionFailed: there is no such key.
    """
    if len(name) == 1:
        return keysym_of_character(name)
    known = plain(name)
    keysym: int = x11.XStringToKeysym(known.encode()) if known.isascii() else 0
    if not keysym:
        raise bad_action(f"there is no key named {name!r}")
    return keysym


def keysym_of_character(character: str) -> int:
    """The keysym that types `character`.

    Raises:
        ActionFailed: no key types it: a control character, or half of a surrogate pair.
    """
    if character in CONTROLS:
        keysym: int = x11.XStringToKeysym(CONTROLS[character].encode())
        return keysym
    point = ord(character)
    if unicodedata.category(character) in ("Cc", "Cs"):
        raise bad_action(f"no key types the character U+{point:04X}")
    return point if point <= _LAST_LATIN else _UNICODE_KEYSYMS | point
