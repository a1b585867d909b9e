"""The sandbox's process: the way into it (limits, user), its home, and the ways out of it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
from pathlib import Path

from instances.providers.local.limits import PIDS, Cgroups
from instances.providers.local.output import Output
from instances.providers.local.rundir import MachineSpec, RunDirectory
from instances.providers.local.sandbox import Files, command


def prepare_home(run: RunDirectory, spec: MachineSpec) -> None:
    """Make the home disk from the flavour's template, once; whole or not at all.

    Raises:
        OSError: it cannot be made.
    """
    run.sockets.mkdir(mode=0o755, exist_ok=True)
    if run.home.exists():
        return
    draft = run.path / "home.new"
    if draft.exists():  # a keeper died over it; no guest has ever seen it
        subprocess.run(["/bin/rm", "-rf", "--", str(draft)], stdin=subprocess.DEVNULL, check=False)
    draft.mkdir(mode=0o700)
    uid = spec["uid"]
    if uid is not None:
        os.chown(draft, uid, uid)
    if spec["host"]["template"]:
        _copy(Path(spec["host"]["template"]), draft, uid)
    draft.rename(run.home)


def _copy(template: Path, home: Path, uid: int | None) -> None:
    """Copy as the machine's user, so that all of it is the machine's."""
    copied = subprocess.run(
        ["/bin/cp", "-R", "--no-dereference", "--preserve=mode,timestamps,links", f"{template}/.", str(home)],
        stdin=subprocess.DEVNULL,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
        check=False,
    )
    if copied.returncode:
        raise OSError(0, "its home could not be copied from the template")
    home.chmod(0o700)


class Sandbox:
    """A running bubblewrap. `pid` is the sandbox's first process as the host counts it, 0 where it never came to be."""

    def __init__(self, process: subprocess.Popen[bytes], pid: int) -> None:
        self._process = process
        self.pid = pid

    @classmethod
    def start(cls, run: RunDirectory, spec: MachineSpec, cgroups: Cgroups, output: Output) -> Sandbox:
        """Start the machine's program in its sandbox, beneath its limits and as its user.

        Raises:
            OSError: nothing was started.
        """
        files = Files()
        info, info_writer = os.pipe2(os.O_CLOEXEC)
        try:
            process = subprocess.Popen(
                command(spec, run, files, info=info_writer),
                stdin=subprocess.DEVNULL,
                stdout=output.writer,
                stderr=output.writer,
                cwd="/",
                env={},
                pass_fds=(*files.descriptors, info_writer),
                # The keeper has one thread, so code between fork and exec is safe here.
                preexec_fn=lambda: _enter(spec, cgroups),
            )
        except subprocess.SubprocessError as error:
            raise OSError(0, "its limits could not be set") from error
        finally:
            os.close(info_writer)
            os.close(output.writer)
            files.close()
        return cls(process, _first_pid(info))

    @property
    def exit_code(self) -> int:
        return self._process.returncode or 0

    def runs(self) -> bool:
        return self._process.poll() is None

    def shut_down(self, *, within_s: float) -> None:
        """Ask the machine's program to end, so that it can save what it holds; past `within_s`, leave it to `end`."""
        children = _children(self.pid)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        if not children:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)

    def end(self) -> None:
        """End every process of the sandbox at once. Its first process takes the others along."""
        if not self.runs():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid or self._process.pid, signal.SIGKILL)
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _enter(spec: MachineSpec, cgroups: Cgroups) -> None:
    cgroups.enter()
    disk = spec["disk_mib"] * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (disk, disk))
    uid = spec["uid"]
    if uid is None:
        return
    if "pids" in cgroups.missing:  # counts per user, and the user is this machine's alone
        resource.setrlimit(resource.RLIMIT_NPROC, (PIDS, PIDS))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _first_pid(info: int) -> int:
    with os.fdopen(info, "rb") as file:
        text = file.read()
    return int(json.loads(text)["child-pid"]) if text else 0


def _children(pid: int) -> list[int]:
    """The processes that `pid` started; none where it is gone."""
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
