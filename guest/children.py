"""Starting and signalling the session's processes: each a group of its own, none with the guest's secrets."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from guest.config import Config


class Adopted:
    """A child of ours that `subprocess` did not start; as much of a Popen as is asked of one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its return code, or None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        """Its return code, once it has ended."""
        code = self._reap(0)
        assert code is not None
        return code

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            number, status = os.waitpid(self.pid, options)
            if number:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


Child = subprocess.Popen[bytes] | Adopted


def spawn(
    config: Config, name: str, argv: Sequence[str], environment: Mapping[str, str], *, keep: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start a program of the session; what it says goes to its log, begun anew at each start.

    Raises:
        OSError: there is no such program.
    """
    log = Path(config.runtime_dir) / f"{name}.log"
    with log.open("wb") as output:
        return subprocess.Popen(
            argv,
            env=dict(environment),
            cwd=config.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=keep,
            start_new_session=True,
        )


def signal_group(child: Child, number: signal.Signals) -> None:
    """Tell the child and all in its group. Call it before the child is reaped: then its number is still its own."""
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        return
