"""The screen's pixels by GDI, into memory that is kept from one picture to the next."""

from __future__ import annotations

import ctypes

from guest.desktop.base import failed
from guest.desktop.win32 import layouts
from guest.desktop.win32.api import Api

_BGRX_BYTES = 4
_DIB_RGB_COLOURS = 0
_SOURCE_COPY, _LAYERED_TOO = 0x00CC_0020, 0x4000_0000


class Screen:
    """Every method runs on the hands' thread. A screen that changes its size is met with fresh memory."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._size = (0, 0)
        self._context: int | None = None
        self._bitmap: int | None = None
        self._pixels = memoryview(b"")

    def capture(self) -> tuple[memoryview, int, int]:
        """Rows of BGRX, and the size. The memory is written again by the next picture.

        Raises:
            ActionFailed: there is no screen to see: it is locked, or nobody is signed in.
        """
        self._fit(self._api.screen())
        width, height = self._size
        screen = self._api.user.GetDC(None)
        try:
            how = _SOURCE_COPY | _LAYERED_TOO
            seen = self._api.gdi.BitBlt(self._context, 0, 0, width, height, screen, 0, 0, how)
        finally:
            self._api.user.ReleaseDC(None, screen)
        self._api.gdi.GdiFlush()
        if not seen:
            raise failed("the screen cannot be seen: it is locked, or nobody is signed in")
        return self._pixels, width, height

    def close(self) -> None:
        """Give the memory back; twice is no harm."""
        if self._bitmap is not None:
            self._pixels = memoryview(b"")
            self._api.gdi.DeleteDC(self._context)
            self._api.gdi.DeleteObject(self._bitmap)
            self._context = self._bitmap = None
            self._size = (0, 0)

    def _fit(self, size: tuple[int, int]) -> None:
        if size == self._size:
            return
        self.close()
        bits = ctypes.c_void_p()
        wanted = layouts.bitmap(*size)
        self._bitmap = self._api.gdi.CreateDIBSection(None, wanted, _DIB_RGB_COLOURS, bits, None, 0)
        if not self._bitmap or not bits.value:
            self._bitmap = None
            raise failed("Windows has no memory for a picture of the screen")
        self._context = self._api.gdi.CreateCompatibleDC(None)
        self._api.gdi.SelectObject(self._context, self._bitmap)
        content = (ctypes.c_ubyte * (size[0] * size[1] * _BGRX_BYTES)).from_address(bits.value)
        self._pixels, self._size = memoryview(content).cast("B"), size
