"""A device of the host."""

import contextlib
import glob
import os
import stat

from prelude import escaped

NAMED = ("/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/input/event0")
NODES = (("mem", stat.S_IFCHR, 1, 1), ("disk", stat.S_IFBLK, 254, 0), ("sda", stat.S_IFBLK, 8, 0))

for path in (*glob.glob("/dev/[sv]d*"), *NAMED):  # noqa: PTH207 - as an attacker writes
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        escaped(path)
for name, kind, major, minor in NODES:
    with contextlib.suppress(OSError):
        os.mknod(f"device-{name}", 0o600 | kind, os.makedev(major, minor))
        os.close(os.open(f"device-{name}", os.O_RDONLY | os.O_NONBLOCK))
        escaped(f"a node of {name}")
