"""What this host can run, flavour by flavour: found out by looking and by starting one empty sandbox."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

from instances.flavours import FLAVOURS
from instances.providers.local.sandbox import BWRAP

OK = "ok"
_ANYBODY = 1_900_000_000
_DESKTOP = {
    BWRAP: "bubblewrap",
    "/usr/bin/python3": "python3",
    "/usr/bin/setsid": "util-linux",
    "/usr/bin/Xtigervnc": "tigervnc-standalone-server",
    "/usr/bin/openbox": "openbox",
    "/usr/bin/xclip": "xclip",
}
_BY_FLAVOUR = {
    "ubuntu": {"/usr/bin/xterm": "xterm"},
    "browser": {"/usr/bin/chromium": "chromium"},
    "windows": {"/usr/lib/wine/wine64": "wine64"},
}


def missing_package(flavour: str) -> str:
    """A sentence that names the first Debian package this flavour lacks, or nothing."""
    for program, package in {**_DESKTOP, **_BY_FLAVOUR.get(flavour, {})}.items():
        if not Path(program).exists():
            return f"This host lacks the package {package} ({program} is not there)."
    return ""


def probe(folders: Iterable[Path]) -> dict[str, str]:
    """For each flavour `ok`, or one line that says what is missing. `folders` are those that sandboxes see into."""
    common = _closed(folders) or _sandbox_fault()
    return {flavour: missing_package(flavour) or common or OK for flavour in FLAVOURS}


def _closed(folders: Iterable[Path]) -> str:
    """Machines run as users of their own where we are root, and these must get to the folders."""
    if os.geteuid() != 0:
        return ""
    for folder in folders:
        for step in (folder, *folder.parents):
            if step.exists() and not step.stat().st_mode & stat.S_IXOTH:
                return f"Machines cannot reach {folder}: only its owner may enter {step}."
    return ""


def _sandbox_fault() -> str:
    if not Path(BWRAP).exists():
        return ""
    user = None if os.geteuid() else _ANYBODY
    spaces = ("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")
    system = ("--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64")
    try:
        tried = subprocess.run(
            [BWRAP, *spaces, *system, "/usr/bin/true"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=10,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"This host cannot start a sandbox: {error}."
    if tried.returncode == 0:
        return ""
    lines = tried.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {tried.returncode}"]
    return f"This host does not let programs make user namespaces, which the sandbox needs ({lines[-1]})."
