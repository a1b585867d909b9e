"""The pointer: moving it, its buttons and its wheel, as jobs for the X thread."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

from guest.desktop import xlib
from guest.desktop.connection import Connection
from guest.desktop.xlib import x11, xtst
from guest.protocol.actions import Point

BUTTONS = {"left": 1, "middle": 2, "right": 3}
WHEEL = {"up": 4, "down": 5, "left": 6, "right": 7}
_STEP_PIXELS = 24


class Pointer:
    """Each method is called on the X thread and returns without waiting for the server; `Connection` syncs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def move(self, x: int, y: int) -> None:
        xtst.XTestFakeMotionEvent(self._connection.display, -1, x, y, 0)

    def button(self, number: int, *, down: bool) -> None:
        xtst.XTestFakeButtonEvent(self._connection.display, number, int(down), 0)

    def click(self, number: int, *, count: int) -> None:
        for _ in range(count):
            self.button(number, down=True)
            self.button(number, down=False)

    def where(self) -> tuple[int, int, int]:
        """x and y on the screen, and the mask of modifiers and buttons that are down."""
        root, child = ctypes.c_ulong(), ctypes.c_ulong()
        x, y, inner_x, inner_y = (ctypes.c_int() for _ in range(4))
        mask = ctypes.c_uint()
        x11.XQueryPointer(*(self._connection.display, self._connection.root, root, child, x, y, inner_x, inner_y, mask))
        return x.value, y.value, mask.value


def between(start: Point, goal: Point) -> Iterator[tuple[int, int]]:
    """Places on the way, the goal last: programs take a drag for one only when they see the pointer travel."""
    steps = max(1, max(abs(goal.x - start.x), abs(goal.y - start.y)) // _STEP_PIXELS)
    for step in range(1, steps + 1):
        yield start.x + (goal.x - start.x) * step // steps, start.y + (goal.y - start.y) * step // steps


def sync(connection: Connection) -> None:
    """Until the server has taken all that was sent; errors of it have been heard by then."""
    x11.XSync(connection.display, xlib.CURRENT_TIME)
