"""The program that all machines share, and their common sockets."""

import contextlib
import os
from pathlib import Path

from prelude import escaped

for path in ("/opt/guest/__main__.py", "/run/keeper/egress.sock", "/run/gateway/guest.sock", "/run/guest.json"):
    with contextlib.suppress(OSError):
        os.rename(path, f"{path}.old")  # noqa: PTH104 - as an attacker writes
        escaped(f"renamed {path}")
for path in ("/opt/guest/__main__.py", "/opt/guest-site/planted.py", "/run/guest.json"):
    with contextlib.suppress(OSError):
        Path(path).open("ab").close()
        escaped(f"opened for writing {path}")
