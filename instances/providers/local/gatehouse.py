"""The keeper's side of the egress proxy: its socket, which outlives it, and the process that serves it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

from instances.providers.local.rundir import MachineSpec, RunDirectory
from instances.providers.local.uids import egress_uid

ROOT = Path(__file__).resolve().parents[3]
_BACKLOG = 128
_TRIES = 20


class Gatehouse:
    """The one way out of a machine. The proxy is started at the first connection, which waits for it: its own start
    would slow the machine's, and many machines never ask for it. One that ended is started anew the same way.
    """

    def __init__(self, run: RunDirectory, spec: MachineSpec, poll: select.poll) -> None:
        self._spec = spec
        self._poll = poll
        self._tries = _TRIES
        self._listener = _listening_socket(run.sockets)
        self._life, self._life_writer = os.pipe2(os.O_CLOEXEC)
        self._process: subprocess.Popen[bytes] | None = None
        self._listens = False

    def look_after(self, events: dict[int, int]) -> None:
        """Open where somebody waits; and have the poll say when somebody does, as long as no proxy sees to it."""
        if self._listener.fileno() in events:
            self._open()
        runs = self._process is not None and self._process.poll() is None
        if runs and self._listens:
            self._poll.unregister(self._listener)
        elif not runs and not self._listens and self._tries:
            self._poll.register(self._listener, select.POLLIN)
        else:
            return
        self._listens = not self._listens

    def _open(self) -> None:
        """Start the proxy. It ends when the keeper does: then its standard input ends."""
        self._tries -= 1
        uid = self._spec["uid"]
        become = "" if uid is None else str(egress_uid(uid))
        arguments = [str(self._listener.fileno()), become, *self._spec["host"]["egress_allow"]]
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-P", "-m", "instances.providers.local.egress", *arguments],
            stdin=self._life,
            pass_fds=(self._listener.fileno(),),
            env={"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
            cwd="/",
        )

    def close(self) -> None:
        os.close(self._life_writer)
        self._listener.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()


def _listening_socket(folder: Path) -> socket.socket:
    folder.mkdir(mode=0o755, exist_ok=True)
    path = folder / "egress.sock"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{directory}/egress.sock")  # a whole path may be too long for a socket's
    finally:
        os.close(directory)
    path.chmod(0o666)
    listener.listen(_BACKLOG)
    return listener
