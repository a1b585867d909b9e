"""What a viewer sends to a VNC server, message by message: input goes on only while its viewer may drive.

RFC 6143 and the extensions that noVNC speaks. A viewer that sends anything else is let go: what cannot be told apart
cannot be held back.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

MAX_TEXT_BYTES = 1024 * 1024
MAX_ENCODINGS = 128
_VERSION = b"RFB 003.008\n"
_NO_SECURITY, _SHARED = b"\x01", b"\x01"
_SET_ENCODINGS, _KEY, _POINTER, _CUT_TEXT = 2, 4, 5, 6
_XVP, _SET_SIZE, _QEMU = 250, 251, 255
_INPUT = frozenset({_KEY, _POINTER, _CUT_TEXT, _XVP, _SET_SIZE, _QEMU})
_LARGEST_SIDE = 4096

# What a server may be told that its viewer understands; what is left out it will not use, nor have used. Without the
# extension of more mouse buttons (-316), for example, a pointer's message has one length.
_ENCODINGS = frozenset(
    {0, 1, 2, 5, 6, 7, 16, 21, -260, -223, -224, -239, -240, -258, -261, -307, -308, -312, -313, -314}
    | {0x574D5664, 0xC0A1E5CE - (1 << 32), *range(-32, -22), *range(-256, -246), *range(-412, -400)}
)


class BadViewer(ValueError):
    """The bytes are no RFB that is spoken here."""


class Filter:
    """One viewer's bytes. `typed` is called for each message of input that went on."""

    def __init__(self, typed: Callable[[], None]) -> None:
        self._typed = typed
        self._held = bytearray()
        self._greeting = [len(_VERSION), 1, 1]
        self._keys: set[int] = set()
        self._buttons = False

    def take(self, data: bytes, *, drives: bool) -> bytes:
        """What of it goes on to the machine now. The rest of a message that is not whole yet is kept.

        Raises:
            BadViewer: this is not RFB 3.8 as a viewer speaks it.
        """
        self._held += data
        passed = bytearray()
        while (length := self._next_length()) is not None and len(self._held) >= length:
            message = bytes(self._held[:length])
            del self._held[:length]
            passed += self._greeted(message) if self._greeting else self._allowed(message, drives)
        return bytes(passed)

    def let_go(self) -> bytes:
        """What releases the keys and buttons that this viewer holds down; called when it stops driving."""
        ups = b"".join(struct.pack(">BBxxI", _KEY, 0, key) for key in sorted(self._keys))
        self._keys.clear()
        # At the very place it was last: a button that goes up elsewhere would be a drag.
        up = struct.pack(">BBHH", _POINTER, 0, *self._place) if self._buttons else b""
        self._buttons = False
        return ups + up

    _place = (0, 0)

    def _next_length(self) -> int | None:
        """Of the message at the front, as far as its beginning tells; None where that is not there yet."""
        if self._greeting:
            return self._greeting[0]
        return _length_of(self._held) if self._held else None

    def _greeted(self, message: bytes) -> bytes:
        step = len(self._greeting)
        self._greeting.pop(0)
        if (step == 3 and message != _VERSION) or (step == 2 and message != _NO_SECURITY):
            raise BadViewer("RFB 3.8 without security is what is spoken here")
        return _SHARED if step == 1 else message

    def _allowed(self, message: bytes, drives: bool) -> bytes:
        kind = message[0]
        if kind == _SET_ENCODINGS:
            return _understood(message)
        if kind not in _INPUT:
            return message
        if not drives or kind == _XVP or (kind == _SET_SIZE and not _is_sane_size(message)):
            return b""
        self._note(message)
        self._typed()
        return message

    def _note(self, message: bytes) -> None:
        if message[0] == _KEY or message[0] == _QEMU:
            down = message[1] if message[0] == _KEY else message[3]
            key = int.from_bytes(message[4:8], "big")
            self._keys.add(key) if down else self._keys.discard(key)
        elif message[0] == _POINTER:
            self._buttons = bool(message[1])
            self._place = struct.unpack(">HH", message[2:6])


def _length_of(held: bytearray) -> int | None:
    fixed = {0: 20, 3: 10, _KEY: 8, _POINTER: 6, 150: 10, _XVP: 4, _QEMU: 12}
    kind = held[0]
    if kind in fixed:
        return fixed[kind]
    if kind == _SET_ENCODINGS and len(held) >= 4:
        return 4 + 4 * _at_most(int.from_bytes(held[2:4], "big"), MAX_ENCODINGS)
    if kind == _CUT_TEXT and len(held) >= 8:
        return 8 + _at_most(abs(int.from_bytes(held[4:8], "big", signed=True)), MAX_TEXT_BYTES)
    if kind == 248 and len(held) >= 9:  # a fence
        return 9 + _at_most(held[8], 64)
    if kind == _SET_SIZE and len(held) >= 8:
        return 8 + 16 * _at_most(held[6], 16)
    if kind not in (_SET_ENCODINGS, _CUT_TEXT, 248, _SET_SIZE):
        raise BadViewer(f"a message of kind {kind} is not known here")
    return None


def _at_most(number: int, most: int) -> int:
    if number > most:
        raise BadViewer(f"a message is longer than it may be: {number}, at most {most}")
    return number


def _understood(message: bytes) -> bytes:
    wished = struct.unpack(f">{(len(message) - 4) // 4}i", message[4:])
    kept = [encoding for encoding in wished if encoding in _ENCODINGS]
    return struct.pack(f">BxH{len(kept)}i", _SET_ENCODINGS, len(kept), *kept)


def _is_sane_size(message: bytes) -> bool:
    width, height = struct.unpack(">HH", message[2:6])
    return bool(64 <= width <= _LARGEST_SIDE and 64 <= height <= _LARGEST_SIDE)
