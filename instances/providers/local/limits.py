"""What a sandbox may use of the host: cgroups (version 1 or 2) beneath our own, so that limits above us still hold."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

PIDS = 2048
_CPU_SHARES = 1024  # all of a machine weighs what one host process does: a fork bomb does not starve the hub
_CONTROLLERS = ("memory", "pids", "cpu", "freezer")  # the last is one in version 1 only; 2 freezes any cgroup
_STILL_WITHIN_S = 2.0


class Cgroups:
    """The cgroups of one machine: made by its keeper, entered by its sandbox, removed when it ends."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths

    @classmethod
    def plan(cls, name: str) -> Cgroups:
        """Where they would be on this host. Nothing is made yet, so that one can write down what is going to be."""
        parents = {controller: _parent(controller) for controller in _CONTROLLERS}
        return cls({controller: parent / name for controller, parent in parents.items() if parent is not None})

    def make(self, *, memory_mib: int) -> None:
        """Set up what this host lets us set up; `missing` names the rest."""
        for controller, path in list(self._paths.items()):
            try:
                path.mkdir(exist_ok=True)
                _limit(controller, path, memory_mib)
            except OSError:
                del self._paths[controller]

    @property
    def missing(self) -> list[str]:
        return [controller for controller in ("memory", "pids") if controller not in self._paths]

    @property
    def paths(self) -> list[str]:
        return sorted({str(path) for path in self._paths.values()})

    def enter(self) -> None:
        """Put the calling process in, and so all that it will start."""
        for path in self.paths:
            (Path(path) / "cgroup.procs").write_text("0")

    def oom_kills(self) -> int:
        """How often the kernel ended a process in here because the memory was used up."""
        if "memory" not in self._paths:
            return 0
        for name in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(OSError):
                words = (self._paths["memory"] / name).read_text().split()
                if "oom_kill" in words:
                    return int(words[words.index("oom_kill") + 1])
        return 0


def end(paths: list[str], *, within_s: float) -> bool:
    """Kill what is in these cgroups and remove them. True when they are gone; called twice is success."""
    deadline = time.monotonic() + within_s
    left = [Path(path) for path in paths]
    while left:
        left = [path for path in left if not _removed(path)]
        if left and time.monotonic() > deadline:
            return False
        if left:
            time.sleep(0.005)
    return True


def freeze(paths: list[str]) -> bool:
    """Hold still what is in these cgroups. False, and nothing is held, where this host cannot; twice is success."""
    for path in map(Path, paths):
        v1, v2 = path / "freezer.state", path / "cgroup.freeze"
        with contextlib.suppress(OSError):
            if v1.exists():
                v1.write_text("FROZEN")
                return _comes(lambda state=v1: state.read_text().strip() == "FROZEN") or _let_go(paths)  # type: ignore[misc]
            if v2.exists():
                v2.write_text("1")
                events = path / "cgroup.events"
                return _comes(lambda events=events: "frozen 1" in events.read_text()) or _let_go(paths)  # type: ignore[misc]
    return False


def thaw(paths: list[str]) -> None:
    """Let go what is held; what is not, or is gone, is left alone."""
    for path in map(Path, paths):
        for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            with contextlib.suppress(OSError):
                if (path / name).exists():
                    (path / name).write_text(word)


def _let_go(paths: list[str]) -> bool:
    thaw(paths)
    return False


def _comes(look: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _STILL_WITHIN_S
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _removed(path: Path) -> bool:
    try:
        for pid in (path / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        thaw([str(path)])  # in version 1 what is frozen dies only then
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _limit(controller: str, path: Path, memory_mib: int) -> None:
    memory = str(memory_mib * 1024 * 1024)
    wanted = {
        # Version 1, then 2. The limit with swap can only be set once the one without is.
        "memory": (
            ("memory.limit_in_bytes", memory),
            ("memory.memsw.limit_in_bytes", memory),
            ("memory.max", memory),
            ("memory.swap.max", "0"),
        ),
        "pids": (("pids.max", str(PIDS)),),
        "freezer": (),
        "cpu": (("cpu.shares", str(_CPU_SHARES)), ("cpu.weight", str(_CPU_SHARES * 100 // 1024))),
    }
    for name, value in wanted[controller]:
        if (path / name).exists():
            (path / name).write_text(value)


def _parent(controller: str) -> Path | None:
    """Where a machine's cgroup for `controller` may be made: beneath our own (v1), or beside it (v2)."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for _, point, kind, options, *_ in mounts:
        if kind == "cgroup" and controller in options.split(","):
            paths = [path for _, controllers, path in own if controller in controllers.split(",")]
            return _beneath(Path(point), paths[0] if paths else "/")
    for _, point, kind, *_ in mounts:
        if kind == "cgroup2":
            paths = [path for number, _, path in own if number == "0"]
            return _delegated(controller, Path(point), paths[0] if paths else "/")
    return None


def _beneath(mount: Path, own: str) -> Path:
    path = mount / own.lstrip("/")
    return path if path.is_dir() else mount  # a container sees its own cgroup as the mount's root


def _delegated(controller: str, mount: Path, own: str) -> Path | None:
    """The nearest cgroup from ours upwards that hands `controller` to its children.

    Version 2 forbids that for one that holds processes itself, which ours does, unless it is the root.
    """
    path = _beneath(mount, own)
    for candidate in (path, *path.parents):
        with contextlib.suppress(OSError):
            if candidate == mount:
                (candidate / "cgroup.subtree_control").write_text(f"+{controller}")
            if controller in (candidate / "cgroup.subtree_control").read_text().split():
                return candidate
        if candidate == mount:
            return None
    return None
