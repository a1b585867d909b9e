"""The few functions of Xlib, XTest and the shared-memory extension that we call, with their C types."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p
from typing import Any

x11 = ctypes.CDLL("libX11.so.6")
xtst = ctypes.CDLL("libXtst.so.6")
xext = ctypes.CDLL("libXext.so.6")
xdamage = ctypes.CDLL("libXdamage.so.1")
libc = ctypes.CDLL(None, use_errno=True)

CURRENT_TIME = 0
ZPIXMAP = 2
ALL_PLANES = 0xFFFF_FFFF
PROPERTY_CHANGE_MASK = 1 << 22
STRUCTURE_NOTIFY_MASK = 1 << 17
CONFIGURE_NOTIFY = 22
PROPERTY_NOTIFY = 28
SELECTION_CLEAR = 29
SELECTION_REQUEST = 30
SELECTION_NOTIFY = 31
CLIENT_MESSAGE = 33
MAPPING_NOTIFY = 34
PROPERTY_DELETED = 1
REPLACE = 0
LOCK_MASK = 1 << 1
ATOM = 4

Display = c_void_p
Window = c_ulong
Atom = c_ulong

_ANY = (("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", Display))


class SelectionRequest(Structure):
    _fields_ = [
        *_ANY,
        ("owner", Window),
        ("requestor", Window),
        ("selection", Atom),
        ("target", Atom),
        ("property", Atom),
        ("time", c_ulong),
    ]


class SelectionNotify(Structure):
    _fields_ = [
        *_ANY,
        ("requestor", Window),
        ("selection", Atom),
        ("target", Atom),
        ("property", Atom),
        ("time", c_ulong),
    ]


class PropertyNotify(Structure):
    _fields_ = [*_ANY, ("window", Window), ("atom", Atom), ("time", c_ulong), ("state", c_int)]


class ClientMessage(Structure):
    _fields_ = [*_ANY, ("window", Window), ("message_type", Atom), ("format", c_int), ("data", c_long * 5)]


class ConfigureNotify(Structure):
    _fields_ = [
        *_ANY,
        ("event", Window),
        ("window", Window),
        ("x", c_int),
        ("y", c_int),
        ("width", c_int),
        ("height", c_int),
    ]


class ErrorEvent(Structure):
    _fields_ = [
        ("type", c_int),
        ("display", Display),
        ("resource", c_ulong),
        ("serial", c_ulong),
        ("error_code", ctypes.c_ubyte),
        ("request_code", ctypes.c_ubyte),
        ("minor_code", ctypes.c_ubyte),
    ]


class Event(ctypes.Union):
    _fields_ = [
        ("type", c_int),
        ("selection_request", SelectionRequest),
        ("selection", SelectionNotify),
        ("property", PropertyNotify),
        ("client_message", ClientMessage),
        ("configure", ConfigureNotify),
        ("room", c_long * 24),
    ]


class Image(Structure):
    """The beginning of an XImage; Xlib makes and frees it, so the rest need not be known here."""

    _fields_ = [
        ("width", c_int),
        ("height", c_int),
        ("xoffset", c_int),
        ("format", c_int),
        ("data", c_void_p),
        ("byte_order", c_int),
        ("bitmap_unit", c_int),
        ("bitmap_bit_order", c_int),
        ("bitmap_pad", c_int),
        ("depth", c_int),
        ("bytes_per_line", c_int),
        ("bits_per_pixel", c_int),
    ]


class SharedSegment(Structure):
    _fields_ = [("shmseg", c_ulong), ("shmid", c_int), ("shmaddr", c_void_p), ("read_only", c_int)]


class ClassHint(Structure):
    _fields_ = [("name", c_void_p), ("class_name", c_void_p)]


ErrorHandler = ctypes.CFUNCTYPE(c_int, Display, POINTER(ErrorEvent))
LostHandler = ctypes.CFUNCTYPE(c_int, Display)
LostExitHandler = ctypes.CFUNCTYPE(None, Display, c_void_p)

_int_p, _uint_p, _ulong_p = POINTER(c_int), POINTER(c_uint), POINTER(c_ulong)
_PROTOTYPES: dict[Any, dict[str, tuple[Any, list[Any]]]] = {
    x11: {
        "XOpenDisplay": (Display, [c_char_p]),
        "XConnectionNumber": (c_int, [Display]),
        "XCloseDisplay": (c_int, [Display]),
        "XSetErrorHandler": (c_void_p, [ErrorHandler]),
        "XSetIOErrorHandler": (c_void_p, [LostHandler]),
        "XSetIOErrorExitHandler": (None, [Display, LostExitHandler, c_void_p]),
        "XSync": (c_int, [Display, c_int]),
        "XFlush": (c_int, [Display]),
        "XPending": (c_int, [Display]),
        "XNextEvent": (c_int, [Display, POINTER(Event)]),
        "XSendEvent": (c_int, [Display, Window, c_int, c_long, POINTER(Event)]),
        "XSelectInput": (c_int, [Display, Window, c_long]),
        "XDefaultRootWindow": (Window, [Display]),
        "XDefaultVisual": (c_void_p, [Display, c_int]),
        "XDefaultDepth": (c_int, [Display, c_int]),
        "XCreateSimpleWindow": (
            Window,
            [Display, Window, c_int, c_int, c_uint, c_uint, c_uint, c_ulong, c_ulong],
        ),
        "XInternAtom": (Atom, [Display, c_char_p, c_int]),
        "XSetSelectionOwner": (c_int, [Display, Atom, Window, c_ulong]),
        "XChangeProperty": (c_int, [Display, Window, Atom, Atom, c_int, c_int, c_char_p, c_int]),
        "XGetWindowProperty": (
            c_int,
            [
                *(Display, Window, Atom, c_long, c_long, c_int, Atom),
                *(_ulong_p, _int_p, _ulong_p, _ulong_p, POINTER(c_void_p)),
            ],
        ),
        "XGetInputFocus": (c_int, [Display, _ulong_p, _int_p]),
        "XGetClassHint": (c_int, [Display, Window, POINTER(ClassHint)]),
        "XQueryTree": (c_int, [Display, Window, _ulong_p, _ulong_p, POINTER(c_void_p), _uint_p]),
        "XQueryPointer": (c_int, [Display, Window, _ulong_p, _ulong_p, _int_p, _int_p, _int_p, _int_p, _uint_p]),
        "XGetGeometry": (
            c_int,
            [Display, Window, _ulong_p, _int_p, _int_p, _uint_p, _uint_p, _uint_p, _uint_p],
        ),
        "XTranslateCoordinates": (
            c_int,
            [Display, Window, Window, c_int, c_int, _int_p, _int_p, _ulong_p],
        ),
        "XFree": (c_int, [c_void_p]),
        "XDisplayKeycodes": (c_int, [Display, _int_p, _int_p]),
        "XGetKeyboardMapping": (_ulong_p, [Display, ctypes.c_ubyte, c_int, _int_p]),
        "XChangeKeyboardMapping": (c_int, [Display, c_int, c_int, _ulong_p, c_int]),
        "XStringToKeysym": (c_ulong, [c_char_p]),
    },
    xtst: {
        "XTestFakeMotionEvent": (c_int, [Display, c_int, c_int, c_int, c_ulong]),
        "XTestFakeButtonEvent": (c_int, [Display, c_uint, c_int, c_ulong]),
        "XTestFakeKeyEvent": (c_int, [Display, c_uint, c_int, c_ulong]),
    },
    xext: {
        "XShmCreateImage": (
            POINTER(Image),
            [Display, c_void_p, c_uint, c_int, c_char_p, POINTER(SharedSegment), c_uint, c_uint],
        ),
        "XShmAttach": (c_int, [Display, POINTER(SharedSegment)]),
        "XShmDetach": (c_int, [Display, POINTER(SharedSegment)]),
        "XShmGetImage": (c_int, [Display, c_ulong, POINTER(Image), c_int, c_int, c_ulong]),
    },
    xdamage: {
        "XDamageQueryExtension": (c_int, [Display, _int_p, _int_p]),
        "XDamageCreate": (c_ulong, [Display, c_ulong, c_int]),
        "XDamageSubtract": (None, [Display, c_ulong, c_ulong, c_ulong]),
        "XDamageDestroy": (None, [Display, c_ulong]),
    },
    libc: {
        "shmget": (c_int, [c_int, ctypes.c_size_t, c_int]),
        "shmat": (c_void_p, [c_int, c_void_p, c_int]),
        "shmdt": (c_int, [c_void_p]),
        "shmctl": (c_int, [c_int, c_int, c_void_p]),
    },
}
for _library, _functions in _PROTOTYPES.items():
    for _name, (_result, _arguments) in _functions.items():
        _function = getattr(_library, _name)
        _function.restype, _function.argtypes = _result, _arguments
