"""A machine's run directory: what lies where in it, its two locks, and files that a crash never leaves half-written."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

_PROBES = 50
_PROBE_S = 0.002


class HostSide(TypedDict):
    """The part of a spec that is the host's, and may be another at the next start."""

    guest_dir: str
    guest_site_dir: str
    gateway_dir: str
    template: str
    argv: list[str]
    egress_allow: list[str]
    alone_s: float


class MachineSpec(TypedDict):
    """`spec.json`: all that a keeper needs to know. Holds the guest token: mode 0600."""

    token: str
    deployment: str
    flavour: str
    width: int
    height: int
    memory_mib: int
    disk_mib: int
    guest_token: str
    machine_id: str
    uid: int | None
    host: HostSide


class Status(TypedDict):
    """`status.json`: what the keeper last said. `power` is one of rising, up, resting, gone."""

    power: str
    reason: str
    since: str
    sandbox_pid: int
    sandbox_started: int
    cgroups: list[str]


class RunDirectory:
    """Paths, locks and files of one machine. The directory is the machine: without it there is none.

    `orders.lock` is held while somebody creates, starts, stops or destroys it; `keeper.lock` is held by the keeper as
    long as it lives, from before it is spawned, so a free lock means that no keeper is there and none is coming.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path / "home"
        self.log = path / "keeper.log"
        self.sockets = path / "keeper"
        self.heard = path / "heard"
        self._spec = path / "spec.json"
        self._status = path / "status.json"
        self._rest = path / "rest"

    def spec(self) -> MachineSpec | None:
        """The spec, or None where a crash came before it was written."""
        spec: MachineSpec | None = _read_json(self._spec)
        return spec

    def write_spec(self, spec: MachineSpec) -> None:
        _write_json(self._spec, spec)

    def status(self) -> Status | None:
        """What the keeper last said, or None where no keeper has spoken yet."""
        status: Status | None = _read_json(self._status)
        return status

    def write_status(self, status: Status) -> None:
        _write_json(self._status, status)

    def forget_status(self) -> None:
        self._status.unlink(missing_ok=True)

    @property
    def shall_rest(self) -> bool:
        """Whether a stop was ordered and no start since; holds however the keeper ends."""
        return self._rest.exists()

    def order_rest(self) -> None:
        self._rest.touch(mode=0o600)

    def withdraw_rest(self) -> None:
        self._rest.unlink(missing_ok=True)

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the directory where it is missing, and hold its orders lock."""
        while True:
            with contextlib.suppress(FileNotFoundError):
                self.path.mkdir(exist_ok=True)
                self.path.chmod(0o711)  # machines' users pass through, and see no more than what they know the name of
                lock = self._locked_orders()
                break
        try:
            yield
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def ordered(self) -> Iterator[None]:
        """Hold the orders lock of a directory that is there.

        Raises:
            FileNotFoundError: there is no such machine.
        """
        lock = self._locked_orders()
        try:
            yield
        finally:
            os.close(lock)

    def keeper_lives(self) -> bool:
        """Whether a keeper holds its lock. Asked with a shared lock, so that askers do not hinder each other."""
        lock = os.open(self.path / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def take_keeper_lock(self) -> int | None:
        """The keeper's lock as a descriptor to hand to a new keeper, or None where one holds it."""
        lock = os.open(self.path / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for _ in range(_PROBES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(lock, 0)
                return lock
            time.sleep(_PROBE_S)  # an asker's shared lock is gone in microseconds, a keeper's stays
        os.close(lock)
        return None

    def keeper_pid(self) -> int:
        """Whose the keeper's lock is; 0 until the keeper has said it. Of use only while the lock is held."""
        return int((self.path / "keeper.lock").read_text() or 0)

    def _locked_orders(self) -> int:
        while True:
            lock = os.open(self.path / "orders.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._is_current(lock):
                return lock
            os.close(lock)  # the directory was destroyed while we waited, and may have been made anew

    def _is_current(self, lock: int) -> bool:
        try:
            there = (self.path / "orders.lock").stat()
        except FileNotFoundError:
            return False
        return there.st_ino == os.fstat(lock).st_ino


def started(pid: int) -> int:
    """When a process started, in the kernel's ticks since boot: with its id, that names it for good. 0: it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return 0


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None


def _write_json(path: Path, value: Any) -> None:
    """Replace the file whole: a reader sees the old text or the new, and nobody but the owner may read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(value, file)
    draft.replace(path)
