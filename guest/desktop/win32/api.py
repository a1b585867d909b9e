"""The calls of Windows that the hands make, with their types. Loaded when a desktop is made, and on Windows alone."""

from __future__ import annotations

import ctypes
from ctypes import c_int, c_int16, c_int32, c_size_t, c_uint16, c_uint32, c_void_p
from typing import Any

from guest.desktop.win32.layouts import BitmapInfo, Input, Point

_PER_MONITOR_AWARE = -4
SCREEN_WIDTH, SCREEN_HEIGHT = 0, 1

_pointer = ctypes.POINTER
_Functions = dict[str, tuple[Any, list[Any]]]
USER: _Functions = {
    "SendInput": (c_uint32, [c_uint32, _pointer(Input), c_int]),
    "GetCursorPos": (c_int, [_pointer(Point)]),
    "SetCursorPos": (c_int, [c_int, c_int]),
    "GetSystemMetrics": (c_int, [c_int]),
    "VkKeyScanW": (c_int16, [c_uint16]),
    "GetDC": (c_void_p, [c_void_p]),
    "ReleaseDC": (c_int, [c_void_p, c_void_p]),
    "OpenClipboard": (c_int, [c_void_p]),
    "CloseClipboard": (c_int, []),
    "EmptyClipboard": (c_int, []),
    "GetClipboardData": (c_void_p, [c_uint32]),
    "SetClipboardData": (c_void_p, [c_uint32, c_void_p]),
    "SetProcessDpiAwarenessContext": (c_int, [c_void_p]),
}
GDI: _Functions = {
    "CreateCompatibleDC": (c_void_p, [c_void_p]),
    "CreateDIBSection": (
        c_void_p,
        [c_void_p, _pointer(BitmapInfo), c_uint32, _pointer(c_void_p), c_void_p, c_uint32],
    ),
    "SelectObject": (c_void_p, [c_void_p, c_void_p]),
    "BitBlt": (c_int, [c_void_p, c_int, c_int, c_int, c_int, c_void_p, c_int, c_int, c_uint32]),
    "GdiFlush": (c_int, []),
    "DeleteObject": (c_int, [c_void_p]),
    "DeleteDC": (c_int, [c_void_p]),
}
KERNEL: _Functions = {
    "GlobalAlloc": (c_void_p, [c_uint32, c_size_t]),
    "GlobalFree": (c_void_p, [c_void_p]),
    "GlobalLock": (c_void_p, [c_void_p]),
    "GlobalUnlock": (c_int32, [c_void_p]),
    "GlobalSize": (c_size_t, [c_void_p]),
}


class Api:
    """`user`, `gdi` and `kernel`: libraries whose functions know their types."""

    def __init__(self) -> None:
        """Raises `OSError` where this is no Windows."""
        if not hasattr(ctypes, "WinDLL"):
            raise OSError("this is no Windows")
        self.user = _typed("user32", USER)
        self.gdi = _typed("gdi32", GDI)
        self.kernel = _typed("kernel32", KERNEL)
        # Pixels are pixels, whatever the screen is scaled to.
        self.user.SetProcessDpiAwarenessContext(_PER_MONITOR_AWARE)

    def screen(self) -> tuple[int, int]:
        """The first screen's width and height in pixels."""
        return self.user.GetSystemMetrics(SCREEN_WIDTH), self.user.GetSystemMetrics(SCREEN_HEIGHT)


def _typed(name: str, functions: _Functions) -> Any:
    library = getattr(ctypes, "WinDLL")(name, use_last_error=True)  # noqa: B009 - other systems' ctypes has none
    for function, (result, arguments) in functions.items():
        call = getattr(library, function)
        call.restype, call.argtypes = result, arguments
    return library
