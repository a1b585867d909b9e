"""The command lines of a session: the X server, the window manager, and what each flavour shows."""

from __future__ import annotations

import shutil
from pathlib import Path

from guest import ahead
from guest.config import Config

WINE = "/usr/lib/wine/wine64"
TERMINAL = ["xterm", "-geometry", "110x34+60+60", "-sl", "5000"]
# Shared by every X toolkit program, so also by terminals that are opened later: a person's keys for the clipboard.
RESOURCES = """\
XTerm*faceName: DejaVu Sans Mono
XTerm*faceSize: 11
XTerm*background: #1d1f21
XTerm*foreground: #e8e8e8
XTerm*utf8: 1
XTerm*color4: #729fcf
XTerm*selectToClipboard: true
XTerm*VT100*translations: #override\\n Ctrl Shift <Key>V: insert-selection(CLIPBOARD)\\n\
 Ctrl Shift <Key>C: copy-selection(CLIPBOARD)
"""


def x_server(config: Config, *, ready_descriptor: int) -> list[str]:
    """See `ahead.x_server`."""
    return ahead.x_server(f"{config.width}x{config.height}", config.runtime_dir, ready_descriptor)


def window_manager(config: Config) -> list[str]:
    """Makes the file `wm_ready` once it manages windows: its atom on the root window comes too early."""
    return ["openbox", "--sm-disable", "--startup", f"touch {wm_ready(config)}"]


def wm_ready(config: Config) -> Path:
    """There once the window manager is."""
    return Path(config.private_dir) / "wm-ready"


def shown(config: Config) -> list[str]:
    """What the flavour's desktop opens with."""
    match config.flavour:
        case "browser":
            return _browser(config)
        case "windows":
            desktop = f"/desktop=shell,{config.width}x{config.height}"
            return [WINE, "explorer", desktop, "notepad"]
        case _:
            return TERMINAL


def forget_locks(config: Config) -> None:
    """Drop the locks of a Chromium that was killed: their process number may belong to somebody else by now."""
    for name in ("SingletonLock", "SingletonSocket", "SingletonCookie"):
        (profile(config) / name).unlink(missing_ok=True)


def profile(config: Config) -> Path:
    """Chromium's user data; not its default folder, where it refuses remote debugging."""
    return Path(config.home) / ".config" / "chromium-desktop"


def _browser(config: Config) -> list[str]:
    proxy = [f"--proxy-server=http://127.0.0.1:{config.relay_port}"] if config.egress else []
    return [
        shutil.which("chromium") or "chromium",
        f"--remote-debugging-port={config.cdp_port}",
        "--remote-debugging-address=127.0.0.1",
        f"--user-data-dir={profile(config)}",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--password-store=basic",
        "--use-mock-keychain",
        "--hide-crash-restore-bubble",
        "--start-maximized",
        f"--window-size={config.width},{config.height}",
        "--log-level=3",
        *proxy,
        *config.browser_flags,
        "about:blank",
    ]
