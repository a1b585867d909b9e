"""A file of the host after chroot and back."""

import contextlib
import ctypes
import os
from pathlib import Path

from prelude import facts, reads

NEW_USER = 0x10000000

ctypes.CDLL(None).unshare(NEW_USER)
outside = os.open(".", os.O_RDONLY)
Path("jail").mkdir(exist_ok=True)
with contextlib.suppress(OSError):
    os.chroot("jail")
    os.fchdir(outside)
    for _ in range(50):
        os.chdir("..")
    os.chroot(".")
reads(facts["file"])
