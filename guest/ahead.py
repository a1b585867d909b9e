"""The X server, started before anything else is even imported, so that it rises meanwhile: imports `os` alone."""

from __future__ import annotations

import os

SCREEN = "GUEST_SCREEN"
"""The environment variable that asks for it: the screen's size, as in `1280x800`."""

RUNTIME_DIR = "/run/guest"
_PATH = "/usr/local/bin:/usr/bin:/bin"


def x_server(screen: str, runtime_dir: str, ready_descriptor: int) -> list[str]:
    """Listens on no network; writes the display's number to `ready_descriptor` once it takes connections."""
    rfb = ["-rfbport", "-1", "-rfbunixpath", f"{runtime_dir}/vnc.sock", "-rfbunixmode", "0600"]
    rules = ["-SecurityTypes", "None", "-AlwaysShared", "-nolisten", "tcp", "-noreset", "-FrameRate", "30"]
    return ["Xtigervnc", "-geometry", screen, "-depth", "24", *rfb, *rules, "-displayfd", str(ready_descriptor)]


def begin() -> tuple[int, int] | None:
    """The server's process number and a descriptor to read its display from; None where it is not asked for.

    Raises:
        OSError: there is no such program.
    """
    screen = os.environ.get(SCREEN)
    if not screen:
        return None
    ready, tell = os.pipe()
    nothing, log = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), f"{RUNTIME_DIR}/x-server.log"
    os.set_inheritable(tell, True)
    try:
        number = os.posix_spawnp(
            "Xtigervnc",
            x_server(screen, RUNTIME_DIR, tell),
            {"HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "PATH": _PATH},
            file_actions=[
                nothing,
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(tell)
    return number, ready
