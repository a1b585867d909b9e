"""Starting and signalling the session's processes: each a group of its own, none with the guest's secrets."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from guest.config import Config

Child = subprocess.Popen[bytes]


def spawn(
    config: Config, name: str, argv: Sequence[str], environment: Mapping[str, str], *, keep: tuple[int, ...] = ()
) -> Child:
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
