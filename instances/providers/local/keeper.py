"""The keeper: one small process a machine, that starts its sandbox, watches it and says how it is.

`python -m instances.providers.local.keeper RUN_DIRECTORY LOCK_DESCRIPTOR`. It outlives the worker. Only a process of
its own may start the sandbox: bubblewrap's --die-with-parent fires when the *thread* that started it ends. It imports
little, because its own start stands before every boot; the egress proxy is a process of its own for that reason, and so
as not to be root.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path

from instances.providers.local import limits
from instances.providers.local.disk import DiskWatch
from instances.providers.local.gatehouse import Gatehouse
from instances.providers.local.hearing import Hearing
from instances.providers.local.output import Output
from instances.providers.local.process import Sandbox, prepare_home
from instances.providers.local.rundir import MachineSpec, RunDirectory, Status, started

_TICK_S = 1.0
_GRACE_S = 3.0


class Keeper:
    """One machine's life from boot to end."""

    def __init__(self, run: RunDirectory, spec: MachineSpec) -> None:
        self._run = run
        self._spec = spec
        self._told_to_end = False
        self._lost = False
        self._wakeup = -1
        self._status: Status = {
            "power": "rising",
            "reason": "",
            "since": "",
            "sandbox_pid": 0,
            "sandbox_started": 0,
            "cgroups": [],
        }

    def live(self) -> None:
        """Boot the machine, watch it to its end, and say why it ended."""
        self._wakeup = _listen_for_signals(self._end_when_told)
        name = f"machine-{self._spec['token']}-{os.getpid()}"
        cgroups = limits.Cgroups.plan(name)
        self._status["cgroups"] = cgroups.paths
        self._tell("rising")  # before they are made: whoever kills the keeper must find them
        cgroups.make(memory_mib=self._spec["memory_mib"])
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        gatehouse = Gatehouse(self._run, self._spec, poll)
        output = Output()
        try:
            prepare_home(self._run, self._spec)
            sandbox = Sandbox.start(self._run, self._spec, cgroups, output)
        except OSError as error:
            reason = f"The host could not start the sandbox: {error.strerror}."
            print(f"no sandbox: {error}", file=sys.stderr)  # noqa: T201 - the keeper's log
        else:
            self._status |= {"sandbox_pid": sandbox.pid, "sandbox_started": started(sandbox.pid)}
            self._tell("up", _unlimited(cgroups.missing))
            reason = self._watch(sandbox, gatehouse, output, poll) or self._epitaph(sandbox, cgroups, output)
            sandbox.end()
        gatehouse.close()
        limits.end(self._status["cgroups"], within_s=_GRACE_S)
        if self._lost:
            self._run.order_rest()
        rests = self._run.shall_rest
        self._tell("resting" if rests else "gone", reason if self._lost or not rests else "")

    def _watch(self, sandbox: Sandbox, gatehouse: Gatehouse, output: Output, poll: select.poll) -> str:
        """Look after the sandbox until it ends. A reason where the keeper had to end it, else nothing."""
        poll.register(output.reader, select.POLLIN)
        disk_mib, uid = self._spec["disk_mib"], self._spec["uid"]
        disk = DiskWatch(self._run.home, disk_mib=disk_mib, uid=uid, first_pid=sandbox.pid)
        hearing = Hearing(self._run.heard, self._spec["host"]["alone_s"])
        gatehouse.look_after({})
        try:
            while sandbox.runs():
                events = dict(poll.poll(_TICK_S * 1000))
                if self._wakeup in events:
                    os.read(self._wakeup, 4096)
                if output.reader in events and not output.drain():
                    poll.unregister(output.reader)
                if self._told_to_end:
                    sandbox.shut_down(within_s=_GRACE_S)
                    return "The host ended the machine."
                if hearing.is_lost():
                    self._lost = True
                    sandbox.shut_down(within_s=_GRACE_S)
                    return f"Nobody looked after the machine for {self._spec['host']['alone_s'] / 3600:g} hours."
                if excess := disk.excess():
                    return excess
                gatehouse.look_after(events)
        finally:
            disk.close()
        return ""

    def _epitaph(self, sandbox: Sandbox, cgroups: limits.Cgroups, output: Output) -> str:
        if sandbox.exit_code and cgroups.oom_kills():
            return f"The machine ran out of memory: its limit is {self._spec['memory_mib']} MiB."
        last_words = output.last_words()
        return f"The machine's program ended with code {sandbox.exit_code}" + (f": {last_words}" if last_words else ".")

    def _tell(self, power: str, reason: str = "") -> None:
        self._status |= {"power": power, "reason": reason, "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        self._run.write_status(self._status)

    def _end_when_told(self, signum: int, frame: object) -> None:
        self._told_to_end = True


def _listen_for_signals(end: signal._HANDLER) -> int:
    """Have SIGTERM and SIGINT end the machine, and any signal wake the poll: a descriptor that turns readable."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _only_wake)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return reader


def _only_wake(signum: int, frame: object) -> None:
    """Python calls a handler only where there is one, and only then writes to the wakeup descriptor."""


def _unlimited(missing: list[str]) -> str:
    return f"This host does not let the machine's {' and '.join(missing)} be limited." if missing else ""


def main(arguments: list[str]) -> int:
    """Keep the machine of a run directory; its keeper lock is already held, on an inherited descriptor."""
    lock = int(arguments[1])
    os.set_inheritable(lock, False)  # the sandbox must not hold it too
    os.write(lock, str(os.getpid()).encode())
    run = RunDirectory(Path(arguments[0]))
    spec = run.spec()
    if spec is None:
        return 1
    Keeper(run, spec).live()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
