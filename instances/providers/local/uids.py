"""Host user ids for machines: where we are root, each machine gets one that no other machine has."""

from __future__ import annotations

import contextlib
import fcntl
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

# Above all that Debian and systemd hand out; so many that two deployments on one host hardly ever meet.
_FIRST = 1_900_000_000
_COUNT = 2**24


def allocate(machines_dir: Path, token: str) -> int | None:
    """The machine's host uid, the same each time it is asked for; None where we are not root and cannot change it.

    A uid is taken by a link to the machine's run directory; it is free again once that is gone.
    """
    if os.geteuid() != 0:
        return None
    table = machines_dir / ".uids"
    table.mkdir(mode=0o700, exist_ok=True)
    with _locked(table):
        start = zlib.crc32(f"{machines_dir}\0{token}".encode()) % _COUNT
        for step in range(_COUNT):
            number = _FIRST + (start + step) % _COUNT
            if _claim(table / str(number), token):
                return number
    raise RuntimeError("every machine uid of this host is taken")


def egress_uid(uid: int) -> int:
    """Whom the machine's egress proxy runs as: neither root nor the machine itself."""
    return uid + _COUNT


def _claim(link: Path, token: str) -> bool:
    if link.is_symlink():
        if link.exists() and link.readlink().name != token:
            return False
        link.unlink()
    link.symlink_to(Path("..") / token)
    return True


@contextlib.contextmanager
def _locked(table: Path) -> Iterator[None]:
    lock = os.open(table / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
