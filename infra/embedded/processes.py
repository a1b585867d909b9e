"""Starting, watching and ending one process that is ours: by its id, never by its name."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

# Below the range that the kernel hands to outgoing connections, so nobody takes a port between our look and its use.
_OUR_PORTS = range(20_000, 32_000)
LONGEST_LOG_BYTES = 10 * 1024 * 1024


class Failed(Exception):
    """A step did not work; the text says which and why, for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a server runs as when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Program:
    """What to start and how to end it. `env` is the whole environment; None keeps ours."""

    name: str
    command: tuple[str, ...]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0


class Process:
    """A started program. It gets its stop signal by itself when the thread that started it ends, however that ends."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.started_at = time.monotonic()
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [*_wrapper(program), *program.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=program.env,
                cwd=program.cwd or "/",
                start_new_session=True,  # a Ctrl-C is for the supervisor alone
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    def wait(self, *, timeout_s: float) -> int:
        """Its exit code, once it has ended by itself; killed at the deadline."""
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._popen.returncode

    def stop(self) -> None:
        """Ask it to end, wait its grace, then kill it. Already ended is success."""
        if self.exit_code is None:
            self._popen.send_signal(self.program.stop_signal)
            try:
                self._popen.wait(self.program.grace_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait for it."""
        self._popen.kill()
        self._popen.wait()


def _wrapper(program: Program) -> list[str]:
    wrapper = [
        shutil.which("setpriv") or "/usr/bin/setpriv",
        "--pdeathsig",
        program.stop_signal.name.removeprefix("SIG"),
    ]
    if program.account is not None:
        wrapper += ["--reuid", str(program.account.uid), "--regid", str(program.account.gid), "--clear-groups"]
    return [*wrapper, "--"]


def server_account() -> Account | None:
    """As root: `daemon`, which Debian keeps for unprivileged servers that write files. As anybody else: None."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("daemon")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def own_directory(path: Path, account: Account | None, *, mode: int = 0o700) -> Path:
    """Make `path` a directory of `account`'s (ours without one) with `mode`."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(*, preferred: int | None = None) -> int:
    """`preferred` when it is free, else a free loopback port far from the usual ones."""
    if preferred is not None and port_is_free(preferred):
        return preferred
    for port in random.sample(_OUR_PORTS, 200):
        if port_is_free(port):
            return port
    raise Failed("no free port on the loopback address")


def wait_until(done: Callable[[], bool], *, timeout_s: float, what: str, every_s: float = 0.02) -> None:
    """Poll `done`; raises `Failed` naming `what` at the deadline."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)


def started_ticks(pid: int) -> int | None:
    """When process `pid` started, in the kernel's ticks: with the pid it names one process for good. None: gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def end(pid: int, ticks: int, *, stop_signal: signal.Signals = signal.SIGTERM, grace_s: float = 10.0) -> None:
    """End a process that an earlier supervisor of ours left behind; a pid that is another's by now is let alone."""
    for sign, patience_s in ((stop_signal, grace_s), (signal.SIGKILL, 5.0)):
        if started_ticks(pid) != ticks:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)
        with contextlib.suppress(Failed):
            wait_until(lambda: started_ticks(pid) != ticks, timeout_s=patience_s, what=f"end of process {pid}")


def tail(log: Path, *, lines: int = 15) -> str:
    """The last lines of a log, for a message about why something failed."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def trim(log: Path, *, longest_bytes: int = LONGEST_LOG_BYTES) -> None:
    """Past its bound a log moves to NAME.log.1, in place: its writer has it open for appending and never notices."""
    try:
        if log.stat().st_size <= longest_bytes:
            return
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError):  # a full disk has no room for the copy, and needs the log's own all the more
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
