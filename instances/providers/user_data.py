"""What a cloud's machine is told at its first boot. Others can read it: its token is good once, and soon."""

from __future__ import annotations

import json
import re

from instances.providers.base import Refused, Spec

LINUX_STATE = "/var/lib/machine-guest"
WINDOWS_STATE = r"C:\ProgramData\machine-guest"
MOST_BYTES = 16_000  # of 16 KiB, before it is packed for the way

# What stands between quotes of a shell below; nothing of ours needs more, and nothing of it can end the quotes.
_PLAIN = re.compile(r"[A-Za-z0-9 @:/._~=+,#\[\]<>!-]*")

_LINUX = """\
#!/bin/sh
# Run once by cloud-init: puts the guest's bootstrap in place and starts it.
set -eu
{install}umask 077
install -d -o desk -g desk -m 0700 {state}
cat >{state}/bootstrap.json <<'EOF'
{bootstrap}
EOF
chown desk:desk {state}/bootstrap.json
systemctl enable --now machine-guest.service
"""
# On an image that has no guest yet: the wheel brings its own installer, which makes the user and the unit.
_LINUX_INSTALL = """\
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends python3-venv
python3 -m venv /opt/machine-guest
/opt/machine-guest/bin/pip install --quiet '{package}'
/opt/machine-guest/bin/machine-guest-install --flavour {flavour}
"""
_WINDOWS = """\
<powershell>
# Run once by EC2Launch: puts the guest's bootstrap in place and starts it in the desktop's session.
$ErrorActionPreference = 'Stop'
$state = '{state}'
{install}New-Item -ItemType Directory -Force -Path $state | Out-Null
& icacls.exe $state /inheritance:r /grant 'SYSTEM:(OI)(CI)F' 'Administrators:(OI)(CI)F' 'desk:(OI)(CI)M' | Out-Null
[System.IO.File]::WriteAllText("$state\\bootstrap.json", '{bootstrap}')
Enable-ScheduledTask -TaskName 'machine-guest' | Out-Null
Start-ScheduledTask -TaskName 'machine-guest'
</powershell>
"""
_WINDOWS_INSTALL = """\
& 'C:\\Program Files\\machine-guest\\Scripts\\pip.exe' install --quiet --upgrade '{package}'
"""


def first_boot(spec: Spec, *, token: str, url: str, install: str = "") -> str:
    """The script for the flavour's system. The same arguments give the same text.

    Raises:
        Refused: the platform's address or the package's name cannot stand in a script.
    """
    if not _PLAIN.fullmatch(url) or not _PLAIN.fullmatch(install):
        raise Refused("the platform's address or the guest's package is not configured rightly")
    windows = spec.flavour == "windows"
    text = (_WINDOWS if windows else _LINUX).format(
        state=WINDOWS_STATE if windows else LINUX_STATE,
        bootstrap=_bootstrap(spec, token, url),
        install=_installing(install, spec.flavour) if install else "",
    )
    if len(text.encode()) > MOST_BYTES:
        raise Refused("what the machine is told at its first boot is too long")
    return text


def _bootstrap(spec: Spec, token: str, url: str) -> str:
    """See `guest.bootstrap`, which reads it."""
    told = {"url": url, "machine": token, "token": spec.bootstrap_token}
    return json.dumps(told, sort_keys=True)


def _installing(package: str, flavour: str) -> str:
    return (_WINDOWS_INSTALL if flavour == "windows" else _LINUX_INSTALL).format(package=package, flavour=flavour)
