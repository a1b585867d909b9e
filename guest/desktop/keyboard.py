"""The keyboard as X has it: which key gives which keysym, and spare keys lent to those that none gives."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Iterable

from guest.desktop import xlib
from guest.desktop.connection import Connection
from guest.desktop.keys import keysym_of_key
from guest.desktop.pointer import sync
from guest.desktop.xlib import x11, xtst

_LENT_AT_ONCE = 12
# Looked through first: some signs are also on keys that no real keyboard has, and not every program knows those.
_MAIN_BLOCK = range(9, 66)
Stroke = tuple[int, bool]


class Keyboard:
    """Every method runs on the X thread. A keysym's stroke is its keycode and whether Shift goes with it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._strokes: dict[int, Stroke] = {}
        self._spare: list[int] = []
        self._lent: OrderedDict[int, int] = OrderedDict()
        self._stale = True
        self._shift = 0
        connection.listeners[xlib.MAPPING_NOTIFY] = self._forget

    def strokes(self, keysyms: Iterable[int]) -> list[Stroke] | None:
        """How to type them all with the keys there are now, or None where one has no key."""
        self._refresh()
        found = [self._strokes.get(keysym) for keysym in keysyms]
        return None if None in found else [stroke for stroke in found if stroke is not None]

    def without_key(self, keysyms: Iterable[int]) -> set[int]:
        """Those of them that no key gives now."""
        self._refresh()
        return {keysym for keysym in keysyms if keysym not in self._strokes}

    def may_lend(self, count: int) -> bool:
        """Whether `count` more keysyms find spare keys."""
        self._refresh()
        return count <= min(_LENT_AT_ONCE, len(self._spare))

    def lend(self, keysyms: Iterable[int]) -> None:
        """Put the keysyms on spare keys, all in one go; programs need a moment to notice.

        They stay there until others need the place: a program may look a key up long after it was pressed.
        """
        self._refresh()
        for keysym in keysyms:
            keycode = self._spare_key()
            self._lent[keycode] = keysym
            both = (ctypes.c_ulong * 2)(keysym, keysym)
            x11.XChangeKeyboardMapping(self._connection.display, keycode, 2, both, 1)
            self._strokes[keysym] = (keycode, False)
        sync(self._connection)

    def tap(self, strokes: Iterable[Stroke]) -> None:
        """Press and release each, one after the other."""
        shifted = False
        for keycode, shift in strokes:
            if shift != shifted:
                self.key(self._shift, down=shift)
                shifted = shift
            self.key(keycode, down=True)
            self.key(keycode, down=False)
        if shifted:
            self.key(self._shift, down=False)
        sync(self._connection)

    def key(self, keycode: int, *, down: bool) -> None:
        xtst.XTestFakeKeyEvent(self._connection.display, keycode, int(down), 0)

    @property
    def shift(self) -> int:
        """The keycode of Shift."""
        self._refresh()
        return self._shift

    def _spare_key(self) -> int:
        free = next((keycode for keycode in self._spare if keycode not in self._lent), None)
        if free is not None:
            return free
        keycode, old = self._lent.popitem(last=False)
        self._strokes.pop(old, None)
        return keycode

    def _forget(self, _event: xlib.Event) -> None:
        self._stale = True

    def _refresh(self) -> None:
        if not self._stale:
            return
        self._stale = False
        table = self._table()
        lent = set(self._lent)
        self._spare = [keycode for keycode, symbols in table.items() if not any(symbols) or keycode in lent]
        self._lent = OrderedDict((code, symbol) for code, symbol in self._lent.items() if symbol in table[code])
        self._strokes = {}
        for keycodes in (_MAIN_BLOCK, table):
            for level, shift in ((0, False), (1, True)):
                for keycode in keycodes:
                    symbols = table.get(keycode, [])
                    if level < len(symbols) and symbols[level]:
                        self._strokes.setdefault(symbols[level], (keycode, shift))
        self._shift = self._strokes[keysym_of_key("shift")][0]

    def _table(self) -> dict[int, list[int]]:
        first, last, width = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
        x11.XDisplayKeycodes(self._connection.display, first, last)
        count = last.value - first.value + 1
        symbols = x11.XGetKeyboardMapping(self._connection.display, first.value, count, width)
        flat = symbols[: count * width.value]
        x11.XFree(symbols)
        rows = (flat[at : at + width.value] for at in range(0, len(flat), width.value))
        return dict(enumerate(rows, start=first.value))
