"""The clipboard's text."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager

from guest.desktop.base import failed
from guest.desktop.win32.api import Api

_UNICODE_TEXT, _MOVEABLE = 13, 0x2
_OPEN_WITHIN_S, _LOOK_AGAIN_S = 1.0, 0.01


class Clipboard:
    """Every method runs on the hands' thread and raises `ActionFailed` where another program keeps the clipboard."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self) -> str | None:
        """Its text, or None where it holds something else or nothing."""
        with self._open():
            handle = self._api.user.GetClipboardData(_UNICODE_TEXT)
            place = handle and self._api.kernel.GlobalLock(handle)
            if not place:
                return None
            try:
                content = ctypes.string_at(place, self._api.kernel.GlobalSize(handle))
            finally:
                self._api.kernel.GlobalUnlock(handle)
        return until_nul(content)

    def write(self, text: str) -> None:
        """From now on it holds this and nothing else."""
        content = with_nul(text)
        handle = self._api.kernel.GlobalAlloc(_MOVEABLE, len(content))
        place = handle and self._api.kernel.GlobalLock(handle)
        if not place:
            raise failed("Windows has no memory for the text")
        ctypes.memmove(place, content, len(content))
        self._api.kernel.GlobalUnlock(handle)
        with self._open():
            self._api.user.EmptyClipboard()
            if not self._api.user.SetClipboardData(_UNICODE_TEXT, handle):  # else the memory is Windows' from here on
                self._api.kernel.GlobalFree(handle)
                raise failed("the clipboard did not take the text")

    @contextmanager
    def _open(self) -> Iterator[None]:
        """Others hold it for moments at a time."""
        until = time.monotonic() + _OPEN_WITHIN_S
        while not self._api.user.OpenClipboard(None):
            if time.monotonic() > until:
                raise failed("another program keeps the clipboard")
            time.sleep(_LOOK_AGAIN_S)
        try:
            yield
        finally:
            self._api.user.CloseClipboard()


def with_nul(text: str) -> bytes:
    """As Windows keeps it: UTF-16, its own line ends, a NUL at the end."""
    lines = text.replace("\r\n", "\n").replace("\n", "\r\n").replace("\0", "")
    return lines.encode("utf-16-le", errors="replace") + b"\0\0"


def until_nul(content: bytes) -> str:
    """The text again, with our line ends."""
    return (
        content[: len(content) // 2 * 2].decode("utf-16-le", errors="replace").split("\0", 1)[0].replace("\r\n", "\n")
    )
