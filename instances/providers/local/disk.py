"""How much of the host's disk a machine's home takes: measured now and then, and at once when the disk fills fast."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from instances.providers.local import deleted

INODES_PER_MIB = 100
_EVERY_S = 60.0
_SUSPICIOUS_SHARE = 8
# Both, whatever the first says: one file that is deleted while it looks is a failure to du.
_DU = 'du -s --block-size=1M "$1"; du -s --inodes "$1"'
# Root of a user namespace of its own, with rights over nobody's files but the machine's: what is closed counts as well.
_AS_ITS_OWNER = ("/usr/bin/unshare", "--user", "--map-root-user")


class DiskWatch:
    """A sampling limit. It notices late, within seconds, and needs neither quotas nor a loop device."""

    def __init__(self, home: Path, *, disk_mib: int, uid: int | None, first_pid: int = 0) -> None:
        self._home = home
        self._first_pid = first_pid
        self._disk_mib = disk_mib
        self._uid = uid
        self._du: subprocess.Popen[bytes] | None = None
        self._measured_at = time.monotonic()
        self._free_then = self._free()

    def excess(self) -> str:
        """What is too much, as a sentence for people, or nothing. Call it about once a second; it does not wait."""
        if self._du is None:
            if self._is_due():
                self._measure()
            return ""
        if self._du.poll() is None:
            return ""
        output, _ = self._du.communicate()
        self._du = None
        return self._verdict(output)

    def close(self) -> None:
        """End a measurement that is under way."""
        if self._du is not None:
            self._du.kill()
            self._du.communicate()

    def _is_due(self) -> bool:
        free_mib, free_inodes = self._free()
        then_mib, then_inodes = self._free_then
        suspicious_mib = self._disk_mib // _SUSPICIOUS_SHARE
        return (
            time.monotonic() - self._measured_at > _EVERY_S
            or then_mib - free_mib > suspicious_mib
            or then_inodes - free_inodes > suspicious_mib * INODES_PER_MIB
        )

    def _measure(self) -> None:
        self._measured_at = time.monotonic()
        self._free_then = self._free()
        # As the machine's own user: what a guest plants in its home cannot lead the count anywhere else.
        self._du = subprocess.Popen(
            [*_AS_ITS_OWNER, "/bin/sh", "-c", _DU, "du", str(self._home)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            user=self._uid,
            group=self._uid,
            extra_groups=None if self._uid is None else [],
        )

    def _verdict(self, output: bytes) -> str:
        numbers = [
            int(line.split()[0]) for line in output.splitlines() if line.split()[:1] and line.split()[0].isdigit()
        ]
        deleted_mib, looked_at = deleted.measure(self._first_pid, self._home)
        if looked_at > deleted.MOST_OPEN:
            return f"The machine held more than {deleted.MOST_OPEN} files open."
        if numbers and numbers[0] + deleted_mib > self._disk_mib:
            return f"The machine used more than its disk of {self._disk_mib} MiB."
        if len(numbers) > 1 and numbers[1] > self._disk_mib * INODES_PER_MIB:
            return f"The machine made more than the {self._disk_mib * INODES_PER_MIB} files its disk may hold."
        return ""

    def _free(self) -> tuple[int, int]:
        disk = os.statvfs(self._home)
        return disk.f_bavail * disk.f_frsize // 2**20, disk.f_favail
