"""How a home that is dear to make is made: in a sandbox like a machine's, by the very programs that will use it."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from instances.providers.local.sandbox import HOME, Files, workshop

_WINE = "/usr/lib/wine/wine64"
WINE_PREFIX = ".wine"
_WINE_DLLS = Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")
_WINE_FONTS = Path("/usr/share/wine/fonts")
# Scalable ones alone: with the bitmap fonts beside them notepad takes those, which have few letters.
_FONTS = ("tahoma.ttf", "tahomabd.ttf", "marlett.ttf", "symbol.ttf", "webdings.ttf", "wingding.ttf")
# Where Tahoma has no glyph Wine looks in these, by name, and no Debian package has them.
_EASTERN = ("MS UI Gothic", "PMingLiU", "SimSun", "Gulim")
_REPLACEMENTS = r"HKCU\Software\Wine\Fonts\Replacements"
BROWSER_PROFILE = ".config/chromium-desktop"  # as guest/programs.py has it; a test holds the two together
_WITHIN_S = 180
_BUILDER = 1_900_000_000

# Its own leavings, and what only counts towards the size: caches are warm after a second, and hold nothing that waits.
_LEAVINGS = (
    "Singleton*",
    "*/Sessions*",
    "*/Cache",
    "*/Code Cache",
    "*/GPUCache",
    "BrowserMetrics*",
    "Crash Reports",
    "*.log",
    "LOCK",
)

_WARM_UP = """
Xtigervnc :1 -geometry 1280x800 -depth 24 -rfbport -1 -SecurityTypes None -nolisten tcp >/dev/null 2>&1 &
for _ in $(seq 100); do [ -S /tmp/.X11-unix/X1 ] && break; sleep 0.1; done
export DISPLAY=:1
openbox --sm-disable >/dev/null 2>&1 &
chromium --remote-debugging-port=9222 --user-data-dir="$1" --no-first-run --no-default-browser-check \\
  --disable-background-networking --disable-component-update --disable-sync --disable-quic --password-store=basic \\
  --use-mock-keychain --start-maximized about:blank >/dev/null 2>&1 &
browser=$!
answers() { (exec 3<>/dev/tcp/127.0.0.1/9222) 2>/dev/null; }
for _ in $(seq 300); do answers && break; sleep 0.1; done
answers || { echo "chromium did not start" >&2; exit 1; }
sleep 4
kill -TERM "$browser"
wait "$browser"
for _ in $(seq 100); do [ -e "$1/SingletonLock" ] || [ -L "$1/SingletonLock" ] || break; sleep 0.1; done
"""


class Unbuilt(Exception):
    """The home could not be made."""


def make_wine_home(home: Path) -> None:
    """A home with a Wine prefix that has fonts, and whose libraries are links into the package where they are the same:
    13 MB, not 700.

    Raises:
        Unbuilt: Wine did not make its prefix.
    """
    variables = {"WINEPREFIX": f"{HOME}/{WINE_PREFIX}", "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree=;mshtml="}
    replace = [f"{_WINE} reg add '{_REPLACEMENTS}' /v '{name}' /d 'WenQuanYi Micro Hei' /f" for name in _EASTERN]
    script = " && ".join((f"{_WINE} wineboot --init", *replace, f"{_WINE.rsplit('/', 1)[0]}/wineserver64 -w"))
    with _desk(home):
        _in_sandbox(home, variables, ["/bin/sh", "-c", script])
    system = home / WINE_PREFIX / "drive_c" / "windows" / "system32"
    if not (system / "kernel32.dll").exists():
        raise Unbuilt("wineboot ended well, but left no prefix")
    _link_to_package(home / WINE_PREFIX / "drive_c")
    for font in filter(Path.exists, (_WINE_FONTS / name for name in _FONTS)):
        (system.parent / "Fonts" / font.name).symlink_to(font)


def make_browser_home(home: Path) -> None:
    """A home with the profile that Chromium has made at a first start, so that a machine's is not its first.

    Raises:
        Unbuilt: Chromium did not start.
    """
    with _desk(home):
        _in_sandbox(home, {}, ["/bin/bash", "-c", _WARM_UP, "warm-up", f"{HOME}/{BROWSER_PROFILE}"])
    profile = home / BROWSER_PROFILE
    for pattern in _LEAVINGS:
        for path in profile.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for leftover in (home / ".cache", home / ".pki"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _desk(home: Path) -> Iterator[None]:
    home.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(home, _BUILDER, _BUILDER)
    yield


def _in_sandbox(home: Path, variables: dict[str, str], command: list[str]) -> None:
    builder = None if os.geteuid() else _BUILDER
    files = Files()
    settings = [f"{name}={value}" for name, value in variables.items()]
    try:
        done = subprocess.run(
            [*workshop(home, files), "/usr/bin/env", *settings, *command],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_WITHIN_S,
            check=False,
            pass_fds=files.descriptors,
            user=builder,
            group=builder,
            extra_groups=None if builder is None else [],
        )
    except subprocess.TimeoutExpired as error:
        raise Unbuilt(f"not ready within {_WITHIN_S} s") from error
    finally:
        files.close()
    if done.returncode:
        raise Unbuilt(done.stderr.decode(errors="replace").strip()[-500:] or f"ended with {done.returncode}")


def _link_to_package(drive: Path) -> None:
    for path in drive.rglob("*"):
        original = _WINE_DLLS / path.name
        if path.is_symlink() or not path.is_file() or not original.is_file():
            continue
        if filecmp.cmp(path, original, shallow=False):
            path.unlink()
            path.symlink_to(original)
