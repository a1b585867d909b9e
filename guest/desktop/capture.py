"""The screen's pixels, by memory that we share with the X server."""

from __future__ import annotations

import ctypes
from ctypes import byref

from guest.desktop import xlib
from guest.desktop.base import failed
from guest.desktop.connection import Connection
from guest.desktop.xlib import libc, x11, xext

_PIXEL_BYTES = 4
_PRIVATE_AND_NEW = 0o1000 | 0o600  # IPC_CREAT, for this user
_REMOVE = 0  # IPC_RMID
_FAILED = ctypes.c_void_p(-1).value


class Screen:
    """Every method runs on the X thread; `pixels` is overwritten by the next `capture`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._segment = xlib.SharedSegment()
        self._image: ctypes._Pointer[xlib.Image] | None = None
        self.width, self.height = self._ask_size()
        self.pixels = memoryview(b"")
        connection.listeners[xlib.CONFIGURE_NOTIFY] = self._resized
        x11.XSelectInput(connection.display, connection.root, xlib.STRUCTURE_NOTIFY_MASK)

    def capture(self) -> memoryview:
        """The whole screen as rows of BGRX, four bytes a pixel, X being anything.

        Raises:
            ActionFailed: the server gives no picture.
        """
        if self._image is None:
            self._share()
        display, root = self._connection.display, self._connection.root
        if not xext.XShmGetImage(display, root, self._image, 0, 0, xlib.ALL_PLANES):
            self._unshare()
            raise failed("the X server gave no picture of the screen")
        return self.pixels

    def holds(self, x: int, y: int) -> bool:
        """Whether the point lies on the screen."""
        return 0 <= x < self.width and 0 <= y < self.height

    def _share(self) -> None:
        display = self._connection.display
        visual, depth = x11.XDefaultVisual(display, 0), x11.XDefaultDepth(display, 0)
        size = self.width * self.height * _PIXEL_BYTES
        self._segment.shmid = libc.shmget(0, size, _PRIVATE_AND_NEW)
        self._segment.shmaddr = libc.shmat(self._segment.shmid, None, 0) if self._segment.shmid >= 0 else _FAILED
        if self._segment.shmaddr == _FAILED:
            raise failed("there is no shared memory for a picture of the screen")
        image = xext.XShmCreateImage(
            display, visual, depth, xlib.ZPIXMAP, None, byref(self._segment), self.width, self.height
        )
        image.contents.data = self._segment.shmaddr
        xext.XShmAttach(display, byref(self._segment))
        x11.XSync(display, 0)
        # Both sides hold it now; removed already, it goes when the last of them ends, however that happens.
        libc.shmctl(self._segment.shmid, _REMOVE, None)
        self._image = image
        address = self._segment.shmaddr or 0
        self.pixels = memoryview((ctypes.c_ubyte * size).from_address(address)).cast("B")

    def _unshare(self) -> None:
        if self._image is None:
            return
        xext.XShmDetach(self._connection.display, byref(self._segment))
        self._image, self.pixels = None, memoryview(b"")
        # Kept mapped: an encoder may still be reading, and screens change their size seldom.

    def _resized(self, event: xlib.Event) -> None:
        change = event.configure
        if change.window == self._connection.root and (change.width, change.height) != (self.width, self.height):
            self._unshare()
            self.width, self.height = change.width, change.height

    def _ask_size(self) -> tuple[int, int]:
        root = ctypes.c_ulong()
        x, y = ctypes.c_int(), ctypes.c_int()
        width, height, border, depth = (ctypes.c_uint() for _ in range(4))
        display = self._connection.display
        x11.XGetGeometry(display, self._connection.root, root, x, y, width, height, border, depth)
        return width.value, height.value
