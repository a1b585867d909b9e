"""A system folder, remounted in a user namespace of one's own."""

import subprocess
from pathlib import Path

from prelude import escaped

PLANTED = ("/usr/bin/planted", "/planted", "/opt/guest/planted", "/opt/guest-site/planted")
REMOUNT = "for at in / /usr /opt/guest /opt/guest-site; do mount -o remount,rw,bind $at; done"

subprocess.run(["unshare", "-Urm", "sh", "-c", f"{REMOUNT}; touch {' '.join(PLANTED)}"], capture_output=True)
for path in PLANTED:
    if Path(path).exists():
        escaped(path)
