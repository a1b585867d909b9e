"""The keeper's side of the egress proxy: its socket, which outlives it, and the process that serves it."""

from __future__ import annotations

import contextlib
import os
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
    """The one way out of a machine. Connections made before the proxy is there, or while it is started anew, wait."""

    def __init__(self, run: RunDirectory, spec: MachineSpec) -> None:
        self._run = run
        self._spec = spec
        self._tries = _TRIES
        self._listener = _listening_socket(run.sockets)
        self._life, self._life_writer = os.pipe2(os.O_CLOEXEC)
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start the proxy. It ends when the keeper does: then its standard input ends."""
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

    def look_after(self) -> None:
        """Start the proxy anew where it ended."""
        if self._process is not None and self._process.poll() is not None and self._tries:
            self._tries -= 1
            self.open()

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
