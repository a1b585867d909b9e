"""What is on the screen: which window has the keyboard, and whether something has been painted."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

from guest.desktop import xlib
from guest.desktop.connection import Connection
from guest.desktop.xlib import x11

_ANY_TYPE = 0
_LONGEST_LIST = 1024
_DEEPEST = 16


class Windows:
    """Every method runs on the X thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client_list: int = x11.XInternAtom(connection.display, b"_NET_CLIENT_LIST", 0)

    def focused_class(self) -> str:
        """The class of the program that has the keyboard, or "" where none has, or it does not say."""
        window, revert = ctypes.c_ulong(), ctypes.c_int()
        x11.XGetInputFocus(self._connection.display, window, revert)
        for each in self._upwards(window.value):
            if name := self._class(each):
                return name
        return ""

    def frames(self) -> Iterator[tuple[int, int, int, int]]:
        """x, y, width and height on the screen of each window that the window manager holds."""
        for window in self._held():
            place = self._geometry(window)
            if place:
                yield place

    def _held(self) -> list[int]:
        kind, width, count, rest = ctypes.c_ulong(), ctypes.c_int(), ctypes.c_ulong(), ctypes.c_ulong()
        values = ctypes.c_void_p()
        question = (self._connection.display, self._connection.root, self._client_list, 0, _LONGEST_LIST, 0, _ANY_TYPE)
        x11.XGetWindowProperty(*question, kind, width, count, rest, values)
        if not values:
            return []
        held = list(ctypes.cast(values, ctypes.POINTER(ctypes.c_ulong))[: count.value])
        x11.XFree(values)
        return held

    def _geometry(self, window: int) -> tuple[int, int, int, int] | None:
        root, child = ctypes.c_ulong(), ctypes.c_ulong()
        x, y = ctypes.c_int(), ctypes.c_int()
        width, height, border, depth = (ctypes.c_uint() for _ in range(4))
        display = self._connection.display
        if not x11.XGetGeometry(display, window, root, x, y, width, height, border, depth):
            return None
        x11.XTranslateCoordinates(display, window, root.value, 0, 0, x, y, child)
        return x.value, y.value, width.value, height.value

    def _upwards(self, window: int) -> Iterator[int]:
        """The window and those it lies in. 0 and 1 mean that no window, or the one under the pointer, has the focus."""
        for _ in range(_DEEPEST):
            if window <= 1 or window == self._connection.root:
                return
            yield window
            root, parent, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
            children = ctypes.c_void_p()
            if not x11.XQueryTree(self._connection.display, window, root, parent, children, count):
                return
            x11.XFree(children)
            window = parent.value

    def _class(self, window: int) -> str:
        hint = xlib.ClassHint()
        if not x11.XGetClassHint(self._connection.display, window, hint):
            return ""
        name = ctypes.string_at(hint.class_name).decode(errors="replace") if hint.class_name else ""
        x11.XFree(hint.name)
        x11.XFree(hint.class_name)
        return name
