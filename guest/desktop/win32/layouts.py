"""Structures of Windows' API, laid out as on 64-bit Windows wherever Python runs, and the numbers that go into them.

Widths are spelled out: a C long has four bytes on Windows and eight elsewhere.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

INPUT_MOUSE, INPUT_KEYBOARD = 0, 1
KEY_EXTENDED, KEY_UP, KEY_UNICODE = 0x1, 0x2, 0x4
MOUSE_MOVE, MOUSE_WHEEL, MOUSE_HWHEEL, MOUSE_ABSOLUTE = 0x1, 0x800, 0x1000, 0x8000
BUTTON_FLAGS = {"left": (0x2, 0x4), "right": (0x8, 0x10), "middle": (0x20, 0x40)}
"""Down and up."""
WHEEL_CLICK = 120
_NORMAL = 65_536


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int32), ("y", ctypes.c_int32)]


class MouseInput(ctypes.Structure):
    _fields_ = [
        ("dx", ctypes.c_int32),
        ("dy", ctypes.c_int32),
        ("mouse_data", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("time", ctypes.c_uint32),
        ("extra_info", ctypes.c_size_t),
    ]


class KeyboardInput(ctypes.Structure):
    _fields_ = [
        ("virtual_key", ctypes.c_uint16),
        ("scan", ctypes.c_uint16),
        ("flags", ctypes.c_uint32),
        ("time", ctypes.c_uint32),
        ("extra_info", ctypes.c_size_t),
    ]


class _Either(ctypes.Union):
    _fields_ = [("mouse", MouseInput), ("keyboard", KeyboardInput)]


class Input(ctypes.Structure):
    """INPUT: 40 bytes."""

    _anonymous_ = ("either",)
    _fields_ = [("kind", ctypes.c_uint32), ("either", _Either)]


class BitmapInfo(ctypes.Structure):
    """BITMAPINFOHEADER, and room for one colour that nobody reads."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("planes", ctypes.c_uint16),
        ("bit_count", ctypes.c_uint16),
        ("compression", ctypes.c_uint32),
        ("image_bytes", ctypes.c_uint32),
        ("x_per_metre", ctypes.c_int32),
        ("y_per_metre", ctypes.c_int32),
        ("colours_used", ctypes.c_uint32),
        ("colours_needed", ctypes.c_uint32),
        ("colours", ctypes.c_uint32),
    ]


HEADER_BYTES = 40


def bitmap(width: int, height: int) -> BitmapInfo:
    """A picture of 32-bit BGRX rows, the topmost first: a height below zero says so."""
    return BitmapInfo(size=HEADER_BYTES, width=width, height=-height, planes=1, bit_count=32)


def key(virtual_key: int, *, down: bool, extended: bool = False) -> Input:
    """A key of the keyboard."""
    flags = (KEY_EXTENDED if extended else 0) | (0 if down else KEY_UP)
    return Input(kind=INPUT_KEYBOARD, keyboard=KeyboardInput(virtual_key=virtual_key, flags=flags))


def unit(code: int, *, down: bool) -> Input:
    """One UTF-16 unit, typed by no key."""
    flags = KEY_UNICODE | (0 if down else KEY_UP)
    return Input(kind=INPUT_KEYBOARD, keyboard=KeyboardInput(scan=code, flags=flags))


def button(name: str, *, down: bool) -> Input:
    return Input(kind=INPUT_MOUSE, mouse=MouseInput(flags=BUTTON_FLAGS[name][0 if down else 1]))


def wheel(direction: str) -> Input:
    """One click of the wheel. Up and right count upwards."""
    sideways = direction in ("left", "right")
    turned = WHEEL_CLICK if direction in ("up", "right") else -WHEEL_CLICK
    flags = MOUSE_HWHEEL if sideways else MOUSE_WHEEL
    return Input(kind=INPUT_MOUSE, mouse=MouseInput(mouse_data=turned & 0xFFFF_FFFF, flags=flags))


def moved(x: int, y: int, *, width: int, height: int) -> Input:
    """The pointer to a pixel of the screen. Windows takes 65,536ths; rounded up, they lead back to the same pixel."""
    flags = MOUSE_MOVE | MOUSE_ABSOLUTE
    return Input(kind=INPUT_MOUSE, mouse=MouseInput(dx=normal(x, width), dy=normal(y, height), flags=flags))


def normal(pixel: int, of: int) -> int:
    """A pixel as a 65,536th of the screen's `of` pixels."""
    return -(-pixel * _NORMAL // of)


def array(inputs: Sequence[Input]) -> ctypes.Array[Input]:
    """As SendInput takes them."""
    return (Input * len(inputs))(*inputs)
