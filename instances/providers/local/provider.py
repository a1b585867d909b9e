"""The local driver's door. Daemonless: a machine is a run directory with two locks, and a keeper while it runs."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from instances.flavours import FLAVOURS
from instances.providers.base import Handle, OutOfCapacity, Power, Refused, Sighting, Spec, Unreachable
from instances.providers.local import capabilities, limits, uids
from instances.providers.local.ending import end_keeper
from instances.providers.local.gatehouse import ROOT
from instances.providers.local.hearing import leave_word
from instances.providers.local.rundir import HostSide, MachineSpec, RunDirectory
from instances.providers.local.sandbox import GUEST_ARGV
from instances.providers.local.snapshot import guest_copy

VERSION = 1
_TOKEN = re.compile(r"[a-z0-9-]{1,64}")
_FREE_MIB = 512
_SIDE = range(320, 8193)
_TRASH = ".gone-"


class LocalProvider:
    """Sandboxed desktops on this host; `Provider`, `CanRest` and `CanFreeze`.

    Where we are root, each machine runs as a host user of its own; all folders must then be open to others up to the
    root (0711 is enough for `machines_dir`). `egress_allow` are networks that machines may reach though not public.
    A machine that nobody inspects for `alone_hours` rests by itself; 0: never.
    """

    def __init__(
        self,
        machines_dir: Path,
        gateway_dir: Path,
        guest_site_dir: Path,
        templates_dir: Path,
        deployment: str = "local",
        *,
        egress_allow: Sequence[str] = (),
        alone_hours: float = 24,
        guest_dir: Path = ROOT / "guest",
        guest_argv: Sequence[str] = tuple(GUEST_ARGV),
    ) -> None:
        self._machines = machines_dir.absolute()
        self._gateway = gateway_dir.absolute()
        self._guest_site = guest_site_dir.absolute()
        self._templates = templates_dir.absolute()
        self._deployment = deployment
        self._egress_allow = list(egress_allow)
        self._alone_s = alone_hours * 3600
        self._guest = guest_dir.absolute()
        self._argv = list(guest_argv)

    def create(self, spec: Spec, *, token: str) -> Handle:
        """See `Provider.create`. A machine that was made and has ended is not started again."""
        self._check(spec, token)
        run = self._run(token)
        with _host_errors():
            self._machines.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._gateway.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._check_room()
            with run.claimed():
                if run.spec() is None:
                    run.write_spec(self._machine_spec(spec, token))
                if run.status() is None and not run.shall_rest:
                    self._spawn_keeper(run)
        return self._handle(token)

    def inspect(self, handle: Handle) -> Sighting:
        """See `Provider.inspect`. A machine whose keeper died, as by a restart of the host, is `GONE`, with a reason;
        its directory stays until it is destroyed."""
        run = self._run(handle.data["token"])
        try:
            lives = run.keeper_lives()
        except FileNotFoundError:
            return Sighting(Power.GONE)
        except OSError as error:
            raise Unreachable("the machine's run directory cannot be read") from error
        status = run.status()
        if lives:
            leave_word(run.heard)
            if status is None or status["power"] == Power.RISING:
                return Sighting(Power.RISING)
            return Sighting(Power.UP, status["reason"])  # also in the last moments of its end
        if run.shall_rest:
            return Sighting(Power.RESTING, status["reason"] if status and status["power"] == Power.RESTING else "")
        if status is None and run.home.exists():
            return Sighting(Power.RESTING, "The machine's start was cut off.")
        if status is None:
            return Sighting(Power.GONE, "The machine was never fully made.")
        died = status["power"] in (Power.RISING, Power.UP)
        return Sighting(Power.GONE, "The machine was cut off by its host." if died else status["reason"])

    def destroy(self, handle: Handle) -> None:
        """See `Provider.destroy`. Also ends a machine that is only half made."""
        run = self._run(handle.data["token"])
        with _host_errors(), contextlib.suppress(FileNotFoundError), run.ordered():
            _let_go(run)
            if not end_keeper(run):
                raise Unreachable("the machine's processes have not ended yet")
            # In one step, so that the token is free and no half of a machine is left; what takes time comes after.
            run.path.rename(self._machines / f"{_TRASH}{uuid.uuid4().hex}")
        self._empty_trash()

    def list_ours(self) -> Iterator[tuple[str, Handle]]:
        """See `Provider.list_ours`."""
        try:
            names = sorted(path.name for path in self._machines.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unreachable("the folder of the machines cannot be read") from error
        for name in names:
            if _TOKEN.fullmatch(name):
                yield name, self._handle(name)

    def look_after(self, handles: Iterable[Handle]) -> None:
        """See `LooksAfter.look_after`."""
        for handle in handles:
            leave_word(self._run(handle.data["token"]).heard)

    def stop(self, handle: Handle) -> None:
        """See `CanRest.stop`. The wish is kept on disk first, so it holds however the keeper ends."""
        run = self._run(handle.data["token"])
        with _host_errors(), contextlib.suppress(FileNotFoundError), run.ordered():
            run.order_rest()
            _let_go(run)
            if run.keeper_lives():
                end_keeper(run, gently=True)

    def start(self, handle: Handle) -> None:
        """See `CanRest.start`. Boots with the home as it was left, and with the guest program as it is now."""
        run = self._run(handle.data["token"])
        with _host_errors(), _existing(run):
            spec = run.spec()
            if spec is None:
                raise Refused("The machine was never fully made.")
            if run.keeper_lives():
                if run.shall_rest:
                    raise Unreachable("the machine is still shutting down")
                return
            self._check_room()
            if not end_keeper(run):  # a keeper that was killed may have left something
                raise Unreachable("the machine's processes have not ended yet")
            run.write_spec({**spec, "host": self._host_side(spec["flavour"])})
            run.forget_status()
            run.withdraw_rest()
            self._spawn_keeper(run)

    def freeze(self, handle: Handle) -> bool:
        """See `CanFreeze.freeze`. By the cgroup freezer, of version 1 or 2; without cgroups it cannot be done."""
        run = self._run(handle.data["token"])
        with _host_errors(), run.ordered():
            status = run.status()
            if status is None or status["power"] != Power.UP or not run.keeper_lives():
                raise Unreachable("the machine is not up")
            return limits.freeze(status["cgroups"])

    def thaw(self, handle: Handle) -> None:
        """See `CanFreeze.thaw`."""
        run = self._run(handle.data["token"])
        with _host_errors(), contextlib.suppress(FileNotFoundError), run.ordered():
            _let_go(run)

    def capabilities(self) -> dict[str, str]:
        """For each flavour `ok`, or one line that says why this host cannot run it. Takes some 20 ms."""
        return capabilities.probe((self._machines, self._gateway, self._guest_site, self._templates))

    def _run(self, token: str) -> RunDirectory:
        if not _TOKEN.fullmatch(token):
            raise Refused("a machine's token is 1 to 64 of a-z, 0-9 and -")
        return RunDirectory(self._machines / token)

    def _handle(self, token: str) -> Handle:
        return Handle(VERSION, {"token": token, "deployment": self._deployment})

    def _check(self, spec: Spec, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise Refused("a machine's token is 1 to 64 of a-z, 0-9 and -")
        if spec.flavour not in FLAVOURS:
            raise Refused(f"There is no flavour {spec.flavour!r} here.")
        if spec.width not in _SIDE or spec.height not in _SIDE:
            raise Refused(f"A screen's sides are {_SIDE.start} to {_SIDE.stop - 1} pixels.")
        if spec.memory_mib < 64 or spec.disk_mib < 64:
            raise Refused("A machine needs at least 64 MiB of memory and of disk.")
        if missing := capabilities.missing_package(spec.flavour):
            raise Refused(missing)

    def _check_room(self) -> None:
        if shutil.disk_usage(self._machines).free < _FREE_MIB * 2**20:
            raise OutOfCapacity("the host's disk is nearly full")

    def _machine_spec(self, spec: Spec, token: str) -> MachineSpec:
        return {
            "token": token,
            "deployment": self._deployment,
            "flavour": spec.flavour,
            "width": spec.width,
            "height": spec.height,
            "memory_mib": spec.memory_mib,
            "disk_mib": spec.disk_mib,
            "guest_token": spec.guest_token,
            "machine_id": uuid.uuid4().hex,
            "uid": uids.allocate(self._machines, token),
            "host": self._host_side(spec.flavour),
        }

    def _host_side(self, flavour: str) -> HostSide:
        template = self._templates / flavour / "home"
        return {
            "guest_dir": str(guest_copy(self._guest, self._machines / ".guest")),
            "guest_site_dir": str(self._guest_site),
            "gateway_dir": str(self._gateway),
            "template": str(template) if template.is_dir() else "",
            "argv": self._argv,
            "egress_allow": self._egress_allow,
            "alone_s": self._alone_s,
        }

    def _spawn_keeper(self, run: RunDirectory) -> None:
        lock = run.take_keeper_lock()
        if lock is None:
            return
        try:
            keeper = [sys.executable, "-S", "-P", "-m", "instances.providers.local.keeper", str(run.path), str(lock)]
            with run.log.open("wb") as log:
                # setsid --fork: the keeper is nobody's child, so the worker may end first and has no zombie to reap.
                subprocess.run(
                    ["/usr/bin/setsid", "--fork", *keeper],
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),
                    env={"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},  # none of the worker's secrets
                    cwd="/",
                    umask=0o022,
                )
        finally:
            os.close(lock)

    def _empty_trash(self) -> None:
        for path in self._machines.glob(f"{_TRASH}*"):
            _remove(path)


def _let_go(run: RunDirectory) -> None:
    """Whoever is told to end must be able to hear it."""
    status = run.status()
    if status is not None:
        limits.thaw(status["cgroups"])


def _remove(path: Path) -> None:
    """Delete a tree that a guest could shape: rm follows no link, and minds no depth, where shutil.rmtree recurses."""
    command = ["/bin/rm", "-rf", "--one-file-system", "--", str(path)]
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if path.exists() and os.geteuid():  # we are not root, and the guest took rights from its own folders
        subprocess.run(["/bin/chmod", "-R", "u+rwX", "--", str(path)], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def _existing(run: RunDirectory) -> Iterator[None]:
    try:
        with run.ordered():
            yield
    except FileNotFoundError as error:
        raise Refused("The machine does not exist.") from error


@contextlib.contextmanager
def _host_errors() -> Iterator[None]:
    """The host's errors as the core knows them."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM):
            raise OutOfCapacity(f"the host has no room: {error.strerror}") from error
        raise Unreachable(f"the host refused: {error.strerror}") from error
    except subprocess.SubprocessError as error:
        raise Unreachable("the machine's keeper could not be started") from error
