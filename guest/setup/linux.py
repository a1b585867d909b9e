"""`machine-guest-install`: makes a machine of a Debian that has this package in /opt/machine-guest. Run it as root."""

from __future__ import annotations

import argparse
import json
import os
import pwd
import subprocess
import sys
from importlib import resources
from pathlib import Path

USER = "desk"
STATE = "var/lib/machine-guest"
UNIT = "machine-guest.service"
DESKTOP = (
    *("tigervnc-standalone-server", "openbox", "xterm", "xclip", "ca-certificates"),
    *("libx11-6", "libxext6", "libxtst6", "libxdamage1", "libxfixes3", "fonts-dejavu-core", "fonts-wqy-microhei"),
)
PACKAGES = {"ubuntu": DESKTOP, "browser": (*DESKTOP, "chromium"), "windows": (*DESKTOP, "wine", "wine64")}
PLACES = {
    "home": f"/home/{USER}",
    "runtime_dir": "/run/machine-guest",
    "private_dir": "/run/machine-guest-private",
}
"""Fields of `guest.config` that the unit decides."""


def main() -> int:
    """The exit status. Run twice, it changes nothing more."""
    parser = argparse.ArgumentParser(prog="machine-guest-install", description=__doc__)
    parser.add_argument("--flavour", choices=sorted(PACKAGES), required=True)
    flavour = parser.parse_args().flavour
    if os.geteuid() != 0:
        sys.stderr.write("machine-guest-install: run it as root\n")
        return 1
    try:
        install_packages(flavour)
        make_user()
        put_files(Path("/"))
        _run("systemctl", "daemon-reload")
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"machine-guest-install: {error.cmd[0]} ended with {error.returncode}\n")
        return 1
    return 0


def install_packages(flavour: str) -> None:
    """What the flavour's desktop is made of. Raises `CalledProcessError`."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run("apt-get", "update", "-q", environment=environment)
    _run("apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES[flavour], environment=environment)


def make_user() -> None:
    """Who owns the desktop: nobody who may sign in. Raises `CalledProcessError`."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        _run("useradd", "--create-home", "--shell", "/bin/bash", USER)


def put_files(root: Path) -> None:
    """The unit and the folder that the guest keeps its token in, below `root`; nothing is enabled."""
    unit = root / "etc/systemd/system" / UNIT
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text((resources.files("guest.setup") / UNIT).read_text())
    state = root / STATE
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    places = state / "places.json"
    places.write_text(json.dumps(PLACES))
    if root == Path("/"):
        owner = pwd.getpwnam(USER)
        for path in (state, places):
            os.chown(path, owner.pw_uid, owner.pw_gid)


def _run(*argv: str, environment: dict[str, str] | None = None) -> None:
    subprocess.run(argv, env=environment, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
