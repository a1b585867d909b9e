"""The kernel's switches."""

import contextlib
from pathlib import Path

from prelude import escaped

SYSTEM = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/drop_caches",
    "/proc/sysrq-trigger",
)
CGROUP = ("/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "/sys/kernel/uevent_helper")

for path in (*SYSTEM, *CGROUP):
    with contextlib.suppress(OSError):
        Path(path).open("r+b").close()
        escaped(path)
