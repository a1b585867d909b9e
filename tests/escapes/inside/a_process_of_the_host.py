"""A process of the host."""

import contextlib
import os
from pathlib import Path

from prelude import escaped, facts

for pid in (1, facts["pid"]):
    with contextlib.suppress(OSError):
        if facts["word"].encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, 0)
            escaped(str(pid))
