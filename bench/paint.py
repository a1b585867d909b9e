"""A picture over the whole desktop, as a photograph is: soft shades with a little noise. Run by any Python 3 with
DISPLAY set; it needs nothing but Xlib, stays as long as its window and prints when the picture is there.

Sent to a machine as text, too (`COMMAND`): so that the desktop that is measured and its floor show the same.
"""

import ctypes
import random
import sys
from pathlib import Path

SCRIPT = Path(__file__)
COMMAND = (
    f"cat > ~/paint.py <<'END'\n{SCRIPT.read_text()}\nEND\n"
    "(setsid /usr/bin/python3 ~/paint.py > ~/painted 2>&1 &)\n"
    "until grep -q painted ~/painted; do sleep 0.1; done"
)
"""A shell's: returns when the picture is there."""

xlib = ctypes.CDLL("libX11.so.6")
for name in (
    "XOpenDisplay",
    "XDefaultRootWindow",
    "XDefaultVisual",
    "XCreateSimpleWindow",
    "XCreateImage",
    "XDefaultGC",
):
    getattr(xlib, name).restype = ctypes.c_void_p
WIDTH, HEIGHT = 1280, 800
_ZPIXMAP = 2


class Attributes(ctypes.Structure):
    """XSetWindowAttributes up to the one that is set: no window manager frames or moves the window."""

    _fields_ = [(name, ctypes.c_ulong) for name in ("a", "b", "c", "d")]
    _fields_ += [(name, ctypes.c_int) for name in ("e", "f", "g")]
    _fields_ += [(name, ctypes.c_ulong) for name in ("h", "i")]
    _fields_ += [("save_under", ctypes.c_int), ("events", ctypes.c_long), ("not_propagated", ctypes.c_long)]
    _fields_ += [("override_redirect", ctypes.c_int), ("colormap", ctypes.c_ulong), ("cursor", ctypes.c_ulong)]


def pixels() -> bytearray:
    """Rows of BGRX; the same at each call."""
    noise = random.Random(5).randbytes(WIDTH * HEIGHT)
    rows = bytearray()
    for y in range(HEIGHT):
        line = noise[y * WIDTH : (y + 1) * WIDTH]
        for x in range(WIDTH):
            grain = line[x] & 3
            rows += bytes(
                (x * 200 // WIDTH + grain, y * 200 // HEIGHT + grain, (x + y) * 120 // (WIDTH + HEIGHT) + grain, 0)
            )
    return rows


def show() -> None:
    """Draw, say so, and keep the window."""
    display = ctypes.c_void_p(xlib.XOpenDisplay(None))
    root = ctypes.c_void_p(xlib.XDefaultRootWindow(display))
    window = ctypes.c_void_p(xlib.XCreateSimpleWindow(display, root, 0, 0, WIDTH, HEIGHT, 0, 0, 0))
    attributes = Attributes(override_redirect=1)
    xlib.XChangeWindowAttributes(display, window, ctypes.c_ulong(1 << 9), ctypes.byref(attributes))
    xlib.XMapRaised(display, window)
    xlib.XSync(display, 0)
    content = ctypes.create_string_buffer(bytes(pixels()), WIDTH * HEIGHT * 4)
    visual = ctypes.c_void_p(xlib.XDefaultVisual(display, 0))
    image = ctypes.c_void_p(xlib.XCreateImage(display, visual, 24, _ZPIXMAP, 0, content, WIDTH, HEIGHT, 32, 0))
    context = ctypes.c_void_p(xlib.XDefaultGC(display, 0))
    xlib.XPutImage(display, window, context, image, 0, 0, 0, 0, WIDTH, HEIGHT)
    xlib.XSync(display, 0)
    print("painted", flush=True)
    sys.stdout.close()
    event = ctypes.create_string_buffer(192)
    while True:  # Xlib ends the process when the server goes
        xlib.XNextEvent(display, event)


if __name__ == "__main__":
    show()
